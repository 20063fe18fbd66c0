import Manifests
import Protocols

/// Quantities from arrays that something else recorded: rows of samples and weights by name, `fc1/layer.input`,
/// `head.weight`, `labels`. Derived quantities are formed from them exactly as in a run.
package final class RecordedQuantities: QuantitySource {
    /// Row-major values of one quantity.
    package struct Array: Sendable {
        package var shape: [Int]
        package var data: [Double]

        package init(shape: [Int], data: [Double]) {
            self.shape = shape
            self.data = data
        }
    }

    private let arrays: [String: Array]
    private let definitions: (any QuantityDefinitions)?
    private let pass = Measurement()

    /// - Parameter definitions: quantities of plugins; nil: none.
    package init(_ arrays: [String: Array], definitions: (any QuantityDefinitions)? = nil) {
        (self.arrays, self.definitions) = (arrays, definitions)
    }

    package func quantity(_ expression: String, layer: String) throws -> Quantity? {
        if let known = try pass.quantity(expression, layer: layer) { return known }
        let parsed = try QuantityExpression(expression)
        let key = Measurement.Key(expression: expression, layer: layer)
        if parsed.definition != nil {
            guard let defined = try definitions?.definition(of: parsed.description) else { return nil }
            let memory = ProbeMemory()
            if !defined.streamed.isEmpty { defined.add(layer: layer, rows: self, memory: memory) }
            do {
                let (value, owner) = try defined.value(step: 0, layer: layer, quantities: self, memory: memory)
                pass.keep(owner)
                pass.set(key, .success(value))
            } catch let undefined as Undefined {
                pass.set(key, .failure(undefined))
            }
            return try pass.quantity(expression, layer: layer)
        }
        let sources = parsed.arguments.compactMap { basic in
            let name = basic.rawValue + (parsed.split.map { "@\($0)" } ?? "")
            let ofRun = layer.isEmpty || basic.scopes.contains(.run) ? arrays[name] : nil
            return arrays["\(layer)/\(name)"] ?? ofRun
        }
        guard sources.count == parsed.arguments.count else { return nil }
        if parsed.isInteger {
            sources[0].data.withUnsafeBufferPointer { labels in
                guard let base = labels.baseAddress else { return }
                pass.setLabels(key, base, rows: labels.count)
            }
        } else if parsed.arguments[0].form == .weight {
            try pass.setWeight(
                key, parsed.function, sources[0].data, rows: sources[0].shape[0], columns: sources[0].shape[1])
        } else if parsed.function == nil {
            pass.set(key, pass.keep(sources[0].data, shape: sources[0].shape))
        } else if parsed.arguments[0].form == .jacobian, sources[0].shape.count == 3 {
            let (shape, rows) = (sources[0].shape, pass.pointer(sources[0].data))
            let accumulator = GradientOuterProduct(
                width: shape[2], outputs: shape[1], isCentred: parsed.function == .centredAGOP, weight: nil)
            for output in 0..<shape[1] {
                var one: [Double] = []
                for row in 0..<shape[0] {
                    let first = rows + (row * shape[1] + output) * shape[2]
                    one.append(contentsOf: UnsafeBufferPointer(start: first, count: shape[2]))
                }
                accumulator.add(output: output, jacobian: pass.pointer(one), rows: shape[0])
            }
            pass.keep(accumulator)
            let (data, side) = try accumulator.finish()
            pass.set(key, .success(Quantity(data: .real(data), shape: side)))
        } else {
            guard Set(sources.map { $0.shape[0] }).count == 1 else { throw Undefined("rows_differ") }
            let accumulator = try pass.makeAccumulator(
                key, parsed, widths: sources.map { $0.shape.last ?? 1 }, samples: sources[0].shape[0])
            let copies = sources.map { pass.pointer($0.data) }
            accumulator.add(copies, rows: sources[0].shape[0])
            pass.keep(accumulator)
            let (data, shape) = try accumulator.finish()
            pass.set(key, .success(Quantity(data: .real(data), shape: shape)))
        }
        return try pass.quantity(expression, layer: layer)
    }
}
