/// The value of a component's option, as a study or a manifest's default gives it.
package enum ParameterValue: Hashable, Sendable {
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case ints([Int])
    case floats([Double])
    case strings([String])
}

/// A component of a plugin and the options a run gives it; every option of the manifest is present.
package struct Choice: Hashable, Sendable {
    /// The plugin's id and the component's, `syzygy.sgd/sgd`.
    package var component: String
    package var parameters: [String: ParameterValue]

    package init(component: String, parameters: [String: ParameterValue] = [:]) {
        self.component = component
        self.parameters = parameters
    }
}
