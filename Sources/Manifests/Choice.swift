/// A component of a plugin and the options a run gives it; every option of the manifest is present, in its declared type.
package struct Choice: Hashable, Sendable {
    /// The plugin's id and the component's, `syzygy.sgd/sgd`.
    package var component: String
    package var options: [String: JSON]

    package init(component: String, options: [String: JSON] = [:]) {
        self.component = component
        self.options = options
    }
}
