/// Gradients of single samples.
extension Graph {
    /// The gradient of each sample's loss with respect to each node, `[samples] + shape`.
    ///
    /// The loss is that of a graph built for one sample (a number, or one loss); `batch` gives for each of its inputs the
    /// values of all samples, `[samples] + shape`. Nothing is computed sample by sample: a dense layer gives one batch of outer
    /// products, and `squaredNorms` does without even these.
    package func sampleGradients(
        of loss: Node, withRespectTo nodes: [Node], samples: Int, batch: [Node: Node]
    ) throws -> [Node] {
        try check([loss] + nodes, for: "gradients of samples")
        guard Shape.elements(shape(of: loss)) == 1 else {
            throw GraphError("gradients of samples: \(operand(loss)) is not the loss of one sample")
        }
        let gradients = try gradient(of: reshape(loss, to: []), withRespectTo: nodes)
        return try batched(gradients, copies: samples, replacing: batch)
    }

    /// Σ over all nodes and elements of g_s², `[samples]`, for gradients of samples g.
    package func squaredNorms(ofSamples gradients: [Node]) throws -> Node {
        try sum(gradients) { $0.apply(.square).sum(axes: Array(1..<$0.shape.count)) }
    }

    /// The Gram matrix g_s · g_t, `[samples, samples]`, for gradients of samples g.
    /// - Complexity: for outer products of sizes m and l, O(samples² (m + l)) instead of O(samples² m l).
    package func gram(ofSamples gradients: [Node]) throws -> Node {
        try sum(gradients) { gradient in
            if let (a, b) = gradient.outerFactors { return a.inSamples.gram * b.inSamples.gram }
            return gradient.inSamples.gram
        }
    }

    private func sum(_ gradients: [Node], _ part: (Term) -> Term) throws -> Node {
        try check(gradients, for: "gradients of samples")
        let parts = gradients.map { part(Term(graph: self, node: $0)) }
        guard let first = parts.first else { throw GraphError("gradients of samples: of no nodes") }
        return parts.dropFirst().reduce(first, +).node
    }
}

extension Term {
    /// `[samples, …] -> [samples, elements of one]`.
    fileprivate var inSamples: Term { reshaped(to: [shape[0], Shape.elements(Array(shape.dropFirst()))]) }
    /// x xᵀ.
    fileprivate var gram: Term { matmul(self, transposeB: true) }
}
