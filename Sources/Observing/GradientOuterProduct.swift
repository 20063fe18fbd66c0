import CShims
import Protocols

/// Takes the Jacobians of rows, for one output of the network after the other.
protocol JacobianAccumulator: Accumulator {
    /// - Parameter jacobian: of output number `output`, `[rows, width]`.
    func add(output: Int, jacobian: UnsafePointer<Double>, rows: Int)
}

extension JacobianAccumulator {
    func add(_ chunks: [UnsafePointer<Double>], rows: Int) {}
}

/// (1/n) Σ_i J_iᵀ J_i of J_i `[outputs, width]`, `[width, width]`; centred: of J_i − J̄, merged chunk by chunk as `CentredMoment`
/// is. With a weight `[width, inputs]` that of J_i · weight, which is weightᵀ M weight.
final class GradientOuterProduct: JacobianAccumulator {
    private let width: Int
    private let isCentred: Bool
    private let weight: (values: [Double], inputs: Int)?
    private let sum: Buffer
    private let means: Buffer
    private let centre, shift: Buffer
    private var work = Buffer(0)
    /// Of each output.
    private var samples: [Int]
    private var result: Buffer?

    init(width: Int, outputs: Int, isCentred: Bool, weight: (values: [Double], inputs: Int)?) {
        (self.width, self.isCentred, self.weight) = (width, isCentred, weight)
        sum = Buffer(width * width)
        means = Buffer(isCentred ? outputs * width : 1)
        (centre, shift) = (Buffer(width), Buffer(width))
        samples = Array(repeating: 0, count: outputs)
    }

    func add(output: Int, jacobian: UnsafePointer<Double>, rows: Int) {
        guard rows > 0 else { return }
        let before = Double(samples[output]), n = Double(rows)
        samples[output] += rows
        guard isCentred else { return addSquare(jacobian, rows: rows, width: width, into: sum.pointer) }
        if work.count < rows * width { work = Buffer(rows * width, unset: true) }
        let (d, centre) = (width, centre.pointer)
        centre.update(repeating: 0, count: d)
        for i in 0..<rows {
            for j in 0..<d { centre[j] += jacobian[i * d + j] }
        }
        for j in 0..<d { centre[j] /= n }
        for i in 0..<rows {
            for j in 0..<d { work.pointer[i * d + j] = jacobian[i * d + j] - centre[j] }
        }
        addSquare(work.pointer, rows: rows, width: d, into: sum.pointer)
        merge(output, mean: UnsafePointer(centre), before: before, added: n)
    }

    /// Moves the mean of an output, and adds what the distance of two means adds to the sum.
    private func merge(_ output: Int, mean other: UnsafePointer<Double>, before: Double, added n: Double) {
        let (mean, shift) = (means.pointer + output * width, shift.pointer)
        for j in 0..<width {
            shift[j] = other[j] - mean[j]
            mean[j] += shift[j] * n / (before + n)
        }
        cblas_dsyr(
            CblasRowMajor, CblasUpper, Int32(width), before * n / (before + n), shift, 1, sum.pointer, Int32(width))
    }

    func absorb(_ other: any Accumulator, times: Int) {
        guard let other = other as? GradientOuterProduct, times > 0 else { return }
        cblas_daxpy(Int32(sum.count), Double(times), other.sum.pointer, 1, sum.pointer, 1)
        for output in samples.indices where other.samples[output] > 0 {
            let (before, added) = (samples[output], times * other.samples[output])
            samples[output] += added
            guard isCentred else { continue }
            merge(
                output, mean: UnsafePointer(other.means.pointer + output * width), before: Double(before),
                added: Double(added))
        }
    }

    func finish() throws -> (data: UnsafePointer<Double>, shape: [Int]) {
        guard let samples = samples.first, samples > 0 else { throw LayerUndefined.noSamples }
        mirror(sum.pointer, width: width)
        cblas_dscal(Int32(sum.count), 1 / Double(samples), sum.pointer, 1)
        guard let (values, inputs) = weight else { return (UnsafePointer(sum.pointer), [width, width]) }
        let (half, whole) = (Buffer(width * inputs, unset: true), Buffer(inputs * inputs, unset: true))
        let (a, b) = (Int32(width), Int32(inputs))
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, a, b, a, 1, sum.pointer, a, values, b, 0, half.pointer, b)
        cblas_dgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, b, b, a, 1, values, b, half.pointer, b, 0, whole.pointer, b)
        // Rounding alone tells the two halves apart.
        mirror(whole.pointer, width: inputs)
        result = whole
        return (UnsafePointer(whole.pointer), [inputs, inputs])
    }
}

/// The Jacobians themselves, `[n, outputs, width]`; with a weight `[width, inputs]` those at its inputs.
final class Jacobians: JacobianAccumulator {
    private let buffer: Buffer
    private let shape: [Int]
    private let weight: (values: [Double], inputs: Int)?
    private let width: Int
    /// Rows so far, of each output.
    private var filled: [Int]

    init(samples: Int, width: Int, outputs: Int, weight: (values: [Double], inputs: Int)?) {
        (self.width, self.weight) = (width, weight)
        shape = [samples, outputs, weight?.inputs ?? width]
        buffer = Buffer(shape.reduce(1, *), unset: true)
        filled = Array(repeating: 0, count: outputs)
    }

    func add(output: Int, jacobian: UnsafePointer<Double>, rows: Int) {
        let stride = shape[1] * shape[2]
        let out = buffer.pointer + filled[output] * stride + output * shape[2]
        filled[output] += rows
        if let weight {
            cblas_dgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(weight.inputs), Int32(width), 1,
                jacobian,
                Int32(width), weight.values, Int32(weight.inputs), 0, out, Int32(stride))
        } else {
            for i in 0..<rows { (out + i * stride).update(from: jacobian + i * width, count: width) }
        }
    }

    func finish() -> (data: UnsafePointer<Double>, shape: [Int]) { (UnsafePointer(buffer.pointer), shape) }

    /// Rows are drawn from the whole instead.
    func absorb(_ other: any Accumulator, times: Int) {}
}
