import CShims

/// A dense f64 matrix, row-major: for analysis code and tests, not for the training path.
///
/// Shapes that do not fit each other are a mistake of the caller's code and trap with a sentence.
package struct Matrix: Equatable, Sendable {
    package let rows: Int
    package let columns: Int
    /// Element [i, j] at `i * columns + j`.
    package var elements: [Double]

    package init(rows: Int, columns: Int, elements: [Double]) {
        precondition(
            rows >= 0 && columns >= 0 && elements.count == rows * columns,
            """
            a matrix [\(rows), \(columns)] cannot hold \(elements.count) elements
            """)
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    package init(rows: Int, columns: Int, repeating value: Double = 0) {
        self.init(rows: rows, columns: columns, elements: Array(repeating: value, count: rows * columns))
    }

    /// From rows of equal length: `Matrix([[1, 2], [3, 4]])`.
    package init(_ rows: [[Double]]) {
        self.init(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap { $0 })
    }

    package static func identity(_ size: Int) -> Matrix { diagonal(Array(repeating: 1, count: size)) }

    package static func diagonal(_ values: [Double]) -> Matrix {
        var result = Matrix(rows: values.count, columns: values.count)
        for (i, value) in values.enumerated() { result[i, i] = value }
        return result
    }

    package subscript(_ i: Int, _ j: Int) -> Double {
        get {
            precondition(j >= 0 && j < columns, "column \(j) of a matrix with \(columns) columns")
            return elements[i * columns + j]
        }
        set {
            precondition(j >= 0 && j < columns, "column \(j) of a matrix with \(columns) columns")
            elements[i * columns + j] = newValue
        }
    }

    /// Row i.
    package func row(_ i: Int) -> [Double] { Array(elements[i * columns..<(i + 1) * columns]) }

    package var transposed: Matrix {
        var result = Matrix(rows: columns, columns: rows)
        for i in 0..<rows {
            for j in 0..<columns { result.elements[j * rows + i] = elements[i * columns + j] }
        }
        return result
    }

    /// Σ_i a_ii over the shorter side.
    package var trace: Double {
        (0..<min(rows, columns)).reduce(0) { $0 + self[$1, $1] }
    }

    /// √(Σ a_ij²), without overflow for large elements.
    package var frobeniusNorm: Double { cblas_dnrm2(Int32(elements.count), elements, 1) }
}

/// Arithmetic.
extension Matrix {
    /// op(A) op(B) through OpenBLAS.
    package static func product(
        _ a: Matrix, _ b: Matrix, transposeA: Bool = false, transposeB: Bool = false
    ) -> Matrix {
        let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
        let (inner, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
        precondition(k == inner, "product of [\(m), \(k)] and [\(inner), \(n)]")
        var c = Matrix(rows: m, columns: n)
        cblas_dgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            Int32(m), Int32(n), Int32(k), 1, a.elements, Int32(max(1, a.columns)),
            b.elements, Int32(max(1, b.columns)), 0, &c.elements, Int32(max(1, n)))
        return c
    }

    package static func * (a: Matrix, b: Matrix) -> Matrix { product(a, b) }

    package static func * (scale: Double, a: Matrix) -> Matrix {
        Matrix(rows: a.rows, columns: a.columns, elements: a.elements.map { scale * $0 })
    }

    package static func + (a: Matrix, b: Matrix) -> Matrix { combine(a, b, +) }

    package static func - (a: Matrix, b: Matrix) -> Matrix { combine(a, b, -) }

    private static func combine(_ a: Matrix, _ b: Matrix, _ operation: (Double, Double) -> Double) -> Matrix {
        precondition(
            a.rows == b.rows && a.columns == b.columns,
            "shapes [\(a.rows), \(a.columns)] and [\(b.rows), \(b.columns)] differ")
        return Matrix(rows: a.rows, columns: a.columns, elements: zip(a.elements, b.elements).map(operation))
    }
}

/// Decompositions; formulas, shapes and errors as in `Dense`.
extension Matrix {
    /// Eigenvalues ascending; row i of `vectors` belongs to value i.
    package func eigh() throws(LinearAlgebraError) -> (values: [Double], vectors: Matrix) {
        try requireSquare("eigh")
        var values = Array(repeating: 0.0, count: rows)
        var vectors = Matrix(rows: rows, columns: rows)
        try Dense.eigh(n: rows, elements, values: &values, vectors: &vectors.elements)
        return (values, vectors)
    }

    package func svd() throws(LinearAlgebraError) -> (u: Matrix, s: [Double], vt: Matrix) {
        let r = min(rows, columns)
        var u = Matrix(rows: rows, columns: r)
        var s = Array(repeating: 0.0, count: r)
        var vt = Matrix(rows: r, columns: columns)
        try Dense.svd(m: rows, n: columns, elements, u: &u.elements, s: &s, vt: &vt.elements)
        return (u, s, vt)
    }

    package func singularValues() throws(LinearAlgebraError) -> [Double] {
        var s = Array(repeating: 0.0, count: min(rows, columns))
        try Dense.svd(m: rows, n: columns, elements, u: nil, s: &s, vt: nil)
        return s
    }

    package func choleskySolve(_ b: Matrix) throws(LinearAlgebraError) -> Matrix {
        try requireSquare("cholesky_solve")
        precondition(b.rows == rows, "right-hand side of \(b.rows) rows for a matrix of \(rows)")
        var x = b
        try Dense.choleskySolve(n: rows, k: b.columns, elements, &x.elements)
        return x
    }

    package func qr() throws(LinearAlgebraError) -> (q: Matrix, r: Matrix) {
        let rank = min(rows, columns)
        var q = Matrix(rows: rows, columns: rank)
        var r = Matrix(rows: rank, columns: columns)
        try Dense.qr(m: rows, n: columns, elements, q: &q.elements, r: &r.elements)
        return (q, r)
    }

    private func requireSquare(_ routine: String) throws(LinearAlgebraError) {
        if rows != columns {
            throw LinearAlgebraError(.size, "\(routine): the matrix is [\(rows), \(columns)]; expected a square one.")
        }
    }
}
