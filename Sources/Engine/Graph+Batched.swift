extension Graph {
    /// The values of nodes for `copies` independent copies of what they are computed from: each node of `replaced` stands for
    /// its own value in every copy, given with a first axis that counts the copies. The results have that axis too.
    ///
    /// One transformation serves replicas (parameters and scalars replaced), per-sample gradients (inputs of one sample
    /// replaced by the batch), Jacobians and Hessians (cotangents or directions replaced by a basis).
    /// - Complexity: one sweep over the nodes between; adds at most a few nodes for each.
    package func batched(_ nodes: [Node], copies: Int, replacing replaced: [Node: Node]) throws -> [Node] {
        try check(nodes + replaced.keys + replaced.values, for: "batched")
        for (one, all) in replaced where shape(of: all) != [copies] + shape(of: one) {
            throw GraphError(
                "batched: \(operand(all)) is not \([copies] + shape(of: one)), \(copies) copies of \(operand(one))")
        }
        var results = replaced.mapValues { Term(graph: self, node: $0) }
        for node in ancestors(of: nodes, upTo: Set(replaced.keys)) {
            guard results[node] == nil, case .operation(let operation, let inputs) = definition(of: node),
                inputs.contains(where: { results[$0] != nil })
            else { continue }
            let terms = inputs.map { input in
                BatchedTerm(
                    term: results[input] ?? Term(graph: self, node: input), isBatched: results[input] != nil)
            }
            try check(copies: copies, of: node, operation)
            results[node] = try operation.rule.batched(terms, copies: copies)
        }
        return try nodes.map { try results[$0]?.node ?? broadcast($0, to: [copies] + shape(of: $0)) }
    }

    /// Throws a sentence if the values of all copies are no tensor.
    func check(copies: Int, of node: Node, _ operation: Operation) throws {
        try Shape.check([copies] + shape(of: node), for: "\(copies) copies of \(operation.rule.name)")
    }
}
