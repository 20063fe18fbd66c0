import CShims
import Protocols

/// (1/n) Σ (p_i − p̄)(q_i − q̄)ᵀ, `[d_p, d_q]`, merged chunk by chunk as `CentredMoment` is.
final class CentredCross: Accumulator {
    private let left: Side
    private let right: Side
    private let scatter: Buffer
    private var samples = 0

    /// One of the two quantities.
    private final class Side {
        let width: Int
        private let mean: Buffer
        /// The mean of the rows at hand, and that minus the mean of those before.
        private let centre: Buffer
        let shift: Buffer
        private(set) var centred = Buffer(0)

        /// Moves to the mean of all rows with those of another one, whose share of all is `part`.
        func take(_ other: Side, part: Double) {
            for j in 0..<width {
                shift.pointer[j] = other.mean.pointer[j] - mean.pointer[j]
                mean.pointer[j] += shift.pointer[j] * part
            }
        }

        init(_ width: Int) {
            self.width = width
            (mean, centre, shift) = (Buffer(width), Buffer(width), Buffer(width))
        }

        /// Centres rows at their own mean; `part` is their share of all rows so far.
        func take(_ q: UnsafePointer<Double>, rows: Int, part: Double) {
            if centred.count < rows * width { centred = Buffer(rows * width, unset: true) }
            let (d, centre, out) = (width, centre.pointer, centred.pointer)
            centre.update(repeating: 0, count: d)
            for i in 0..<rows {
                for j in 0..<d { centre[j] += q[i * d + j] }
            }
            for j in 0..<d {
                centre[j] /= Double(rows)
                shift.pointer[j] = centre[j] - mean.pointer[j]
                mean.pointer[j] += shift.pointer[j] * part
            }
            for i in 0..<rows {
                for j in 0..<d { out[i * d + j] = q[i * d + j] - centre[j] }
            }
        }
    }

    init(left: Int, right: Int) {
        (self.left, self.right) = (Side(left), Side(right))
        scatter = Buffer(left * right)
    }

    func add(_ chunks: [UnsafePointer<Double>], rows: Int) {
        guard rows > 0 else { return }
        let before = Double(samples), n = Double(rows)
        samples += rows
        left.take(chunks[0], rows: rows, part: n / Double(samples))
        right.take(chunks[1], rows: rows, part: n / Double(samples))
        let (p, q) = (Int32(left.width), Int32(right.width))
        cblas_dgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, p, q, Int32(rows), 1, left.centred.pointer, p,
            right.centred.pointer, q, 1, scatter.pointer, q)
        cblas_dger(
            CblasRowMajor, p, q, before * n / (before + n), left.shift.pointer, 1, right.shift.pointer, 1,
            scatter.pointer, q)
    }

    func absorb(_ other: any Accumulator, times: Int) {
        guard let other = other as? CentredCross, times * other.samples > 0 else { return }
        let before = Double(samples), n = Double(times * other.samples)
        samples += times * other.samples
        left.take(other.left, part: n / Double(samples))
        right.take(other.right, part: n / Double(samples))
        cblas_daxpy(Int32(scatter.count), Double(times), other.scatter.pointer, 1, scatter.pointer, 1)
        cblas_dger(
            CblasRowMajor, Int32(left.width), Int32(right.width), before * n / (before + n), left.shift.pointer, 1,
            right.shift.pointer, 1, scatter.pointer, Int32(right.width))
    }

    func finish() throws -> (data: UnsafePointer<Double>, shape: [Int]) {
        guard samples > 0 else { throw LayerUndefined.noSamples }
        cblas_dscal(Int32(scatter.count), 1 / Double(samples), scatter.pointer, 1)
        return (UnsafePointer(scatter.pointer), [left.width, right.width])
    }
}
