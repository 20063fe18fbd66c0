extension Graph {
    /// The gradient of a number (shape `[]`) with respect to each node, of the node's shape; zeros if it does not depend on it.
    package func gradient(of scalar: Node, withRespectTo nodes: [Node]) throws -> [Node] {
        try check([scalar], for: "gradient")
        guard shape(of: scalar).isEmpty else {
            throw GraphError("gradient: \(operand(scalar)) is not a single number; reduce it first, or use vjp")
        }
        return try vjp(of: scalar, cotangent: constant(1), withRespectTo: nodes)
    }

    /// Vector-Jacobian products: for output y, cotangent c of y's shape and each node x, Σ_i c_i ∂y_i/∂x.
    ///
    /// A node inside the computation is treated as if it were free, whatever it is computed from.
    /// - Complexity: one sweep over the nodes of y; adds at most a few nodes for each.
    package func vjp(of output: Node, cotangent: Node, withRespectTo nodes: [Node]) throws -> [Node] {
        try check([output, cotangent] + nodes, for: "vjp")
        guard shape(of: cotangent) == shape(of: output) else {
            throw GraphError("vjp: cotangent \(operand(cotangent)) does not have the shape of \(operand(output))")
        }
        // Only nodes between a variable and the output matter. Inputs have smaller ids than what uses them.
        var matters = [Bool](repeating: false, count: output.id + 1)
        for node in nodes where node.id <= output.id { matters[node.id] = true }
        for id in matters.indices {
            guard case .operation(_, let inputs) = definition(of: Node(id: id)) else { continue }
            if inputs.contains(where: { matters[$0.id] }) { matters[id] = true }
        }
        var cotangents: [Int: Term] = [output.id: Term(graph: self, node: cotangent)]
        for id in matters.indices.reversed() where matters[id] {
            guard let cotangent = cotangents[id],
                case .operation(let operation, let inputs) = definition(of: Node(id: id)),
                inputs.contains(where: { matters[$0.id] })
            else { continue }
            let terms = inputs.map { Term(graph: self, node: $0) }
            let parts = operation.rule.vjp(terms, Term(graph: self, node: Node(id: id)), cotangent)
            for (input, part) in zip(inputs, parts) where matters[input.id] {
                guard let part else { continue }
                cotangents[input.id] = cotangents[input.id].map { $0 + part } ?? part
            }
        }
        return try nodes.map { try cotangents[$0.id]?.node ?? broadcast(constant(0), to: shape(of: $0)) }
    }
}
