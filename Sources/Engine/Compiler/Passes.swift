/// Operations that run together, tile by tile: elementwise ones, with functions of rows (sums, softmax) among them.
struct Pass {
    /// The values are `rows` rows of `width` numbers, or one number for each row.
    fileprivate(set) var rows, width: Int
    /// Has functions of rows, or values with one number for each row.
    fileprivate(set) var isRowWise: Bool
    /// Ascending.
    fileprivate(set) var members: [Int]
    /// Members whose values are needed elsewhere, ascending.
    fileprivate(set) var outputs: [Int] = []
    fileprivate let level: Int
    fileprivate let isConstant: Bool
    fileprivate var leaves: Set<Int>

    var count: Int { rows * width }

    /// So many operations and operands fit `SZ_MAX_SLOTS`, with a slot for each value of a row that is spread over it.
    static let mostMembers = 32, mostLeaves = 20
    /// A pass is not divided into fewer rows for the sake of a function of rows.
    static let fewestRows = 8
    /// Numbers of a row, at most: a tile has at least one row.
    static let longestRow = 2048
}

/// The passes of a graph.
///
/// First, backwards, an elementwise operation joins its consumers if they all are in one chain: what only the backward pass
/// needs is computed there. Then chains and functions of rows join the pass of an operand. Steps have levels, larger than
/// those of all that they read; if all else that a chain reads has a lower level than the pass, nothing there can depend on it.
/// - Complexity: near-linear in nodes.
struct Passes {
    private(set) var all: [Pass?] = []
    /// The pass of each member.
    private(set) var index: [Int: Int] = [:]

    private let graph: Graph
    private let owner: [Int: Int]
    private let isConstant: [Int: Bool]
    private var levels: [Int: Int] = [:]

    /// - Parameters:
    ///   - live: nodes in use, ascending.
    ///   - owner: the node whose memory a node's value lives in.
    ///   - wanted: nodes whose values are results.
    init(_ graph: Graph, live: [Int], owner: [Int: Int], isConstant: [Int: Bool], wanted: Set<Int>) {
        (self.graph, self.owner, self.isConstant) = (graph, owner, isConstant)
        let chains = Passes.chains(graph, live, isConstant, wanted)
        for id in live where !graph.isAlias(id) {
            let rows = graph.rowFunction(id)
            if let chain = chains[id] ?? (rows == nil ? nil : [id]) {
                if !join(chain, rows) { open(chain, rows) }
            } else if !graph.isElementwise(id) {
                levels[id] = level(of: id, after: graph.inputs(id))
            }
        }
        // A function of rows alone is a kernel of its own.
        for (i, pass) in all.enumerated() {
            guard let pass, pass.members.count == 1, graph.rowFunction(pass.members[0]) != nil else { continue }
            index[pass.members[0]] = nil
            all[i] = nil
        }
        findOutputs(live, wanted)
    }

    /// Chains of elementwise operations of one shape by the last of them, the only one whose value others need.
    private static func chains(
        _ graph: Graph, _ live: [Int], _ isConstant: [Int: Bool], _ wanted: Set<Int>
    ) -> [Int: [Int]] {
        var consumers: [Int: [Int]] = [:]
        // A broadcast is only another way to read its input, unless something else than an elementwise operation needs it.
        var isNeeded = wanted
        for id in live {
            for operand in Set(graph.operands(id)) { consumers[operand, default: []].append(id) }
            if !graph.isElementwise(id) { isNeeded.formUnion(graph.inputs(id)) }
        }
        var last: [Int: Int] = [:]
        var chains: [Int: [Int]] = [:]
        for id in live.reversed() where graph.isElementwise(id) {
            let uses = consumers[id] ?? []
            if let target = uses.first.flatMap({ last[$0] }), !isNeeded.contains(id), !graph.isBroadcast(id),
                uses.allSatisfy({ last[$0] == target }), isConstant[id] == isConstant[target],
                graph.shape(of: Node(id: id)) == graph.shape(of: Node(id: target)),
                chains[target, default: []].count < Pass.mostMembers / 2
            {
                last[id] = target
                chains[target, default: []].append(id)
            } else if !graph.isBroadcast(id) || isNeeded.contains(id) {
                last[id] = id
                chains[id] = [id]
            }
        }
        return chains.mapValues { $0.reversed() }
    }

    private func owner(_ id: Int) -> Int { owner[id] ?? id }

    private func level(of id: Int, after inputs: [Int]) -> Int {
        (inputs.map { level(of: $0, for: id) }.max() ?? 0) + 1
    }

    /// The level of an operand; what is computed once, before all runs, comes before everything else.
    private func level(of operand: Int, for id: Int) -> Int {
        isConstant[operand] == true && isConstant[id] != true ? 0 : levels[owner(operand)] ?? 0
    }

    /// What a chain reads.
    private func operands(of chain: [Int]) -> [Int] {
        Array(Set(chain.flatMap(graph.operands)).subtracting(chain)).sorted()
    }

    private func elements(_ id: Int) -> Int { Shape.elements(graph.shape(of: Node(id: id))) }

    private mutating func add(_ chain: [Int], to number: Int) {
        for id in chain {
            index[id] = number
            levels[id] = level(number)
        }
    }

    private mutating func open(_ chain: [Int], _ function: RowFunction?) {
        let operands = operands(of: chain), id = chain[chain.count - 1]
        let count = elements(function == nil ? id : graph.inputs(id)[0])
        let width = function?.width ?? graph.shape(of: Node(id: id)).last ?? 1
        all.append(
            Pass(
                rows: count / width, width: width, isRowWise: function != nil, members: chain,
                level: level(of: id, after: operands), isConstant: isConstant[id] == true, leaves: Set(operands)))
        add(chain, to: all.count - 1)
    }

    private mutating func join(_ chain: [Int], _ function: RowFunction?) -> Bool {
        let operands = operands(of: chain)
        var candidates = Set(operands.compactMap { index[owner($0)] }).sorted { (level($0), $0) > (level($1), $1) }
        while let first = candidates.first {
            if candidates.count > 1, level(candidates[1]) == level(first), unite(first, candidates[1]) {
                candidates.remove(at: 1)
            } else if let pass = extended(first, by: chain, operands, function) {
                all[first] = pass
                add(chain, to: first)
                return true
            } else {
                candidates.removeFirst()
            }
        }
        return false
    }

    private func level(_ pass: Int) -> Int { all[pass]?.level ?? 0 }

    /// The pass with a chain or a function of rows more, if that fits.
    private func extended(_ number: Int, by chain: [Int], _ operands: [Int], _ function: RowFunction?) -> Pass? {
        let id = chain[chain.count - 1], shape = graph.shape(of: Node(id: id))
        guard var pass = all[number], pass.isConstant == (isConstant[id] == true) else { return nil }
        let inside = operands.filter { index[owner($0)] == number }
        let outside = operands.filter { index[owner($0)] != number }
        guard outside.allSatisfy({ level(of: $0, for: id) < pass.level }) else { return nil }
        if let function {
            guard inside.allSatisfy({ elements($0) == pass.count }), elements(graph.inputs(id)[0]) == pass.count
            else { return nil }
            // Fewer rows would be fewer units for threads to share.
            let rows = pass.count / function.width
            guard rows == pass.rows || (!pass.isRowWise && rows >= Pass.fewestRows), rows > 1 else { return nil }
            (pass.rows, pass.width, pass.isRowWise) = (rows, function.width, true)
        } else if elements(id) == pass.count {
            for input in inside where elements(input) != pass.count {
                let (dims, strides) = TileProgram.layout(of: graph.shape(of: Node(id: input)), in: shape)
                guard pass.rows == 1 || (dims == [pass.rows, pass.width] && strides == [1, 0]) else { return nil }
            }
        } else {
            guard pass.isRowWise, elements(id) == pass.rows, inside.allSatisfy({ elements($0) == pass.rows })
            else { return nil }
        }
        pass.members = (pass.members + chain).sorted()
        pass.leaves.formUnion(outside)
        return pass.members.count <= Pass.mostMembers && pass.leaves.count <= Pass.mostLeaves ? pass : nil
    }

    /// Makes one pass of two of the same level, neither of which can depend on the other.
    private mutating func unite(_ first: Int, _ second: Int) -> Bool {
        guard var pass = all[first], let other = all[second], pass.isConstant == other.isConstant,
            pass.count == other.count
        else { return false }
        if other.isRowWise {
            guard pass.rows == other.rows || (!pass.isRowWise && other.rows >= Pass.fewestRows) else { return false }
            (pass.rows, pass.width, pass.isRowWise) = (other.rows, other.width, true)
        }
        pass.members = (pass.members + other.members).sorted()
        pass.leaves.formUnion(other.leaves)
        guard pass.members.count <= Pass.mostMembers, pass.leaves.count <= Pass.mostLeaves else { return false }
        for member in other.members { index[member] = first }
        (all[first], all[second]) = (pass, nil)
        return true
    }

    private mutating func findOutputs(_ live: [Int], _ wanted: Set<Int>) {
        /// The passes that read a value; nil: a kernel does, or it is wanted.
        var readers: [Int: Set<Int?>] = [:]
        for id in wanted { readers[owner(id), default: []].insert(nil) }
        for id in live where !graph.isAlias(id) {
            let pass = index[id]
            if pass == nil, graph.isBroadcast(id) { continue }
            for input in graph.operands(id).map(owner) where pass == nil || index[input] != pass {
                readers[input, default: []].insert(pass)
            }
        }
        for i in all.indices {
            let outputs = all[i]?.members.filter { readers[$0] != nil } ?? []
            all[i]?.outputs = outputs
        }
        for id in live.reversed() {
            if let number = index[id], all[number]?.isConstant == false { recompute(id, of: number, &readers) }
        }
    }

    /// Computes a value again where it is read, if that takes less memory traffic than to keep it: a simple function of what
    /// is kept anyway.
    private mutating func recompute(_ id: Int, of number: Int, _ readers: inout [Int: Set<Int?>]) {
        guard let source = all[number], let ownReaders = readers[id], let name = graph.kernelName(id),
            Passes.simple.contains(name),
            elements(id) == source.count
        else { return }
        let operands = graph.operands(id), kept = Set(source.outputs)
        guard operands.allSatisfy({ index[owner($0)] != number || kept.contains(owner($0)) }) else { return }
        var changed: [Int: Pass] = [:]
        for reader in ownReaders {
            guard let reader, var pass = all[reader], pass.count == source.count else { return }
            let known = Set(pass.leaves.map(owner)).union(pass.members)
            let more = operands.filter { elements($0) == pass.count && !known.contains(owner($0)) }
            pass.members = (pass.members + [id]).sorted()
            pass.leaves.formUnion(operands)
            guard Set(more).count <= 1, pass.members.count <= Pass.mostMembers, pass.leaves.count <= Pass.mostLeaves
            else { return }
            changed[reader] = pass
        }
        for (reader, pass) in changed {
            all[reader] = pass
            for operand in operands.map(owner) where !pass.members.contains(operand) {
                readers[operand, default: []].insert(reader)
            }
        }
        readers[id] = nil
        all[number]?.outputs.removeAll { $0 == id }
        let isUsed = source.members.contains { $0 != id && graph.operands($0).contains { owner($0) == id } }
        guard !isUsed else { return }
        all[number]?.members.removeAll { $0 == id }
        if source.members == [id] { all[number] = nil }
    }

    private static let simple: Set<String> = ["add", "sub", "mul", "neg", "square", "relu", "step", "select"]
}

/// An operation that computes something of each row of its first operand: a number, or as many as the row has.
struct RowFunction {
    /// In the table of `sz_find_row_map`.
    let kernel: String
    /// Numbers of a row.
    let width: Int
}

extension Graph {
    /// What a node reads, seen through broadcasts if it is elementwise: such an operation broadcasts by itself.
    func operands(_ id: Int) -> [Int] {
        let inputs = inputs(id)
        return isElementwise(id) ? inputs.map { isBroadcast($0) ? self.inputs($0)[0] : $0 } : inputs
    }

    /// The function of rows that a node is, if its rows are short enough for a pass.
    func rowFunction(_ id: Int) -> RowFunction? {
        guard case .operation(let operation, let inputs) = definition(of: Node(id: id)),
            let function = operation.rule.rowFunction(of: inputs.map(shape))
        else { return nil }
        return 2...Pass.longestRow ~= function.width ? function : nil
    }
}
