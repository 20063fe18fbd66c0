/// The product op(a) · op(b) of two matrices, op(x) = xᵀ if transposed: `[m, k] · [k, n] -> [m, n]`.
package struct MatMul: Hashable, Sendable {
    /// a is stored `[k, m]`.
    package var transposeA: Bool
    /// b is stored `[n, k]`.
    package var transposeB: Bool

    package init(transposeA: Bool = false, transposeB: Bool = false) {
        self.transposeA = transposeA
        self.transposeB = transposeB
    }

    /// m, n and k for the stored shapes of a and b.
    func sizes(_ a: [Int], _ b: [Int]) -> (m: Int, n: Int, k: Int) {
        (a[transposeA ? 1 : 0], b[transposeB ? 0 : 1], a[transposeA ? 0 : 1])
    }
}

extension MatMul: OperationRule {
    var name: String { "matmul" }
    var inputCount: Int { 2 }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let (a, b) = (inputs[0], inputs[1])
        for x in inputs where x.shape.count != 2 { throw GraphError("matmul: \(x) is not a matrix") }
        let (m, n, columns) = sizes(a.shape, b.shape)
        let rows = b.shape[transposeB ? 1 : 0]
        guard rows == columns else {
            let left = transposeA ? "\(a) transposed" : "\(a)", right = transposeB ? "\(b) transposed" : "\(b)"
            throw GraphError("matmul: \(left) and \(right) do not fit: \(columns) columns against \(rows) rows")
        }
        try Shape.check([m, n], for: name)
        return [m, n]
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let (a, b) = (inputs[0], inputs[1])
        return [
            transposeA
                ? b.matmul(c, transposeA: transposeB, transposeB: true)
                : c.matmul(b, transposeB: !transposeB),
            transposeB
                ? c.matmul(a, transposeA: true, transposeB: transposeA)
                : a.matmul(c, transposeA: !transposeA),
        ]
    }

    /// A transposed operand becomes a flag.
    func simplified(_ inputs: [Term]) throws -> Term? {
        var (a, b, rule) = (inputs[0], inputs[1], self)
        if case .operation(.transpose, let inner) = a.definition {
            a = Term(graph: a.graph, node: inner[0])
            rule.transposeA.toggle()
        }
        if case .operation(.transpose, let inner) = b.definition {
            b = Term(graph: b.graph, node: inner[0])
            rule.transposeB.toggle()
        }
        return rule == self ? nil : a.apply(.matmul(rule), b)
    }
}
