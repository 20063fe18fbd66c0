/// A node together with its graph, so that rules read like formulas. Only for operands that are known to fit:
/// a misfit is a bug of the rule.
struct Term {
    let graph: Graph
    let node: Node

    var shape: [Int] { graph.shape(of: node) }

    func apply(_ operation: Operation, _ others: Term...) -> Term {
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
    static func * (a: Double, b: Term) -> Term { b * b.constant(a) }
    static func - (a: Double, b: Term) -> Term { b.constant(a) - b }
    static func / (a: Double, b: Term) -> Term { b.constant(a) / b }
}
