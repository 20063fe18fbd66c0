import CShims
import Engine
import LinearAlgebra
import Protocols

/// Collects a quantity over chunks of samples. `add` reads `rows` rows of the basic quantities it was made for.
protocol Accumulator: AnyObject {
    func add(_ chunks: [UnsafePointer<Double>], rows: Int)
    /// The finished values, row-major; valid as long as the accumulator lives.
    func finish() throws -> (data: UnsafePointer<Double>, shape: [Int])
    /// Adds the rows of another one of its kind that is not finished, each `times` times.
    func absorb(_ other: any Accumulator, times: Int)
}

/// Memory of doubles, on cache lines, that lives as long as its owner.
final class Buffer {
    let pointer: UnsafeMutablePointer<Double>
    let count: Int

    /// Zeros; with `unset` whatever is there, for memory that is written before it is read. Probes in other processes read it where it is.
    init(_ count: Int, unset: Bool = false) {
        self.count = count
        pointer = Memory.allocateShareable(bytes: 8 * max(count, 1))
            .bindMemory(to: Double.self, capacity: max(count, 1))
        if !unset { pointer.initialize(repeating: 0, count: max(count, 1)) }
    }

    deinit { Memory.deallocateShareable(pointer) }
}

/// The rows themselves. Memory: samples × width.
final class Rows: Accumulator {
    private let buffer: Buffer
    private let shape: [Int]
    private var filled = 0

    init(samples: Int, shape: [Int]) {
        self.shape = [samples] + shape
        buffer = Buffer(self.shape.reduce(1, *), unset: true)
    }

    func add(_ chunks: [UnsafePointer<Double>], rows: Int) {
        let count = rows * shape.dropFirst().reduce(1, *)
        (buffer.pointer + filled).update(from: chunks[0], count: count)
        filled += count
    }

    func finish() -> (data: UnsafePointer<Double>, shape: [Int]) { (UnsafePointer(buffer.pointer), shape) }

    /// Rows are drawn from the whole instead.
    func absorb(_ other: any Accumulator, times: Int) {}
}

/// (1/n) Σ p_i q_iᵀ, `[d_p, d_q]`; with p = q the raw second moment, of which only a triangle is computed.
final class CrossMoment: Accumulator {
    private let sum: Buffer
    private let left: Int
    private let right: Int
    private let same: Bool
    private var samples = 0

    init(left: Int, right: Int, same: Bool) {
        (self.left, self.right, self.same) = (left, right, same)
        sum = Buffer(left * right)
    }

    func add(_ chunks: [UnsafePointer<Double>], rows: Int) {
        samples += rows
        if same {
            addSquare(chunks[0], rows: rows, width: left, into: sum.pointer)
        } else {
            cblas_dgemm(
                CblasRowMajor, CblasTrans, CblasNoTrans, Int32(left), Int32(right), Int32(rows), 1, chunks[0],
                Int32(left), chunks[1], Int32(right), 1, sum.pointer, Int32(right))
        }
    }

    func absorb(_ other: any Accumulator, times: Int) {
        guard let other = other as? CrossMoment else { return }
        samples += times * other.samples
        cblas_daxpy(Int32(sum.count), Double(times), other.sum.pointer, 1, sum.pointer, 1)
    }

    func finish() throws -> (data: UnsafePointer<Double>, shape: [Int]) {
        guard samples > 0 else { throw LayerUndefined.noSamples }
        if same { mirror(sum.pointer, width: left) }
        cblas_dscal(Int32(left * right), 1 / Double(samples), sum.pointer, 1)
        samples = 1
        return (UnsafePointer(sum.pointer), [left, right])
    }
}

/// The mean of the rows and, merged chunk by chunk (Chan, Golub and LeVeque 1979), their centred second moment
/// (1/n) Σ (q_i − q̄)(q_i − q̄)ᵀ. With `normalize` each row is first divided by its norm.
final class CentredMoment: Accumulator {
    private let width: Int
    private let wantsMean: Bool
    private let mean: Buffer
    private let scatter: Buffer
    private let shift: Buffer
    private let centre: Buffer
    private var samples = 0
    private var work: Buffer

    init(width: Int, wantsMean: Bool = false) {
        self.width = width
        self.wantsMean = wantsMean
        mean = Buffer(width)
        shift = Buffer(width)
        centre = Buffer(width)
        scatter = Buffer(wantsMean ? 1 : width * width)
        work = Buffer(0)
    }

    func add(_ chunks: [UnsafePointer<Double>], rows: Int) {
        guard rows > 0 else { return }
        if wantsMean { return merge(chunks[0], rows: rows) }
        if work.count < rows * width { work = Buffer(rows * width, unset: true) }
        work.pointer.update(from: chunks[0], count: rows * width)
        add(overwriting: work.pointer, rows: rows)
    }

    /// The same, leaving centred rows in `q`.
    func add(overwriting q: UnsafeMutablePointer<Double>, rows: Int) {
        guard rows > 0 else { return }
        let before = Double(samples)
        merge(UnsafePointer(q), rows: rows)
        // `shift` is the mean of these rows minus the mean of those before.
        let (d, shift, centre, n) = (width, shift.pointer, centre.pointer, Double(rows))
        for i in 0..<rows {
            let row = q + i * d
            for j in 0..<d { row[j] -= centre[j] }
        }
        addSquare(q, rows: rows, width: d, into: scatter.pointer)
        cblas_dsyr(
            CblasRowMajor, CblasUpper, Int32(d), before * n / (before + n), shift, 1, scatter.pointer, Int32(d))
    }

    /// Updates the mean; leaves the mean of the rows in `centre`, and that minus the mean before in `shift`.
    private func merge(_ q: UnsafePointer<Double>, rows: Int) {
        let (d, mean, shift, centre) = (width, mean.pointer, shift.pointer, centre.pointer)
        centre.update(repeating: 0, count: d)
        for i in 0..<rows {
            let row = q + i * d
            for j in 0..<d { centre[j] += row[j] }
        }
        samples += rows
        let part = Double(rows) / Double(samples)
        for j in 0..<d {
            centre[j] /= Double(rows)
            shift[j] = centre[j] - mean[j]
            mean[j] += shift[j] * part
        }
    }

    func absorb(_ other: any Accumulator, times: Int) {
        guard let other = other as? CentredMoment, times * other.samples > 0 else { return }
        let (d, shift, mean) = (width, shift.pointer, mean.pointer)
        let before = Double(samples), n = Double(times * other.samples)
        samples += times * other.samples
        for j in 0..<d {
            shift[j] = other.mean.pointer[j] - mean[j]
            mean[j] += shift[j] * n / Double(samples)
        }
        guard !wantsMean else { return }
        cblas_daxpy(Int32(d * d), Double(times), other.scatter.pointer, 1, scatter.pointer, 1)
        cblas_dsyr(
            CblasRowMajor, CblasUpper, Int32(d), before * n / (before + n), shift, 1, scatter.pointer, Int32(d))
    }

    func finish() throws -> (data: UnsafePointer<Double>, shape: [Int]) {
        guard samples > 0 else { throw LayerUndefined.noSamples }
        if wantsMean { return (UnsafePointer(mean.pointer), [width]) }
        mirror(scatter.pointer, width: width)
        cblas_dscal(Int32(width * width), 1 / Double(samples), scatter.pointer, 1)
        return (UnsafePointer(scatter.pointer), [width, width])
    }
}

/// The centred second moment of q_i/‖q_i‖, without the rows whose norm is below about 1e-12 of the largest. That is known
/// only at the end, so rows are collected by the size of their norm, in powers of 2^10; those of the largest and the
/// four sizes below it stay.
final class NormalizedMoment: Accumulator {
    private static let sizes = 4
    private let width: Int
    private var moments: [Int: CentredMoment] = [:]
    private var work = Buffer(0)
    private var isFinite = true
    private var result: CentredMoment?

    init(width: Int) { self.width = width }

    func add(_ chunks: [UnsafePointer<Double>], rows: Int) {
        if work.count < rows * width { work = Buffer(rows * width, unset: true) }
        let norms = (0..<rows).map { norm(chunks[0] + $0 * width, width) }
        isFinite = isFinite && norms.allSatisfy(\.isFinite)
        guard isFinite else { return }
        let sizes = norms.map { $0 > 0 ? Int(($0.exponent + 1100) / 10) : -1 }
        for size in Set(sizes).sorted() where size >= 0 {
            var kept = 0
            for i in 0..<rows where sizes[i] == size {
                let (row, unit) = (chunks[0] + i * width, work.pointer + kept * width)
                for j in 0..<width { unit[j] = row[j] / norms[i] }
                kept += 1
            }
            moment(size)?.add(overwriting: work.pointer, rows: kept)
        }
    }

    /// nil: too small to be kept.
    private func moment(_ size: Int) -> CentredMoment? {
        if let known = moments[size] { return known }
        let largest = moments.keys.max() ?? size
        guard size >= largest - Self.sizes else { return nil }
        moments = moments.filter { $0.key >= size - Self.sizes }
        let moment = CentredMoment(width: width)
        moments[size] = moment
        return moment
    }

    func absorb(_ other: any Accumulator, times: Int) {
        guard let other = other as? NormalizedMoment, times > 0 else { return }
        isFinite = isFinite && other.isFinite
        for (size, moment) in other.moments.sorted(by: { $0.key < $1.key }) {
            self.moment(size)?.absorb(moment, times: times)
        }
    }

    func finish() throws -> (data: UnsafePointer<Double>, shape: [Int]) {
        guard isFinite else { throw LayerUndefined.notFinite }
        guard !moments.isEmpty else { throw LayerUndefined.zeroRows }
        let parts = moments.sorted { $0.key > $1.key }.map(\.value)
        for part in parts.dropFirst() { parts[0].absorb(part, times: 1) }
        result = parts[0]
        return try parts[0].finish()
    }
}

/// Euclidean norm; the slower form only where squares would overflow or vanish.
private func norm(_ x: UnsafePointer<Double>, _ count: Int) -> Double {
    let square = cblas_ddot(Int32(count), x, 1, x, 1)
    return square > 1e-280 && square < 1e280 ? square.squareRoot() : cblas_dnrm2(Int32(count), x, 1)
}

enum LayerUndefined {
    static let noSamples = Undefined("no_samples")
    static let zeroRows = Undefined("zero_rows")
    static let notFinite = Undefined("input_not_finite")
}

/// Adds the upper triangle of qᵀq, `[width, width]`.
func addSquare(_ q: UnsafePointer<Double>, rows: Int, width: Int, into sum: UnsafeMutablePointer<Double>) {
    cblas_dsyrk(
        CblasRowMajor, CblasUpper, CblasTrans, Int32(width), Int32(rows), 1, q, Int32(width), 1, sum, Int32(width))
}

/// Copies the upper triangle to the lower one.
func mirror(_ square: UnsafeMutablePointer<Double>, width: Int) {
    for i in 0..<width {
        for j in 0..<i { square[i * width + j] = square[j * width + i] }
    }
}
