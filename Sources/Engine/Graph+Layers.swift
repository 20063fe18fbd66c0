/// output = input · weightᵀ before the bias, row by row: where probes look. A convolution is such a map of its patches.
package struct Layer: Hashable, Sendable {
    package let name: String
    /// `[rows, …, d_in]`, or the images of a convolution.
    package let input: Node
    /// `[d_out, d_in]`, or `[outputs, kernel_h, kernel_w, channels]`.
    package let weight: Node
    /// `[d_out]`.
    package let bias: Node?
    /// `[rows, …, d_out]`.
    package let output: Node
    fileprivate let convolution: Convolution?
}

/// A layer as the matrices that it multiplies.
package struct LayerMatrices {
    /// `[rows of the batch · positions, d_in]`; the rows are patches for a convolution.
    package let input: Node
    /// `[d_out, d_in]`.
    package let weight: Node
    /// `[rows of the batch · positions, d_out]`.
    package let output: Node
}

extension Graph {
    /// Declares output = input · weightᵀ, before any bias, as a layer to observe: matrices (axes between the first and the last
    /// count positions), or the result of `conv2d` with its images and its weight. The last one is the head.
    package func layer(_ name: String, input: Node, weight: Node, bias: Node?, output: Node) throws {
        guard !name.isEmpty else { throw GraphError("layer: the name is empty") }
        let name = namespace + name
        guard !layers.contains(where: { $0.name == name }) else {
            throw GraphError("layer: '\(name)' is declared twice")
        }
        let what = "layer \(name)"
        try check([input, weight, output] + (bias.map { [$0] } ?? []), for: what)
        let (x, w, y) = (operand(input), operand(weight), operand(output))
        var convolution: Convolution?
        if w.shape.count == 4 {
            convolution = try self.convolution(input, weight, output, for: what)
        } else {
            for matrix in [x, w, y] where matrix.shape.count < 2 || (matrix.shape == w.shape && w.shape.count != 2) {
                throw GraphError("\(what): \(matrix) is not a matrix")
            }
            guard x.shape.last == w.shape[1] else {
                throw GraphError(
                    "\(what): input \(x) and weight \(w) do not fit: \(x.shape.last ?? 0) features against \(w.shape[1])"
                )
            }
            let expected = Array(x.shape.dropLast()) + [w.shape[0]]
            guard y.shape == expected else {
                throw GraphError("\(what): output \(y) is not \(expected), input times weight transposed")
            }
        }
        if let bias, shape(of: bias) != [w.shape[0]] {
            throw GraphError("\(what): bias \(operand(bias)) is not \([w.shape[0]])")
        }
        layers.append(
            Layer(name: name, input: input, weight: weight, bias: bias, output: output, convolution: convolution))
    }

    /// What makes `output` from `input` and `weight`.
    private func convolution(_ input: Node, _ weight: Node, _ output: Node, for what: String) throws -> Convolution {
        let result = Term(graph: self, node: output)
        guard let rule = result.rule as? Convolution, rule.direction == .forward, rule.copies == 1,
            result.inputs[0].node == input,
            result.inputs[1].node
                == rule.packed(Term(graph: self, node: weight).reshaped(to: [1] + shape(of: weight))).node
        else {
            throw GraphError(
                "\(what): output \(operand(output)) is not conv2d of input \(operand(input)) and weight \(operand(weight))"
            )
        }
        guard rule.groups == 1 else {
            throw GraphError(
                "\(what): a convolution in \(rule.groups) groups is no product with one matrix; probes need 1 group")
        }
        return rule
    }

    /// The node that does a layer's arithmetic; reshaped, it is the layer's output.
    package func product(of layer: Layer) -> Node { beforeReshaping(layer.output) }

    /// Whether the output is computed as the product of input and weight, as declared; a model could find it in another way.
    package func isProduct(_ layer: Layer) -> Bool {
        if layer.convolution != nil { return true }
        guard case .operation(let operation, let inputs) = definition(of: product(of: layer)),
            let rule = operation.rule as? MatMul, rule == MatMul(transposeB: true)
        else { return false }
        return beforeReshaping(inputs[0]) == beforeReshaping(layer.input)
            && beforeReshaping(inputs[1]) == beforeReshaping(layer.weight)
    }

    private func beforeReshaping(_ node: Node) -> Node {
        var node = node
        while case .operation(let operation, let inputs) = definition(of: node), operation.rule is Reshape {
            node = inputs[0]
        }
        return node
    }

    /// The cotangents of a layer's input and weight for one of its output. If `weight` is given, that of the input is what it
    /// would be with that weight.
    package func pullback(
        through layer: Layer, cotangent: Node, backwardWeight: Node? = nil
    ) throws -> (input: Node, weight: Node) {
        let own = try vjp(of: layer.output, cotangent: cotangent, withRespectTo: [layer.input, layer.weight])
        guard let backwardWeight else { return (own[0], own[1]) }
        let output: Node
        if let rule = layer.convolution {
            let weight = Term(graph: self, node: backwardWeight).reshaped(to: [1] + shape(of: layer.weight))
            output = try apply(Operation(rule), [layer.input, rule.packed(weight).node])
        } else {
            output = try apply(.matmul(transposeB: true), [layer.input, backwardWeight])
        }
        return (try vjp(of: output, cotangent: cotangent, withRespectTo: [layer.input])[0], own[1])
    }

    /// A convolution's input becomes its patches, `[rows · positions, kernel_h · kernel_w · channels]`; other layers are only
    /// seen as matrices. Positions of a row of the batch follow each other.
    package func matrices(of layer: Layer) throws -> LayerMatrices {
        let outputs = shape(of: layer.weight)[0], columns = Shape.elements(shape(of: layer.weight)) / outputs
        let rows = Shape.elements(shape(of: layer.output)) / outputs
        let patches = try layer.convolution.map { rule in
            try apply(Operation(Pooling(kind: .patches, axes: rule.axes, channels: rule.channels)), [layer.input])
        }
        return LayerMatrices(
            input: try reshape(patches ?? layer.input, to: [rows, columns]),
            weight: try reshape(layer.weight, to: [outputs, columns]),
            output: try reshape(layer.output, to: [rows, outputs]))
    }
}
