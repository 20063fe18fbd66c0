import Manifests
import Protocols

/// Quantities that came from another process, by expression.
struct ReceivedQuantities: QuantitySource {
    private enum Value {
        case quantity(Quantity)
        case lacking
        case undefined(String)
    }

    private var values: [String: Value] = [:]
    private(set) var derivatives: (any Derivatives)?

    /// - Parameter channel: where the network is asked; nil: nowhere.
    init(_ message: inout MessageReader, _ channel: Channel?) throws {
        if try message.flag(), let channel { derivatives = RemoteDerivatives(channel) }
        for _ in 0..<(try message.integer()) {
            let expression = try message.text()
            switch try message.integer() {
            case 0: values[expression] = .lacking
            case 1: values[expression] = .undefined(try message.text())
            case let type:
                let shape = try message.integers()
                let count = shape.reduce(1, *)
                if type == 2 || type == 4 {
                    let memory = try message.sharedArray(channel, bytes: 8 * count)
                    values[expression] = .quantity(
                        Quantity(
                            data: .real(memory.assumingMemoryBound(to: Double.self)), shape: shape,
                            isOfSamples: type == 4))
                } else {
                    let memory = try message.array(bytes: 4 * count)
                    values[expression] = .quantity(
                        Quantity(data: .integer(memory.assumingMemoryBound(to: Int32.self)), shape: shape))
                }
            }
        }
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        switch values[expression] {
        case .quantity(let quantity): return quantity
        case .undefined(let reason): throw Undefined(reason)
        default: return nil
        }
    }
}

extension MessageWriter {
    /// What `ReceivedQuantities` reads.
    mutating func put(_ expressions: [String], of source: any QuantitySource, layer: String) throws {
        try put(source.derivatives != nil)
        try put(expressions.count)
        for expression in expressions {
            try put(expression)
            do {
                guard let quantity = try source.quantity(expression, layer: layer) else {
                    try put(0)
                    continue
                }
                let count = quantity.shape.reduce(1, *)
                switch quantity.data {
                case .real(let values):
                    try put(quantity.isOfSamples ? 4 : 2)
                    try put(quantity.shape)
                    try putShared(values, bytes: 8 * count)
                case .integer(let values):
                    try put(3)
                    try put(quantity.shape)
                    try put(values, bytes: 4 * count)
                }
            } catch let undefined as Undefined {
                try put(1)
                try put(undefined.reason)
            }
        }
    }
}

extension QuantitySource {
    /// Before a message is begun: forming a quantity of a plugin may take an exchange with the same process.
    func form(_ expressions: [String], layer: String) {
        // Why one has no value is asked again when it is written.
        for expression in expressions { _ = try? quantity(expression, layer: layer) }
    }

    /// The same before a pass, whose rows are there.
    func formFinished(_ expressions: [String], layer: String) {
        form(expressions.filter { (try? QuantityExpression($0))?.isOfSamples == false }, layer: layer)
    }
}
