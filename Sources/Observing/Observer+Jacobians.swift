import Manifests
import Protocols

/// Derivatives of the outputs with respect to layers, and what is made of them.
extension Observer {
    /// An accumulator of Jacobians, and of which layer.
    struct JacobianStream {
        var key: Measurement.Key
        var accumulator: any JacobianAccumulator
        var layer: Int
        /// The same, by groups of samples.
        var grouped: Grouped?
    }

    func cotangents(_ rows: FirstRows) -> JacobianCotangents {
        rows.cotangents.map { .signs(count: $0) } ?? .outputs(observed.jacobianOutputs)
    }

    /// Of an expression of Jacobians; nil if it is of a layer that is not there.
    func jacobianStream(
        _ key: Measurement.Key, _ expression: QuantityExpression, _ rows: FirstRows, in pass: Measurement
    ) throws -> JacobianStream? {
        guard let basic = expression.arguments.first, let index = layerIndex(of: basic, key.layer) else { return nil }
        let shape = observed.shapes[index], outputs = cotangents(rows).count, weight = inputWeight(basic, index)
        let size = Double(weight?.inputs ?? shape.jacobianWidth)
        guard expression.function == nil else {
            if expression.function == .centredAGOP, rows.cotangents != nil { throw Undefined("random_cotangents") }
            try pass.reserve(key, numbers: size * size)
            return JacobianStream(
                key: key, accumulator: outerProduct(expression, shape, outputs, weight), layer: index)
        }
        let samples = rows.count * shape.positions
        try pass.reserve(key, numbers: Double(samples) * Double(outputs) * size)
        return JacobianStream(
            key: key,
            accumulator: Jacobians(samples: samples, width: shape.jacobianWidth, outputs: outputs, weight: weight),
            layer: index)
    }

    func grouped(
        _ stream: JacobianStream, _ expression: QuantityExpression, _ rows: FirstRows, in pass: Measurement
    ) throws -> Grouped? {
        let shape = observed.shapes[stream.layer], outputs = cotangents(rows).count, width = shape.jacobianWidth
        let weight = inputWeight(expression.arguments[0], stream.layer)
        return try pass.resampling?.collect(
            stream.key, widths: [width], numbers: Double(width * width)
        ) { [self] in outerProduct(expression, shape, outputs, weight) }
    }

    private func outerProduct(
        _ expression: QuantityExpression, _ shape: LayerShape, _ outputs: Int,
        _ weight: (values: [Double], inputs: Int)?
    ) -> GradientOuterProduct {
        GradientOuterProduct(
            width: shape.jacobianWidth, outputs: outputs, isCentred: expression.function == .centredAGOP,
            weight: weight)
    }

    /// What makes Jacobians at the output those at the input.
    private func inputWeight(
        _ basic: QuantityExpression.Basic, _ layer: Int
    ) -> (values: [Double], inputs: Int)? {
        let shape = observed.shapes[layer]
        guard (basic.member?.of ?? basic.ofLayer ?? basic) == .layerInputJacobian, !shape.hasJacobiansAtInput
        else { return nil }
        return observed.weight(of: layer).map { ($0, shape.input) }
    }

    /// The layer that a quantity of one layer is of; of a probe of a pair one of the two.
    func layerIndex(of basic: QuantityExpression.Basic, _ subject: String) -> Int? {
        guard basic.ofLayer == nil else { return layers.indices.last }
        let name = basic.member.flatMap { pairs[subject]?[$0.index] } ?? subject
        return layers.firstIndex(of: name)
    }

    /// Takes the Jacobians of the rows that the program of `key` has just run over with the first cotangents, then with the others.
    func addJacobians(
        _ key: CaptureProgram.Key, _ range: Range<Int>, _ table: DataTable, _ kind: JacobianCotangents,
        to streams: [JacobianStream], in pass: Measurement
    ) throws {
        guard !streams.isEmpty else { return }
        let order = pass.resampling?.order(range)
        var program = try observed.program(key)
        for first in stride(from: 0, to: kind.count, by: key.cotangents) {
            if first > 0 {
                program = try observed.program(
                    .init(rows: key.rows, cotangents: key.cotangents, jacobians: key.jacobians))
                program.run(on: table, from: range.lowerBound, kind, first: first)
            }
            for stream in streams {
                let positions = observed.shapes[stream.layer].positions
                for k in 0..<min(key.cotangents, kind.count - first) {
                    guard let jacobian = program.jacobian(cotangent: k, layer: stream.layer) else { continue }
                    stream.accumulator.add(output: first + k, jacobian: jacobian, rows: range.count * positions)
                    if let order {
                        stream.grouped?.add(output: first + k, jacobian: jacobian, positions: positions, order)
                    }
                }
            }
        }
    }
}
