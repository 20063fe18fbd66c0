/// A component of a plugin and the options a run gives it; every option of the manifest is present, in its declared type.
package struct Choice: Hashable, Sendable {
    /// The plugin's id and the component's, `syzygy.sgd/sgd`.
    package var component: String
    package var options: [String: JSON]
    /// Schedules of an optimizer's or regularizer's options.
    package var schedules: [String: Choice]
    /// Of a dataset made of another one: that one; else none.
    package var of: [Choice] = []

    package init(component: String, options: [String: JSON] = [:], schedules: [String: Choice] = [:]) {
        self.component = component
        self.options = options
        self.schedules = schedules
    }
}
