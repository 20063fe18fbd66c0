import CShims
import Manifests

/// Rows of recorded arrays, and of what is made of them by products.
final class RecordedProgram: RowProgram {
    private unowned let network: RecordedNetwork
    private let key: CaptureProgram.Key
    private var made: [Capture: Buffer] = [:]
    private var jacobians: [Int: Buffer] = [:]
    private var (split, row, first) = ("", 0, 0)

    init(_ network: RecordedNetwork, _ key: CaptureProgram.Key) { (self.network, self.key) = (network, key) }

    func run(on table: DataTable, from row: Int, _ kind: JacobianCotangents, first: Int) {
        split = network.layout.tables.first { $0.value === table }?.key ?? ""
        (self.row, self.first) = (row, first)
        for case .layer(let layer, let basic) in key.captures where recorded(layer, basic) == nil {
            guard let parts = basic.recordedParts, let (source, count, _) = recorded(layer, parts[0]),
                let weight = network.weight(of: layer)
            else { continue }
            let shape = network.shapes[layer], isOutput = basic == .layerOutput
            let (old, new) = isOutput ? (shape.input, shape.output) : (shape.output, shape.input)
            let buffer = made[.layer(layer, basic)] ?? Buffer(count * new, unset: true)
            made[.layer(layer, basic)] = buffer
            cblas_dgemm(
                CblasRowMajor, CblasNoTrans, isOutput ? CblasTrans : CblasNoTrans, Int32(count), Int32(new),
                Int32(old),
                1, source, Int32(old), weight, Int32(shape.input), 0, buffer.pointer, Int32(new))
        }
    }

    /// The rows of this run, their number, and numbers of each.
    private func recorded(
        _ layer: Int?, _ basic: QuantityExpression.Basic
    ) -> (rows: UnsafePointer<Double>, count: Int, size: Int)? {
        guard let all = network.layout.rows[.init(layer: layer, basic: basic, split: split)] else { return nil }
        let size = all.width * all.outputs
        return (UnsafePointer(all.values.pointer + row * all.positions * size), key.rows * all.positions, size)
    }

    func values(_ capture: Capture) -> UnsafePointer<Double>? {
        switch capture {
        case .layer(let layer, let basic):
            recorded(layer, basic)?.rows ?? made[capture].map { UnsafePointer($0.pointer) }
        case .modelOutput: recorded(nil, .modelOutput)?.rows
        case .sampleLoss: recorded(nil, .sampleLoss)?.rows
        case .targets: recorded(nil, .targets)?.rows
        }
    }

    func jacobian(cotangent: Int, layer: Int) -> UnsafePointer<Double>? {
        let shape = network.shapes[layer], width = shape.jacobianWidth, output = first + cotangent
        let basic: QuantityExpression.Basic = shape.hasJacobiansAtInput ? .layerInputJacobian : .layerOutputJacobian
        guard output < network.jacobianOutputs, let (rows, count, size) = recorded(layer, basic) else { return nil }
        let buffer = jacobians[layer] ?? Buffer(count * width, unset: true)
        jacobians[layer] = buffer
        for i in 0..<count {
            (buffer.pointer + i * width).update(from: rows + i * size + output * width, count: width)
        }
        return UnsafePointer(buffer.pointer)
    }
}
