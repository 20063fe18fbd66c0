import CSyzygy

/// A dense row-major f64 matrix of its own.
public struct Matrix: Sendable {
    public let rows: Int
    public let columns: Int
    /// Element [i, j] at `i * columns + j`.
    public var elements: [Double]

    /// Zeros.
    public init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        elements = [Double](repeating: 0, count: rows * columns)
    }

    @inlinable public subscript(i: Int, j: Int) -> Double {
        get { elements[i * columns + j] }
        set { elements[i * columns + j] = newValue }
    }

    /// The Frobenius norm squared.
    public var squaredNorm: Double { elements.reduce(0) { $0 + $1 * $1 } }
}

/// A matrix in the host's memory, valid during the call.
public struct MatrixView {
    public let rows: Int
    public let columns: Int
    /// Element [i, j] at `i * columns + j`.
    public let base: UnsafePointer<Double>

    /// `rows * columns` numbers from `base` on.
    public init(_ base: UnsafePointer<Double>, rows: Int, columns: Int) {
        self.base = base
        self.rows = rows
        self.columns = columns
    }

    @inlinable public subscript(i: Int, j: Int) -> Double { base[i * columns + j] }

    /// Row i, `columns` numbers.
    @inlinable public func row(_ i: Int) -> UnsafeBufferPointer<Double> {
        UnsafeBufferPointer(start: base + i * columns, count: columns)
    }
}

/// The host's `syzygy.linalg/1` service: dense f64 factorizations through LAPACK.
public struct LinearAlgebra {
    let service: UnsafePointer<syzygy_linalg>

    /// The service as the argument bound to it, valid during the call.
    public init(_ service: UnsafePointer<syzygy_linalg>) {
        self.service = service
    }

    /// a bᵀ, `[a.rows, b.rows]`: row i against row j.
    public func rowProducts(_ a: Matrix, _ b: Matrix) -> Matrix {
        var result = Matrix(rows: a.rows, columns: b.rows)
        rowProducts(a, b, into: &result)
        return result
    }

    /// a bᵀ written over `result`, for loops that keep their scratch.
    public func rowProducts(_ a: Matrix, _ b: Matrix, into result: inout Matrix) {
        precondition(a.columns == b.columns && result.rows == a.rows && result.columns == b.rows)
        service.pointee.gemm(
            service.pointee.context, 0, 1, Int64(a.rows), Int64(b.rows), Int64(a.columns), 1, a.elements, b.elements,
            0,
            &result.elements)
    }

    /// a = U diag(s) Vᵀ with r = min(rows, columns): `u` `[rows, r]`, `s` descending, `vt` `[r, columns]`.
    /// Nil if LAPACK does not converge.
    public func svd(_ a: Matrix) -> (u: Matrix, s: [Double], vt: Matrix)? {
        let r = min(a.rows, a.columns)
        var u = Matrix(rows: a.rows, columns: r)
        var s = [Double](repeating: 0, count: r)
        var vt = Matrix(rows: r, columns: a.columns)
        let status = service.pointee.svd(
            service.pointee.context, Int64(a.rows), Int64(a.columns), a.elements, &u.elements, &s, &vt.elements)
        return status == SYZYGY_OK ? (u, s, vt) : nil
    }
}
