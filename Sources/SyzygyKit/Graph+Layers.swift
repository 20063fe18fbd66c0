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
            parameter(
                "\(name).bias", role: .bias, shape: [units], initializer: $0, fanIn: features, fanOut: units)
        }
        return dense(input, weight: weights, bias: biases, name: name)
    }

    /// The same with parameters that are there already.
    public func dense(_ input: Node, weight: Node, bias: Node? = nil, name: String) -> Node {
        declared(apply("matmul", [input, weight], ["transpose_b": 1]), input, weight, bias, name)
    }

    /// Declares a product as a layer and adds its bias.
    func declared(_ output: Node, _ input: Node, _ weight: Node, _ bias: Node?, _ name: String) -> Node {
        let status = service.pointee.layer(
            service.pointee.context, name, input.id, weight.id, bias?.id ?? -1, output.id)
        guard status == SYZYGY_OK else { return fail("layer \(name) was refused") }
        return bias.map { output + $0 } ?? output
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
