/// A loop over steps, described by nodes that stand for the values of any one step.
struct Loop {
    struct Carry {
        /// Stands for the value that a step starts from.
        let node: Node
        let initial: Node
        /// The value that the step ends with.
        var next: Node
    }

    let length: Int
    /// From the last step to the first.
    let isReverse: Bool
    var carries: [Carry] = []
    /// Nodes of one step whose values in all steps are known: stacks `[length] + shape`.
    var known: [Node: Node] = [:]

    init(length: Int, isReverse: Bool) { (self.length, self.isReverse) = (length, isReverse) }

    /// A node that stands for one step's piece of a stack.
    mutating func element(of stack: Node, in graph: Graph) -> Node {
        let node = graph.placeholder(Array(graph.shape(of: stack).dropFirst()), for: Loop.placeholder)
        known[node] = stack
        return node
    }

    /// A node that stands for the value that a step starts from; the first one from `initial`.
    mutating func carry(from initial: Node, in graph: Graph) -> Node {
        let node = graph.placeholder(graph.shape(of: initial), for: Loop.placeholder)
        carries.append(Carry(node: node, initial: initial, next: node))
        return node
    }

    static let placeholder = "value of one step"
}

extension Graph {
    /// The values in all steps, `[length] + shape`, of a loop's carries after each step and of `outputs`, nodes of one step.
    ///
    /// Only what carries depend on and what depends on them is computed step by step, in one `Scan`. All else, before or after,
    /// is computed for all steps at once by `batched`: products with the steps' elements or of their cotangents are large ones.
    func scanned(_ loop: Loop, outputs: [Node]) throws -> (carries: [Node], outputs: [Node]) {
        var known = loop.known
        var stacks: [Node: Node] = [:]
        func learn(_ node: Node, _ stack: Node) { if known[node] == nil { known[node] = stack } }

        // A carry that depends on no other is known without steps.
        var open = loop.carries
        var carried = dependents(on: open.map(\.node), of: open.map(\.next), known: known)
        while let i = open.firstIndex(where: { !carried.contains($0.next) }) {
            let carry = open.remove(at: i)
            let stack = try batched([carry.next], copies: loop.length, replacing: known)[0]
            stacks[carry.node] = stack
            known[carry.node] = previous(stack, carry.initial, isReverse: loop.isReverse)
            carried = dependents(on: open.map(\.node), of: open.map(\.next), known: known)
        }
        if !open.isEmpty {
            let (elements, shared) = arguments(of: carried, carries: open.map(\.node), known: known)
            let nexts = open.map(\.next)
            let costly = carried.sorted { $0.id < $1.id }.filter { node in
                guard case .operation(let operation, _) = definition(of: node) else { return false }
                return operation.rule.isCostly && !nexts.contains(node)
            }
            let sequences = try batched(elements, copies: loop.length, replacing: known)
            let body = Body(self, arguments: open.map(\.node) + elements + shared, results: nexts + costly)
            let scan = Scan(
                body: body, length: loop.length, carryCount: open.count, elementCount: elements.count,
                isReverse: loop.isReverse)
            let packed = try apply(Operation(scan), open.map(\.initial) + sequences + shared)
            let all = scan.stacks(Term(graph: self, node: packed)).map(\.node)
            for (carry, stack) in zip(open, all) {
                stacks[carry.node] = stack
                known[carry.node] = previous(stack, carry.initial, isReverse: loop.isReverse)
            }
            for (node, stack) in zip(elements, sequences) { learn(node, stack) }
            for (node, stack) in zip(nexts + costly, all) { learn(node, stack) }
        }
        return (
            loop.carries.compactMap { stacks[$0.node] },
            try batched(outputs, copies: loop.length, replacing: known)
        )
    }

    /// The values that steps start from, given those they end with.
    func previous(_ stack: Node, _ initial: Node, isReverse: Bool) -> Node {
        previous(Term(graph: self, node: stack), Term(graph: self, node: initial), isReverse: isReverse).node
    }

    func previous(_ stack: Term, _ initial: Term, isReverse: Bool) -> Term {
        let first = initial.reshaped(to: [1] + initial.shape), length = stack.shape[0]
        if length == 1 { return first }
        let rest = stack.sliced(axis: 0, begin: isReverse ? 1 : 0, count: length - 1)
        return Term.concat(isReverse ? [rest, first] : [first, rest], axis: 0)
    }

    /// Among what `nodes` depend on, what depends on `sources` other than through known values, with the sources.
    func dependents(on sources: [Node], of nodes: [Node], known: [Node: Node]) -> Set<Node> {
        var result = Set(sources)
        for node in ancestors(of: nodes, upTo: Set(known.keys)) where known[node] == nil {
            if inputs(node.id).contains(where: { result.contains(Node(id: $0)) }) { result.insert(node) }
        }
        return result
    }

    /// What the nodes computed step by step read from outside: values that differ between steps, and values that all steps
    /// share. What is only a repetition moves into the step.
    func arguments(
        of inside: Set<Node>, carries: [Node], known: [Node: Node]
    ) -> (elements: [Node], shared: [Node]) {
        let varying = dependents(
            on: Array(known.keys), of: Array(inside) + Array(known.keys), known: [:]
        )
        var elements: [Node] = [], shared: [Node] = []
        var seen = inside
        var reads = inside.sorted { $0.id < $1.id }.flatMap { node in
            carries.contains(node) ? [] : inputs(node.id).map(Node.init(id:))
        }
        while let node = reads.popLast() {
            guard seen.insert(node).inserted else { continue }
            if isBroadcast(node.id), known[node] == nil {
                reads += inputs(node.id).map(Node.init(id:))
            } else if varying.contains(node) {
                elements.append(node)
            } else if !isFixed(node) {
                shared.append(node)
            }
        }
        return (elements.sorted { $0.id < $1.id }, shared.sorted { $0.id < $1.id })
    }

    private func isFixed(_ node: Node) -> Bool {
        switch definition(of: node) {
        case .constant, .iota, .table: true
        case .input, .scalar, .parameter, .operation: false
        }
    }

    /// Throws if a layer declared since there were `count`, or what a statistic is assigned, depends on values that exist only
    /// inside a loop.
    func check(layersFrom count: Int, areOutside values: Set<Node>, of what: String) throws {
        for assignment in assignments {
            guard ancestors(of: [assignment.value], upTo: values).allSatisfy({ !values.contains($0) }) else {
                throw GraphError(
                    "assign: the value of \(blocks[assignment.block].name) is inside a \(what), where there is one for each "
                        + "step; assign one from outside")
            }
        }
        for layer in layers[count...] {
            guard ancestors(of: [layer.output], upTo: values).allSatisfy({ !values.contains($0) }) else {
                throw GraphError(
                    "layer \(layer.name): is inside a \(what), where it has no value of its own; declare it outside, for what "
                        + "goes in or comes out")
            }
        }
    }
}
