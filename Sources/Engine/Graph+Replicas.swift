extension Graph {
    /// The same computation for `copies` independent networks: a graph whose parameters have a first axis that counts the copies
    /// (`[copies] + shape`, same names and order), as have its inputs, but for those of `sharing`, which all copies read, and its
    /// scalars, which become inputs `[copies]`. Nothing is summed over the copies.
    ///
    /// Returns the graph and in it the values of `nodes`, `[copies] + shape`.
    package func replicated(
        _ nodes: [Node], copies: Int, sharing: Set<String> = []
    ) throws -> (graph: Graph, nodes: [Node]) {
        try check(nodes, for: "replicas")
        let graph = Graph(isTraining: isTraining)
        let parameters = try blocks.map { block in
            try graph.parameter(
                block.name, role: block.role, shape: [copies] + block.shape, initializer: block.initializer,
                fanIn: block.fanIn, fanOut: block.fanOut)
        }
        var values: [Node: BatchedTerm] = [:]
        for id in Schedule.live(self, nodes + assignments.map(\.value)) {
            let node = Node(id: id), shape = shape(of: node)
            func value(_ node: Node, isBatched: Bool) -> BatchedTerm {
                BatchedTerm(term: Term(graph: graph, node: node), isBatched: isBatched)
            }
            switch definition(of: node) {
            case .input(let name) where sharing.contains(name):
                values[node] = value(graph.input(name, shape: shape), isBatched: false)
            case .input(let name), .scalar(let name):
                values[node] = value(graph.input(name, shape: [copies] + shape), isBatched: true)
            case .constant, .iota, .table:
                if let numbers = try graph.fixed(definition(of: node)) {
                    values[node] = value(numbers, isBatched: false)
                }
            case .parameter(let index): values[node] = value(parameters[index], isBatched: true)
            case .operation(let operation, let inputs):
                if var random = operation.rule as? Random {
                    random.copies = copies
                    values[node] = value(try graph.apply(Operation(random), []), isBatched: true)
                    continue
                }
                let terms = inputs.compactMap { values[$0] }
                if terms.contains(where: \.isBatched) {
                    try check(copies: copies, of: node, operation)
                    let all = try operation.rule.batched(terms, copies: copies)
                    values[node] = BatchedTerm(term: all, isBatched: true)
                } else {
                    values[node] = value(try graph.apply(operation, terms.map(\.term.node)), isBatched: false)
                }
            }
        }
        for assignment in assignments {
            guard let value = values[assignment.value] else { continue }
            try graph.assign(parameters[assignment.block], value.all(copies).node)
        }
        return (graph, nodes.compactMap { values[$0]?.all(copies).node })
    }

    /// True if both graphs are the same computation on the same parameters, whose first values may differ.
    package func computesTheSame(as other: Graph) -> Bool {
        nodeCount == other.nodeCount && blocks.count == other.blocks.count
            && zip(blocks, other.blocks).allSatisfy { a, b in
                a.name == b.name && a.shape == b.shape && a.role == b.role && a.fanIn == b.fanIn
                    && a.fanOut == b.fanOut
            }
            && (0..<nodeCount).allSatisfy { id in
                definition(of: Node(id: id)) == other.definition(of: Node(id: id))
                    && shape(of: Node(id: id)) == other.shape(of: Node(id: id))
            }
            && layers == other.layers && assignments == other.assignments && isTraining == other.isTraining
    }
}
