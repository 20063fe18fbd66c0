import CSyzygy
import LinearAlgebra

/// `syzygy.linalg/1`: stateless, so one table serves every plugin.
enum LinalgService {
    nonisolated(unsafe) static let table: UnsafePointer<syzygy_linalg> = {
        let pointer = UnsafeMutablePointer<syzygy_linalg>.allocate(capacity: 1)
        var table = syzygy_linalg()
        table.struct_size = UInt32(MemoryLayout<syzygy_linalg>.size)
        table.gemm = { _, transposeA, transposeB, m, n, k, alpha, a, b, beta, c in
            guard let a, let b, let c else { return }
            try? Dense.gemm(
                transposeA: transposeA != 0, transposeB: transposeB != 0, m: Int(m), n: Int(n), k: Int(k),
                alpha: alpha, a, b, beta: beta, c)
        }
        table.eigh = { _, n, a, values, vectors in
            guard let a, let values, let vectors else { return invalid }
            return status { try Dense.eigh(n: Int(n), a, values: values, vectors: vectors) }
        }
        table.svd = { _, m, n, a, u, s, vt in
            guard let a, let u, let s, let vt else { return invalid }
            return status { try Dense.svd(m: Int(m), n: Int(n), a, u: u, s: s, vt: vt) }
        }
        table.cholesky_solve = { _, n, k, a, b in
            guard let a, let b else { return invalid }
            return status { try Dense.choleskySolve(n: Int(n), k: Int(k), a, b) }
        }
        pointer.initialize(to: table)
        return UnsafePointer(pointer)
    }()

    private static let invalid = Int32(SYZYGY_INVALID)

    private static func status(_ body: () throws -> Void) -> Int32 {
        do {
            try body()
            return Int32(SYZYGY_OK)
        } catch {
            return Int32(SYZYGY_UNDEFINED)
        }
    }
}
