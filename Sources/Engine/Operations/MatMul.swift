import CShims

/// The product op(a) · op(b) of matrices, op(x) = xᵀ if transposed: `[…, m, k] · […, k, n] -> […, m, n]`.
/// Leading axes count independent products and broadcast as in NumPy.
///
/// Nodes of a graph have equal leading axes, or one operand that is a single matrix, shared by all products.
package struct MatMul: Hashable, Sendable {
    /// a is stored `[…, k, m]`.
    package var transposeA: Bool
    /// b is stored `[…, n, k]`.
    package var transposeB: Bool

    package init(transposeA: Bool = false, transposeB: Bool = false) {
        self.transposeA = transposeA
        self.transposeB = transposeB
    }

    /// Number of products, and m, n and k of each, for the stored shapes of a and b.
    func sizes(_ a: [Int], _ b: [Int]) -> (batch: Int, m: Int, n: Int, k: Int) {
        let (x, y) = (Array(a.suffix(2)), Array(b.suffix(2)))
        let batch = Shape.elements(Array((a.count > 2 ? a : b).dropLast(2)))
        return (batch, x[transposeA ? 1 : 0], y[transposeB ? 0 : 1], x[transposeA ? 0 : 1])
    }
}

extension Operation {
    package static func matmul(_ rule: MatMul) -> Operation { Operation(rule) }
    package static func matmul(transposeA: Bool = false, transposeB: Bool = false) -> Operation {
        Operation(MatMul(transposeA: transposeA, transposeB: transposeB))
    }
}

extension MatMul: OperationRule {
    var name: String { "matmul" }
    var inputCount: Int { 2 }
    var work: Work { .kernel }
    var isCostly: Bool { true }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let (a, b) = (inputs[0], inputs[1])
        for x in inputs where x.shape.count < 2 { throw GraphError("matmul: \(x) is not a matrix") }
        let (_, m, n, columns) = sizes(a.shape, b.shape)
        let rows = b.shape[b.shape.count - (transposeB ? 1 : 2)]
        guard rows == columns else {
            let left = transposeA ? "\(a) transposed" : "\(a)", right = transposeB ? "\(b) transposed" : "\(b)"
            throw GraphError("matmul: \(left) and \(right) do not fit: \(columns) columns against \(rows) rows")
        }
        let batches = inputs.map { Array($0.shape.dropLast(2)) }
        guard let leading = Shape.broadcast(batches[0], batches[1]) else {
            throw GraphError(
                "matmul: \(a) and \(b) do not fit: leading axes \(batches[0]) against \(batches[1]); "
                    + "sizes must be equal or 1, compared from the last axis")
        }
        let shape = leading + [m, n]
        try Shape.check(shape, for: name)
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let (a, b) = (inputs[0], inputs[1])
        let ofA =
            transposeA
            ? b.matmul(c, transposeA: transposeB, transposeB: true)
            : c.matmul(b, transposeB: !transposeB)
        let ofB =
            transposeB
            ? c.matmul(a, transposeA: true, transposeB: transposeA)
            : a.matmul(c, transposeA: !transposeA)
        return [ofA.unbroadcast(to: a.shape), ofB.unbroadcast(to: b.shape)]
    }

    /// A transposed operand becomes a flag; rows of all products share one matrix: one product; many outer products are
    /// elementwise.
    func simplified(_ inputs: [Term]) throws -> Term? {
        var (a, b, rule) = (inputs[0], inputs[1], self)
        if let inner = a.untransposed { (a, rule.transposeA) = (inner, !transposeA) }
        if let inner = b.untransposed { (b, rule.transposeB) = (inner, !transposeB) }
        if rule != self { return a.apply(.matmul(rule), b) }
        if let aligned = broadcast(a, b) { return aligned }
        let (batch, m, n, k) = sizes(a.shape, b.shape)
        if k == 1, a.shape.count > 2, b.shape.count > 2 {
            return a.reshaped(to: a.shape.dropLast(2) + [m, 1]) * b.reshaped(to: b.shape.dropLast(2) + [1, n])
        }
        guard a.shape.count > 2, b.shape.count == 2, !transposeA else { return nil }
        return a.reshaped(to: [batch * m, k]).apply(.matmul(self), b).reshaped(to: a.shape.dropLast() + [n])
    }

    /// The product with leading axes that differ: an operand whose axes are all 1 is a single matrix; one that only all rows of
    /// a share makes more rows; others are repeated. Nil if nothing is to do.
    private func broadcast(_ a: Term, _ b: Term) -> Term? {
        let (ofA, ofB) = (Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
        guard ofA != ofB, !ofA.isEmpty, !ofB.isEmpty, let leading = Shape.broadcast(ofA, ofB) else { return nil }
        let (_, m, n, k) = sizes(a.shape, b.shape)
        func matrix(_ x: Term) -> Term { x.reshaped(to: Array(x.shape.suffix(2))) }
        if Shape.elements(ofA) == 1 { return matrix(a).apply(.matmul(self), b).reshaped(to: leading + [m, n]) }
        if Shape.elements(ofB) == 1 { return a.apply(.matmul(self), matrix(b)).reshaped(to: leading + [m, n]) }
        let own = [Int](repeating: 1, count: leading.count - ofB.count) + ofB
        let common = (own.lastIndex { $0 != 1 } ?? -1) + 1
        if !transposeA, ofA == leading, own[..<common] == leading[..<common] {
            let rows = Shape.elements(Array(leading[common...])) * m
            let (x, y) = (
                a.reshaped(to: leading[..<common] + [rows, k]), b.reshaped(to: leading[..<common] + b.shape.suffix(2))
            )
            return x.apply(.matmul(self), y).reshaped(to: leading + [m, n])
        }
        return a.broadcast(to: leading + a.shape.suffix(2)).apply(
            .matmul(self), b.broadcast(to: leading + b.shape.suffix(2)))
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        let rank = inputs.map(\.shape.count).max() ?? 2
        return inputs[0].aligned(rank: rank).apply(.matmul(self), inputs[1].aligned(rank: rank))
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        let (a, b) = (inputs[0], inputs[1])
        let (batch, m, n, k) = sizes(a.shape, b.shape)
        let flops = 2 * Double(batch) * Double(m) * Double(n) * Double(k)
        // A unit is a row of the result; a transposed a is read across its rows.
        let isRowWise = !transposeA && (a.shape.count > 2 || batch == 1)
        return KernelCall(
            "matmul", units: batch * m, flops: flops,
            reads: [isRowWise ? .perUnit(k * precision.bytes) : .all, .all]
        ) { memory in
            var gemm = sz_gemm()
            (gemm.a, gemm.b, gemm.c) = (UnsafeRawPointer(a.pointer), UnsafeRawPointer(b.pointer), output.pointer)
            (gemm.batch, gemm.m, gemm.n, gemm.k) = (Int64(batch), Int64(m), Int64(n), Int64(k))
            gemm.a_batch = a.shape.count > 2 ? gemm.m * gemm.k : 0
            gemm.b_batch = b.shape.count > 2 ? gemm.k * gemm.n : 0
            gemm.c_batch = gemm.m * gemm.n
            (gemm.a_row, gemm.a_col) = transposeA ? (1, gemm.m) : (gemm.k, 1)
            (gemm.b_row, gemm.b_col) = transposeB ? (1, gemm.k) : (gemm.n, 1)
            gemm.c_row = gemm.n
            let bytes = sz_gemm_prepare(&gemm, Int32(precision.bytes))
            precondition(bytes >= 0, "matmul: \(a.shape) by \(b.shape) is no product")
            gemm.scratch = memory.scratch(bytesPerThread: Int(bytes))
            gemm.scratch_stride = bytes
            return gemm
        }
    }
}

extension Term {
    /// What this is the transpose of (last two axes exchanged), if so.
    fileprivate var untransposed: Term? {
        guard let permute = rule as? Permute, let axes = permute.axes, axes == Permute.lastTwo(of: axes.count)
        else { return nil }
        return inputs[0]
    }
}
