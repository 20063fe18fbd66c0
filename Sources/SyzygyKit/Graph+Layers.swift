import CSyzygy

extension Graph {
    /// A fully connected layer, h Wᵀ + b, declared so that probes can observe it.
    ///
    /// - Parameters:
    ///   - input: `[rows, …, d_in]`
    ///   - units: d_out; the weight `name.weight` is `[d_out, d_in]`
    ///   - bias: how `name.bias`, `[d_out]`, begins; nil for a layer without bias
    /// - Returns: `[rows, …, d_out]`, with the bias; probes see the layer's output without it.
    public func dense(
        _ input: Node, _ units: Int, name: String, weight: Initializer = Initializer("torch_linear"),
        bias: Initializer? = nil
    ) -> Node {
        guard input.id >= 0 else { return input }
        let sizes = input.shape
        guard sizes.count >= 2, let features = sizes.last else {
            return fail("layer \(name) takes [rows, …, features], not \(sizes)")
        }
        let weights = parameter("\(name).weight", role: .weight, shape: [units, features], initializer: weight)
        let biases = bias.map {
            parameter("\(name).bias", role: .bias, shape: [units], initializer: $0, fanIn: features, fanOut: units)
        }
        let output = apply("matmul", [input, weights], ["transpose_b": 1])
        let declared = service.pointee.layer(
            service.pointee.context, name, input.id, weights.id, biases?.id ?? -1, output.id)
        guard declared == SYZYGY_OK else { return fail("layer \(name) was refused") }
        return biases.map { output + $0 } ?? output
    }
}

extension Node {
    /// The rows flattened to vectors: `[rows, …]` becomes `[rows, features]`, `[rows]` becomes `[rows, 1]`.
    public func flattened() -> Node {
        let sizes = shape
        guard id >= 0, sizes.count != 2, let rows = sizes.first else { return self }
        return reshaped(to: [rows, sizes.dropFirst().reduce(1, *)])
    }
}

extension Node {
    /// A batch's targets as `[rows, columns]`: class indices `[rows]` become one-hot rows, real targets stay, and `[rows]`
    /// with one column becomes `[rows, 1]`.
    public func targets(columns: Int) -> Node {
        guard id >= 0, shape.count == 1, columns > 1 else { return flattened() }
        return apply("one_hot", ["classes": Double(columns)])
    }
}
