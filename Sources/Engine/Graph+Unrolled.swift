extension Graph {
    /// Scans of at most so many operations in all steps together, with those of loops inside, are compiled step by step, so
    /// that the planner sees them whole; longer ones run their compiled body again and again: the time to compile them does
    /// not depend on their length.
    package static let unrolledOperations = 4096

    /// The same computation with the scans behind `results` that have at most `limit` operations written out step by step, and
    /// the nodes there that have the values of `results` and of the parameters. Nil if there are none.
    package func unrolled(
        _ results: [Node], limit: Int = unrolledOperations
    ) throws -> (graph: Graph, nodes: [Node: Node])? {
        func isShort(_ scan: Scan) -> Bool { scan.operationCount <= limit }
        let live = Schedule.live(self, results)
        guard live.contains(where: { scan(of: Node(id: $0)).map(isShort) ?? false }) else { return nil }

        let graph = Graph(isTraining: isTraining)
        var nodes: [Node: Node] = [:]
        let parameters = try blocks.map { block in
            try graph.parameter(
                block.name, role: block.role, shape: block.shape, initializer: block.initializer, fanIn: block.fanIn,
                fanOut: block.fanOut)
        }
        for id in 0..<nodeCount {
            if case .parameter(let block) = definition(of: Node(id: id)) { nodes[Node(id: id)] = parameters[block] }
        }
        var stacks: [Node: [Node]] = [:]
        for node in live.map(Node.init(id:)) {
            switch definition(of: node) {
            case .parameter: continue
            case .input(let name): nodes[node] = graph.input(name, shape: shape(of: node))
            case .scalar(let name): nodes[node] = graph.scalar(name)
            case .constant, .iota, .table: nodes[node] = try graph.fixed(definition(of: node))
            case .operation(let operation, let inputs):
                if let scan = scan(of: node), isShort(scan) {
                    let steps = try scan.steps(in: graph, inputs.compactMap { nodes[$0] })
                    stacks[node] = steps
                    nodes[node] = steps.count == 1 ? steps[0] : nil
                } else if let stack = stack(node, stacks) {
                    nodes[node] = stack
                } else {
                    let operands = try inputs.map { input in
                        if let node = nodes[input] { return node }
                        let whole = try graph.concat(stacks[input] ?? [], axis: 0)
                        nodes[input] = whole
                        return whole
                    }
                    nodes[node] = try graph.apply(operation, operands)
                }
            }
        }
        for result in results where nodes[result] == nil {
            nodes[result] = try graph.concat(stacks[result] ?? [], axis: 0)
        }
        guard let further = try graph.unrolled(results.compactMap { nodes[$0] }, limit: limit) else {
            return (graph, nodes)
        }
        return (further.graph, nodes.compactMapValues { further.nodes[$0] })
    }

    private func scan(of node: Node) -> Scan? {
        guard case .operation(let operation, _) = definition(of: node) else { return nil }
        return operation.rule as? Scan
    }

    /// If a node is one of the stacks that a scan's output consists of: that stack, a row.
    private func stack(_ node: Node, _ stacks: [Node: [Node]]) -> Node? {
        guard case .operation(let operation, let inputs) = definition(of: node), let slice = operation.rule as? Slice,
            let scan = scan(of: inputs[0]),
            let part = scan.parts.firstIndex(where: { $0.begin == slice.begin && $0.count == slice.count })
        else { return nil }
        return stacks[inputs[0]]?[part]
    }
}

extension Scan {
    /// The stacks, each a row of numbers, by nodes for every step.
    fileprivate func steps(in graph: Graph, _ inputs: [Node]) throws -> [Node] {
        var carries = Array(inputs[..<carryCount])
        let elements = inputs[carryCount..<carryCount + elementCount]
        let shared = inputs[(carryCount + elementCount)...]
        var pieces = [[Node]](repeating: [], count: body.resultShapes.count)
        for i in 0..<length {
            let step = isReverse ? length - 1 - i : i
            let own = elements.map { stack in
                let piece = Term(graph: graph, node: stack).sliced(axis: 0, begin: step, count: 1)
                return piece.reshaped(to: Array(piece.shape.dropFirst())).node
            }
            let results = try body.applied(in: graph, to: carries + own + shared)
            for (k, result) in results.enumerated() {
                pieces[k].append(try graph.reshape(result, to: [1] + graph.shape(of: result)))
            }
            carries = Array(results[..<carryCount])
        }
        return try pieces.map { steps in
            let stack = try graph.concat(isReverse ? steps.reversed() : steps, axis: 0)
            return try graph.reshape(stack, to: [Shape.elements(graph.shape(of: stack))])
        }
    }
}
