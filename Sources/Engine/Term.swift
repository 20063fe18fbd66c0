/// A node together with its graph, so that rules read like formulas. Only for operands that are known to fit:
/// a misfit is a bug of the rule.
struct Term {
    let graph: Graph
    let node: Node

    var shape: [Int] { graph.shape(of: node) }

    func apply(_ operation: Operation, _ others: Term...) -> Term { applied(operation, others) }

    func applied(_ operation: Operation, _ others: some Sequence<Term>) -> Term {
        do {
            return Term(graph: graph, node: try graph.apply(operation, [node] + others.map(\.node)))
        } catch {
            preconditionFailure("a rule built an operation that does not fit: \(error)")
        }
    }

    func constant(_ value: Double) -> Term { Term(graph: graph, node: graph.constant(value)) }
    func apply(_ unary: Unary) -> Term { apply(.unary(unary)) }

    func matmul(_ other: Term, transposeA: Bool = false, transposeB: Bool = false) -> Term {
        apply(.matmul(transposeA: transposeA, transposeB: transposeB), other)
    }
    func sum(axes: [Int], keep: Bool = false) -> Term { apply(.sum(axes: axes, keep: keep)) }
    func reshaped(to shape: [Int]) -> Term { apply(.reshape(shape)) }
    /// Axis i of the result is axis `axes[i]` of this.
    func permuted(_ axes: [Int]) -> Term { apply(.permute(axes)) }
    /// The last two axes exchanged.
    var transposed: Term { apply(.transpose) }
    func broadcast(to shape: [Int]) -> Term { apply(.broadcast(shape)) }
    /// `a` where this is not 0, else `b`.
    func select(_ a: Term, _ b: Term) -> Term { apply(.select, a, b) }

    /// The transpose of `broadcast(to:)`: sums over the axes along which a tensor of `shape` was repeated.
    func unbroadcast(to shape: [Int]) -> Term {
        let own = self.shape
        guard own != shape else { return self }
        let added = own.count - shape.count
        let repeated = own.indices.filter { $0 < added || (shape[$0 - added] == 1 && own[$0] != 1) }
        return sum(axes: repeated).reshaped(to: shape)
    }

    static func + (a: Term, b: Term) -> Term { a.apply(.binary(.add), b) }
    static func - (a: Term, b: Term) -> Term { a.apply(.binary(.sub), b) }
    static func * (a: Term, b: Term) -> Term { a.apply(.binary(.mul), b) }
    static func / (a: Term, b: Term) -> Term { a.apply(.binary(.div), b) }
    static prefix func - (a: Term) -> Term { a.apply(.neg) }
    static func + (a: Double, b: Term) -> Term { b + b.constant(a) }
    static func * (a: Double, b: Term) -> Term { b * b.constant(a) }
    static func - (a: Double, b: Term) -> Term { b.constant(a) - b }
    static func / (a: Double, b: Term) -> Term { b.constant(a) / b }
}

extension Term {
    var definition: Graph.Definition { graph.definition(of: node) }

    /// The value of a rank-0 constant.
    var constantValue: Double? {
        guard case .constant(let bits) = definition else { return nil }
        return Double(bitPattern: bits)
    }

    /// The operation this is the result of.
    var rule: (any OperationRule)? {
        guard case .operation(let operation, _) = definition else { return nil }
        return operation.rule
    }

    /// What the operation reads; empty for a source.
    var inputs: [Term] {
        guard case .operation(_, let inputs) = definition else { return [] }
        return inputs.map { Term(graph: graph, node: $0) }
    }

    /// What the given operation reads, nil if this is not its result.
    func inputs<Rule: OperationRule>(of rule: Rule) -> [Term]? { self.rule as? Rule == rule ? inputs : nil }

    /// What a broadcast node repeats; any other node itself.
    var withoutBroadcast: Term { rule is Broadcast ? inputs[0] : self }
}
