/// How a model's outputs parametrize the distribution of its targets.
package enum OutputDistribution: Hashable, Sendable {
    /// The outputs are logits; the last axis counts the classes.
    case categorical
    /// Independent normal targets around the outputs.
    case gaussian(variance: Double)
}

/// Products of curvature matrices with vectors. `vectors` gives the part of the vector v that belongs to each node;
/// the results have the shapes of the nodes.
extension Graph {
    /// H v with H the Hessian of a number f with respect to all nodes together: the gradient of (gradient of f) · v.
    /// - Complexity: a run costs 2 to 3 gradients.
    package func hessianVectorProduct(
        of scalar: Node, along vectors: [(node: Node, tangent: Node)]
    ) throws -> [Node] {
        try check(isNumber: scalar, for: "hessian-vector product")
        let nodes = vectors.map(\.node)
        let gradients = try gradient(of: scalar, withRespectTo: nodes)
        return try vjp(of: zip(gradients, vectors).map { ($0, $1.tangent) }, withRespectTo: nodes)
    }

    /// Jᵀ H_L J v: J the Jacobian of `outputs` with respect to the nodes, H_L the Hessian of the number `loss` with respect to
    /// the outputs. Positive semidefinite where the loss is convex in the outputs; equal to the Hessian for outputs linear in
    /// the nodes.
    /// - Complexity: a run costs less than 2 gradients.
    ///
    /// Source: Schraudolph, Neural Computation 14 (2002) 1723, section 3.
    package func gaussNewtonVectorProduct(
        of loss: Node, outputs: Node, along vectors: [(node: Node, tangent: Node)]
    ) throws -> [Node] {
        try check(isNumber: loss, for: "Gauss-Newton-vector product")
        let moved = try jvp(of: [outputs], along: vectors)[0]
        let curved = try hessianVectorProduct(of: loss, along: [(outputs, moved)])[0]
        return try vjp(of: outputs, cotangent: curved, withRespectTo: vectors.map(\.node))
    }

    /// F v with the Fisher information F = (1/n) Σ_s E[∇ log p(y|z_s) ∇ log p(y|z_s)ᵀ], y drawn from the model's own outputs
    /// z `[n, …]`; further axes of z but the classes are independent targets, whose information adds up.
    /// Categorical: Jᵀ (diag p − p pᵀ) J / n. Gaussian: Jᵀ J / (n variance).
    ///
    /// Source: Martens, JMLR 21 (2020) 146, section 5.
    package func fisherVectorProduct(
        of outputs: Node, _ distribution: OutputDistribution, along vectors: [(node: Node, tangent: Node)]
    ) throws -> [Node] {
        guard let samples = shape(of: outputs).first else {
            throw GraphError("Fisher-vector product: \(operand(outputs)) has no axis of samples")
        }
        let moved = Term(graph: self, node: try jvp(of: [outputs], along: vectors)[0])
        let curved: Term
        switch distribution {
        case .categorical:
            let p = Term(graph: self, node: outputs).apply(.softmax())
            curved = (1 / Double(samples)) * (p * (moved - (p * moved).sum(axes: [-1], keep: true)))
        case .gaussian(let variance):
            curved = (1 / (Double(samples) * variance)) * moved
        }
        return try vjp(of: outputs, cotangent: curved.node, withRespectTo: vectors.map(\.node))
    }

    /// (1/n) Σ_s g_s (g_s · v) with g_s the gradient of `losses[s]`, shape `[n]`: the uncentred second moment of the gradients
    /// of samples, without forming them.
    package func empiricalFisherVectorProduct(
        of losses: Node, along vectors: [(node: Node, tangent: Node)]
    ) throws -> [Node] {
        guard shape(of: losses).count == 1 else {
            throw GraphError("empirical Fisher: \(operand(losses)) is not one loss for each sample")
        }
        let along = Term(graph: self, node: try jvp(of: [losses], along: vectors)[0])
        let weights = (1 / Double(shape(of: losses)[0])) * along
        return try vjp(of: losses, cotangent: weights.node, withRespectTo: vectors.map(\.node))
    }
}
