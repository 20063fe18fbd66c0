/// One measured number, or the reason why there is none.
package struct Observation: Hashable, Sendable {
    package var step: Int
    /// The key of the probe in the study.
    package var probe: String
    /// `binding.output`, or `output`.
    package var output: String
    /// The layer's or parameter's name; empty for a whole network.
    package var layer: String
    /// Position in an array output.
    package var index: Int?
    package var value: Value

    package enum Value: Hashable, Sendable {
        case number(Double)
        /// A code in snake_case: `undefined_value`, `constant_matrix`, `out_of_range`, …
        case missing(reason: String)
    }

    package init(step: Int, probe: String, output: String, layer: String = "", index: Int? = nil, value: Value) {
        self.step = step
        self.probe = probe
        self.output = output
        self.layer = layer
        self.index = index
        self.value = value
    }
}
