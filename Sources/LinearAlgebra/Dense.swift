import CShims

/// Dense f64 routines over row-major memory, through OpenBLAS and LAPACK: the `syzygy.linalg/1` service of `syzygy.h`.
///
/// LAPACK reads row-major memory as the transposed matrix; every routine below is arranged so that no transposition is
/// needed. Input is checked (sizes, finite values): LAPACK may loop forever on what it does not expect.
/// Results have the same bits on one machine with one number of threads; signs of vectors are LAPACK's choice.
package enum Dense {
    /// C = alpha · op(A) op(B) + beta · C.
    ///
    /// **Shapes**: op(A) [m, k], op(B) [k, n], C [m, n]; A is stored [k, m] if `transposeA`, B [n, k] if `transposeB`.
    /// With `beta` 0, C need not be initialized. Values are not checked: NaN in, NaN out.
    /// - Throws: `size`.
    package static func gemm(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int,
        alpha: Double = 1, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
        beta: Double = 0, _ c: UnsafeMutablePointer<Double>
    ) throws(LinearAlgebraError) {
        let (m, n, k) = try (size(m, "gemm", "m"), size(n, "gemm", "n"), size(k, "gemm", "k"))
        cblas_dgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, m, n, k,
            alpha, a, max(1, transposeA ? m : k), b, max(1, transposeB ? k : n), beta, c, max(1, n))
    }

    /// The eigenvalues (ascending) and orthonormal eigenvectors of a symmetric matrix: A = Vᵀ diag(values) V.
    ///
    /// **Shapes**: A [n, n], values [n], vectors [n, n] with eigenvector i in row i (may be A itself, nil to skip).
    /// Decomposes (A + Aᵀ) / 2; a difference between a_ij and a_ji above 10⁻⁶ of the largest magnitude is an error,
    /// smaller ones are rounding.
    /// - Complexity: O(n³), n² extra memory without vectors, 2 n² with. Divide and conquer (LAPACK `dsyevd`).
    /// - Throws: `size`, `notFinite`, `notSymmetric`, `noConvergence`, `memory`.
    package static func eigh(
        n: Int, _ a: UnsafePointer<Double>, values: UnsafeMutablePointer<Double>,
        vectors: UnsafeMutablePointer<Double>?
    ) throws(LinearAlgebraError) {
        let order = try size(n, "eigh", "n", limit: 32_000)  // LAPACK counts 2 n² words of workspace in 32 bits
        if n == 0 { return }
        let largest = try magnitude(a, count: n * n, "eigh", columns: n)
        let scratch = vectors == nil ? UnsafeMutablePointer<Double>.allocate(capacity: n * n) : nil
        defer { scratch?.deallocate() }
        guard let work = vectors ?? scratch else { return }
        for i in 0..<n {
            work[i * n + i] = a[i * n + i]
            for j in 0..<i {
                let (below, above) = (a[i * n + j], a[j * n + i])
                if abs(below - above) > 1e-6 * largest {
                    throw LinearAlgebraError(
                        .notSymmetric,
                        "eigh: the matrix is not symmetric: [\(i), \(j)] is \(below), [\(j), \(i)] is \(above); "
                            + "pass (A + A^T) / 2 if that is what you mean, or use svd.")
                }
                // Halved first, so that the sum of two large numbers stays finite.
                let mean = below == above ? below : below / 2 + above / 2
                work[i * n + j] = mean
                work[j * n + i] = mean
            }
        }
        let job: CChar = vectors == nil ? letter("N") : letter("V")
        let info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, letter("L"), order, work, order, values)
        try check(info, "eigh")
    }

    /// The thin singular value decomposition A = U diag(s) Vᵀ, r = min(m, n), s descending.
    ///
    /// **Shapes**: A [m, n], U [m, r], s [r], Vᵀ [r, n]. With nil for `u` or `vt` only s is computed, much faster.
    /// - Complexity: O(m n r), about m n + 5 r² extra memory. Divide and conquer (LAPACK `dgesdd`).
    /// - Throws: `size`, `notFinite`, `noConvergence`, `memory`.
    package static func svd(
        m: Int, n: Int, _ a: UnsafePointer<Double>, u: UnsafeMutablePointer<Double>?,
        s: UnsafeMutablePointer<Double>, vt: UnsafeMutablePointer<Double>?
    ) throws(LinearAlgebraError) {
        let (rows, columns) = try (size(m, "svd", "m"), size(n, "svd", "n"))
        let r = min(m, n)
        _ = try size(r, "svd", "min(m, n)", limit: 20_000)
        if r == 0 { return }
        _ = try magnitude(a, count: m * n, "svd", columns: n)
        let work = UnsafeMutablePointer<Double>.allocate(capacity: m * n)
        defer { work.deallocate() }
        work.update(from: a, count: m * n)
        // LAPACK sees A^T = V diag(s) U^T: its left vectors [n, r] are the rows of our Vᵀ, its right ones our U.
        let all = u != nil && vt != nil
        let info = LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, all ? letter("S") : letter("N"), columns, rows, work, columns, s,
            all ? vt : nil, columns, all ? u : nil, Int32(r))
        try check(info, "svd")
    }

    /// Solves A X = B for a symmetric positive definite A; B becomes X.
    ///
    /// **Shapes**: A [n, n] (its lower triangle is read), B [n, k].
    /// - Complexity: O(n³ / 3 + n² k), n² extra memory.
    /// - Throws: `size`, `notFinite`, `notPositiveDefinite`, `memory`; B is then unchanged.
    package static func choleskySolve(
        n: Int, k: Int, _ a: UnsafePointer<Double>, _ b: UnsafeMutablePointer<Double>
    ) throws(LinearAlgebraError) {
        let (order, count) = try (size(n, "cholesky_solve", "n"), size(k, "cholesky_solve", "k"))
        if n == 0 || k == 0 { return }
        _ = try magnitude(a, count: n * n, "cholesky_solve", columns: n)
        _ = try magnitude(b, count: n * k, "cholesky_solve", columns: k)
        let factor = UnsafeMutablePointer<Double>.allocate(capacity: n * n)
        defer { factor.deallocate() }
        factor.update(from: a, count: n * n)
        // The upper triangle of what LAPACK sees is our lower one.
        let info = LAPACKE_dpotrf(LAPACK_COL_MAJOR, letter("U"), order, factor, order)
        if info > 0 {
            throw LinearAlgebraError(
                .notPositiveDefinite,
                "cholesky_solve: the matrix is not positive definite: its leading minor of order \(info) of \(n) is "
                    + "not positive; add a ridge to the diagonal or use eigh.")
        }
        try check(info, "cholesky_solve")
        for transpose in [CblasNoTrans, CblasTrans] {
            cblas_dtrsm(
                CblasRowMajor, CblasLeft, CblasLower, transpose, CblasNonUnit, order, count, 1, factor, order, b,
                count)
        }
    }

    /// The thin QR decomposition A = Q R, r = min(m, n), with the diagonal of R ≥ 0.
    ///
    /// With this sign the result is unique for full column rank, and Q of a square Gaussian matrix is uniform over the
    /// orthogonal group (Mezzadri, Notices AMS 54, 2007, section 5).
    ///
    /// **Shapes**: A [m, n], Q [m, r] with orthonormal columns, R [r, n] upper triangular (nil to skip).
    /// - Complexity: O(m n r), m n extra memory. Householder (LAPACK `dgelqf`, `dorglq`).
    /// - Throws: `size`, `notFinite`, `memory`.
    package static func qr(
        m: Int, n: Int, _ a: UnsafePointer<Double>, q: UnsafeMutablePointer<Double>, r: UnsafeMutablePointer<Double>?
    ) throws(LinearAlgebraError) {
        let (rows, columns) = try (size(m, "qr", "m"), size(n, "qr", "n"))
        let rank = min(m, n)
        if rank == 0 { return }
        _ = try magnitude(a, count: m * n, "qr", columns: n)
        let work = UnsafeMutablePointer<Double>.allocate(capacity: m * n + rank)
        defer { work.deallocate() }
        work.update(from: a, count: m * n)
        let reflectors = work + m * n
        // LAPACK sees A^T = L Q^T, L [n, r] below the diagonal of `work`, the reflectors above it.
        try check(LAPACKE_dgelqf(LAPACK_COL_MAJOR, columns, rows, work, columns, reflectors), "qr")
        for i in 0..<m {
            for j in 0..<rank { q[i * rank + j] = work[i * n + j] }
        }
        try check(LAPACKE_dorglq(LAPACK_COL_MAJOR, Int32(rank), rows, Int32(rank), q, Int32(rank), reflectors), "qr")
        for j in 0..<rank {
            let sign: Double = work[j * n + j] < 0 ? -1 : 1
            if sign < 0 { for i in 0..<m { q[i * rank + j] = -q[i * rank + j] } }
            guard let r else { continue }
            for column in 0..<n { r[j * n + column] = column < j ? 0 : sign * work[j * n + column] }
        }
    }
}

extension Dense {
    /// An option of LAPACK, such as "V" for vectors.
    private static func letter(_ option: Unicode.Scalar) -> CChar { CChar(UInt8(ascii: option)) }

    /// A size as LAPACK takes it.
    private static func size(
        _ value: Int, _ routine: String, _ name: String, limit: Int = Int(Int32.max)
    ) throws(LinearAlgebraError) -> Int32 {
        guard value >= 0, value <= limit else {
            throw LinearAlgebraError(.size, "\(routine): \(name) is \(value); expected 0 ... \(limit).")
        }
        return Int32(value)
    }

    /// The largest magnitude of finite values.
    private static func magnitude(
        _ a: UnsafePointer<Double>, count: Int, _ routine: String, columns: Int
    ) throws(LinearAlgebraError) -> Double {
        var largest = 0.0
        for i in 0..<count {
            let value = a[i].magnitude
            guard value < .infinity else {
                throw LinearAlgebraError(
                    .notFinite, "\(routine): element [\(i / columns), \(i % columns)] is \(a[i]); all must be finite."
                )
            }
            largest = max(largest, value)
        }
        return largest
    }

    private static func check(_ info: Int32, _ routine: String) throws(LinearAlgebraError) {
        if info == 0 { return }
        if info > 0 {
            throw LinearAlgebraError(
                .noConvergence,
                "\(routine): the iteration of LAPACK did not converge (info \(info)); "
                    + "rescale the matrix or look at its condition.")
        }
        if info <= -1010 { throw LinearAlgebraError(.memory, "\(routine): no memory for LAPACK's workspace.") }
        throw LinearAlgebraError(.size, "\(routine): LAPACK refused its argument \(-info).")
    }
}
