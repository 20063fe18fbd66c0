/// What a program does, in order: which nodes it computes, which of them in one pass, and where each reads.
struct Schedule {
    enum Work {
        /// A chain of elementwise operations, the last of which is the step's node. Ids ascend.
        case elementwise([Int])
        case operation(Operation)
    }

    struct Step {
        let node: Int
        let work: Work
        /// Nodes read, each once.
        let reads: [Int]
    }

    /// What every run does.
    private(set) var steps: [Step] = []
    /// What depends on no input, scalar or parameter: done once, when the program is made.
    private(set) var constantSteps: [Step] = []
    /// Inputs, scalars, fixed numbers and parameters in use.
    private(set) var sources: [Int] = []
    /// The node whose memory a node's value lives in: itself, or what it reshapes.
    private(set) var owner: [Int: Int] = [:]

    /// An elementwise group has at most this many operations, so that its slots fit `SZ_MAX_SLOTS`.
    static let largestGroup = 20

    /// - Parameter results: nodes whose values are wanted; they are never folded into another pass.
    init(_ graph: Graph, results: [Node]) {
        let live = Schedule.live(graph, results)
        var consumers: [Int: [Int]] = [:]
        var isConstant: [Int: Bool] = [:]
        for id in live {
            let inputs = graph.inputs(id)
            for input in Set(inputs) { consumers[input, default: []].append(id) }
            switch graph.definition(of: Node(id: id)) {
            case .input, .scalar, .parameter: isConstant[id] = false
            case .constant, .iota, .table: isConstant[id] = true
            case .operation(let operation, _):
                isConstant[id] = !operation.rule.isDrawn && inputs.allSatisfy { isConstant[$0] == true }
            }
            owner[id] = graph.isAlias(id) ? owner[inputs[0]] : id
        }

        // Backwards: an operation joins the pass of its consumers if they all share one and nothing else needs its value.
        // Its inputs then live until that pass, and nothing between depends on it.
        let wanted = Set(results.map(\.id))
        var root: [Int: Int] = [:]
        var members: [Int: [Int]] = [:]
        for id in live.reversed() where graph.isElementwise(id) {
            let uses = consumers[id] ?? []
            let target = uses.first.flatMap { root[$0] }
            if let target, !wanted.contains(id), uses.allSatisfy({ root[$0] == target }),
                graph.shape(of: Node(id: id)) == graph.shape(of: Node(id: target)),
                isConstant[id] == isConstant[target] || graph.isBroadcast(id),
                members[target, default: []].count < Schedule.largestGroup
            {
                root[id] = target
                members[target, default: []].append(id)
            } else {
                root[id] = id
                members[id] = [id]
            }
        }

        for id in live {
            func append(_ step: Step) {
                if isConstant[id] == true { constantSteps.append(step) } else { steps.append(step) }
            }
            switch graph.definition(of: Node(id: id)) {
            case .input, .scalar, .constant, .iota, .table, .parameter: sources.append(id)
            case .operation(let operation, let inputs):
                if graph.isAlias(id) { continue }
                guard graph.isElementwise(id) else {
                    let reads = Array(Set(inputs.map(\.id))).sorted()
                    append(Step(node: id, work: .operation(operation), reads: reads))
                    continue
                }
                guard let group = members[id] else { continue }
                let inside = Set(group)
                let reads = Set(group.flatMap { graph.inputs($0) }).subtracting(inside).sorted()
                append(Step(node: id, work: .elementwise(group.reversed()), reads: reads))
            }
        }
    }

    /// This schedule with its steps in another order.
    func ordered(_ steps: [Step]) -> Schedule {
        var result = self
        result.steps = steps
        return result
    }

    /// Everything the results depend on, ascending: an order in which inputs come before their uses.
    static func live(_ graph: Graph, _ results: [Node]) -> [Int] {
        var isLive = [Bool](repeating: false, count: graph.nodeCount)
        for node in results { isLive[node.id] = true }
        for id in isLive.indices.reversed() where isLive[id] {
            for input in graph.inputs(id) { isLive[input] = true }
        }
        return isLive.indices.filter { isLive[$0] }
    }
}

extension Graph {
    func inputs(_ id: Int) -> [Int] {
        guard case .operation(_, let inputs) = definition(of: Node(id: id)) else { return [] }
        return inputs.map(\.id)
    }

    /// Same memory as its input.
    func isAlias(_ id: Int) -> Bool { work(id) == .alias }

    func isBroadcast(_ id: Int) -> Bool { work(id) == .broadcast }

    func isElementwise(_ id: Int) -> Bool { isBroadcast(id) || kernelName(id) != nil }

    /// The kernel of an elementwise operation; a broadcast has none: operands broadcast as they are loaded.
    func kernelName(_ id: Int) -> String? {
        if case .map(let name) = work(id) { name } else { nil }
    }

    private func work(_ id: Int) -> Work? {
        guard case .operation(let operation, _) = definition(of: Node(id: id)) else { return nil }
        return operation.rule.work
    }
}
