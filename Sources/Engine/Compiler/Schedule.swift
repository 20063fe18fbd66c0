import HeapModule

/// What a program does, in order: which nodes it computes, which of them in one pass, and where each reads.
struct Schedule {
    enum Work {
        case pass(Pass)
        case operation(Operation)
    }

    struct Step {
        /// Nodes whose values it writes.
        let outputs: [Int]
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

    /// - Parameter results: nodes whose values are wanted; they are never folded into another pass.
    init(_ graph: Graph, results: [Node]) {
        let live = Schedule.live(graph, results)
        var isConstant: [Int: Bool] = [:]
        for id in live {
            let inputs = graph.inputs(id)
            switch graph.definition(of: Node(id: id)) {
            case .input, .scalar, .parameter: isConstant[id] = false
            case .constant, .iota, .table: isConstant[id] = true
            case .operation(let operation, _):
                isConstant[id] = !operation.rule.isDrawn && inputs.allSatisfy { isConstant[$0] == true }
            }
            owner[id] = graph.isAlias(id) ? owner[inputs[0]] : id
        }
        let passes = Passes(
            graph, live: live, owner: owner, isConstant: isConstant, wanted: Set(results.map(\.id)))
        var all: [Step] = []
        for id in live {
            switch graph.definition(of: Node(id: id)) {
            case .input, .scalar, .constant, .iota, .table, .parameter: sources.append(id)
            case .operation(let operation, let inputs):
                if graph.isAlias(id) || graph.isElementwise(id) || passes.index[id] != nil { continue }
                all.append(
                    Step(outputs: [id], work: .operation(operation), reads: Array(Set(inputs.map(\.id))).sorted()))
            }
        }
        for case let pass? in passes.all {
            let inside = Set(pass.members)
            let reads = Set(pass.members.flatMap(graph.operands)).filter { !inside.contains(owner[$0] ?? $0) }
            all.append(Step(outputs: pass.outputs, work: .pass(pass), reads: reads.sorted()))
        }
        for step in inOrder(all) {
            if isConstant[step.outputs[0]] == true { constantSteps.append(step) } else { steps.append(step) }
        }
    }

    /// Steps after what they read; of several that could be next, the one whose first output has the smallest number.
    private func inOrder(_ steps: [Step]) -> [Step] {
        var producer: [Int: Int] = [:]
        for (i, step) in steps.enumerated() { for output in step.outputs { producer[output] = i } }
        var missing = [Int](repeating: 0, count: steps.count)
        var followers = [[Int]](repeating: [], count: steps.count)
        for (i, step) in steps.enumerated() {
            for before in Set(step.reads.compactMap { producer[owner[$0] ?? $0] }) {
                missing[i] += 1
                followers[before].append(i)
            }
        }
        var ready = Heap(
            steps.indices.filter { missing[$0] == 0 }.map { Candidate(output: steps[$0].outputs[0], step: $0) })
        var order: [Step] = []
        while let next = ready.popMin()?.step {
            order.append(steps[next])
            for follower in followers[next] {
                missing[follower] -= 1
                if missing[follower] == 0 {
                    ready.insert(Candidate(output: steps[follower].outputs[0], step: follower))
                }
            }
        }
        precondition(order.count == steps.count, "passes wait for each other")
        return order
    }

    private struct Candidate: Comparable {
        let output, step: Int
        static func < (a: Candidate, b: Candidate) -> Bool { a.output < b.output }
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
