import Manifests
import Protocols

/// The quantities of samples that were drawn anew, each formed when it is first asked for; what does not depend on samples is as
/// it was measured.
final class Replicate: QuantitySource {
    private let resampling: Resampling
    private let number, step: Int
    /// How often each group is drawn.
    private let times: [Int]
    private lazy var rows = resampling.samples(times)
    private var values: [Measurement.Key: Result<Quantity?, Undefined>] = [:]
    private var owners: [AnyObject] = []

    init(_ resampling: Resampling, _ number: Int, step: Int, times: [Int]) {
        (self.resampling, self.number, self.step, self.times) = (resampling, number, step, times)
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        let (own, key) = try resampling.observer.home(of: .init(expression: expression, layer: layer))
        if let known = values[key] { return try known.get() }
        do {
            let value = try form(own, key)
            values[key] = .success(value)
            return value
        } catch let undefined as Undefined {
            values[key] = .failure(undefined)
            throw undefined
        }
    }

    private func form(_ expression: QuantityExpression, _ key: Measurement.Key) throws -> Quantity? {
        let basics = try resampling.observer.basics(of: expression)
        guard expression.split == nil, basics.contains(where: \.dependsOnSamples) else {
            return try resampling.whole.quantity(key.expression, layer: key.layer)
        }
        guard !basics.contains(.parameterGrad) else { throw Undefined("not_resampled") }
        if expression.definition != nil {
            let quantity = try resampling.observer.definition(of: expression)
            let (value, owner) = try quantity.value(
                step: step, layer: key.layer, quantities: self,
                memory: resampling.memory(number, quantity, key.layer))
            owners.append(owner)
            return value
        }
        if let grouped = resampling.parts[key] {
            let accumulator = grouped.combined(times), (data, shape) = try accumulator.finish()
            owners.append(accumulator)
            return Quantity(data: .real(data), shape: shape)
        }
        if let derivation = resampling.whole.derivations[key] {
            let bases = try derivation.bases.compactMap { try quantity($0.key.expression, layer: $0.key.layer) }
            guard bases.count == derivation.bases.count, let (value, owner) = derivation.value(bases) else {
                return nil
            }
            owners.append(owner)
            return value
        }
        guard let whole = try resampling.whole.quantity(key.expression, layer: key.layer) else { return nil }
        let drawn = whole.drawn(rows, among: resampling.samples)
        owners.append(drawn.owner)
        return drawn.quantity
    }
}

/// Some rows of others, possibly several times, and finished values.
final class DrawnRows: QuantitySource {
    private let source, finished: any QuantitySource
    private let rows: [Int]
    private let count: Int
    private var owners: [AnyObject] = []

    /// - Parameter count: samples of the source.
    init(of source: any QuantitySource, _ rows: [Int], among count: Int, finished: any QuantitySource) {
        (self.source, self.rows, self.count, self.finished) = (source, rows, count, finished)
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        guard try QuantityExpression(expression).isOfSamples else {
            return try finished.quantity(expression, layer: layer)
        }
        guard let whole = try source.quantity(expression, layer: layer) else { return nil }
        let drawn = whole.drawn(rows, among: count)
        owners.append(drawn.owner)
        return drawn.quantity
    }
}

extension Quantity {
    /// With the positions of each of these samples; `count` is the number of samples of the whole.
    fileprivate func drawn(_ rows: [Int], among count: Int) -> (quantity: Quantity, owner: AnyObject) {
        let size = shape.reduce(1, *) / count, positions = shape[0] / count
        let shape = [rows.count * positions] + shape.dropFirst()
        switch data {
        case .real(let values):
            let buffer = Buffer(rows.count * size, unset: true)
            for (place, row) in rows.enumerated() {
                (buffer.pointer + place * size).update(from: values + row * size, count: size)
            }
            return (
                Quantity(data: .real(UnsafePointer(buffer.pointer)), shape: shape, isOfSamples: isOfSamples), buffer
            )
        case .integer(let values):
            let labels = Labels(rows.flatMap { row in (0..<size).map { values[row * size + $0] } })
            return (Quantity(data: .integer(UnsafePointer(labels.pointer)), shape: shape), labels)
        }
    }
}

extension QuantityExpression.Basic {
    fileprivate var dependsOnSamples: Bool { isOfSamples || form == .jacobian || self == .parameterGrad }
}
