import Protocols

/// The network of the process that asked, seen from the one that runs a probe.
final class RemoteDerivatives: Derivatives {
    fileprivate enum Request: Int {
        case count, parameters, rows, evaluate, width, jacobian
    }

    private let channel: Channel

    init(_ channel: Channel) { self.channel = channel }

    private func ask(
        _ request: Request, _ write: (inout MessageWriter) throws -> Void = { _ in }
    ) throws -> MessageReader {
        try channel.send(.network) { message in
            try message.put(request.rawValue)
            try write(&message)
        }
        var (kind, message) = try channel.receive()
        guard kind == .answer else { throw Channel.Broken.malformed }
        switch try message.integer() {
        case 0: return message
        case 1: throw Undefined(try message.text())
        default: throw NetworkError(description: try message.text())
        }
    }

    private func copy(_ message: MessageReader, into out: UnsafeMutablePointer<Double>) throws {
        var message = message
        let count = try message.integer()
        out.update(from: try message.array(bytes: 8 * count).assumingMemoryBound(to: Double.self), count: count)
    }

    private(set) lazy var parameterCount: Int = {
        var answer = try? ask(.count)
        return (try? answer?.integer()) ?? 0
    }()

    func readParameters(into out: UnsafeMutablePointer<Double>) {
        if let answer = try? ask(.parameters) { try? copy(answer, into: out) }
    }

    func rowCount(_ rows: RowSelection) throws -> Int {
        var answer = try ask(.rows) { try $0.put(rows) }
        return try answer.integer()
    }

    func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>
    ) throws {
        let count = parameterCount
        let answer = try ask(.evaluate) { message in
            try message.put(quantity.code)
            try message.put(rows)
            try message.put(point, count: count)
            try message.put(vector, count: count)
        }
        try copy(answer, into: out)
    }

    func width(of node: String) throws -> Int {
        var answer = try ask(.width) { try $0.put(node) }
        return try answer.integer()
    }

    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws {
        let given = try count(product == .forward ? variable : output, rows: rows)
        let answer = try ask(.jacobian) { message in
            try message.put(product == .forward)
            try message.put(output)
            try message.put(variable)
            try message.put(rows)
            try message.put(point, count: parameterCount)
            try message.put(vector, count: given)
        }
        try copy(answer, into: out)
    }
}

/// What the network's own process said.
private struct NetworkError: Error, CustomStringConvertible {
    var description: String
}

extension Derivatives {
    /// Answers one request of a `RemoteDerivatives`.
    func answer(_ message: inout MessageReader, _ answer: inout MessageWriter) throws {
        do {
            guard let request = RemoteDerivatives.Request(rawValue: try message.integer()) else {
                throw Channel.Broken.malformed
            }
            switch request {
            case .count: try answer.put(numbers: [parameterCount])
            case .rows: try answer.put(numbers: [try rowCount(try message.rows())])
            case .width: try answer.put(numbers: [try width(of: try message.text())])
            case .parameters: try answer.put(count: parameterCount) { readParameters(into: $0) }
            case .evaluate:
                guard let quantity = ObjectiveQuantity(code: try message.integer()) else {
                    throw Channel.Broken.malformed
                }
                let rows = try message.rows()
                let point = try message.vector(count: parameterCount),
                    vector = try message.vector(count: parameterCount)
                try answer.put(count: try count(quantity, rows: rows)) {
                    try evaluate(quantity, at: point, rows: rows, along: vector, into: $0)
                }
            case .jacobian:
                let product: JacobianProduct = try message.flag() ? .forward : .backward
                let output = try message.text(), variable = try message.text(), rows = try message.rows()
                let (given, made) = product == .forward ? (variable, output) : (output, variable)
                let point = try message.vector(count: parameterCount)
                guard let vector = try message.vector(count: try count(given, rows: rows)) else {
                    throw Channel.Broken.malformed
                }
                try answer.put(count: try count(made, rows: rows)) {
                    try jacobian(
                        product, of: output, variable: variable, at: point, rows: rows, along: vector, into: $0)
                }
            }
        } catch let broken as Channel.Broken {
            throw broken
        } catch let undefined as Undefined {
            answer.restart()
            try answer.put(1)
            try answer.put(undefined.reason)
        } catch {
            answer.restart()
            try answer.put(2)
            try answer.put("\(error)")
        }
    }
}

extension ObjectiveQuantity {
    private static let all: [ObjectiveQuantity] = [
        .value, .gradient, .hessianProduct, .gaussNewtonProduct, .sampleGradients, .sampleSquaredNorms,
    ]

    fileprivate var code: Int { ObjectiveQuantity.all.firstIndex(of: self) ?? 0 }

    fileprivate init?(code: Int) {
        guard ObjectiveQuantity.all.indices.contains(code) else { return nil }
        self = ObjectiveQuantity.all[code]
    }
}

extension MessageWriter {
    fileprivate mutating func put(numbers: [Int]) throws {
        try put(0)
        for number in numbers { try put(number) }
    }

    /// A success with an array that `fill` makes.
    fileprivate mutating func put(count: Int, _ fill: (UnsafeMutablePointer<Double>) throws -> Void) throws {
        try put(0)
        try put(count)
        try fill(try reserve(8 * count).assumingMemoryBound(to: Double.self))
    }

    fileprivate mutating func put(_ vector: UnsafePointer<Double>?, count: Int) throws {
        try put(vector != nil)
        if let vector { try put(vector, bytes: 8 * count) }
    }

    fileprivate mutating func put(_ text: String?) throws {
        try put(text != nil)
        if let text { try put(text) }
    }

    fileprivate mutating func put(_ rows: RowSelection) throws {
        switch rows {
        case .own: try put(0)
        case .range(let split, let begin, let count):
            try put(1)
            try put(split)
            try put(begin)
            try put(count ?? -1)
        case .list(let split, let list):
            try put(2)
            try put(split)
            try put(list)
        }
    }
}

extension MessageReader {
    fileprivate mutating func vector(count: Int) throws -> UnsafePointer<Double>? {
        guard try flag() else { return nil }
        return UnsafePointer(try array(bytes: 8 * count).assumingMemoryBound(to: Double.self))
    }

    fileprivate mutating func rows() throws -> RowSelection {
        func split(_ message: inout MessageReader) throws -> String? { try message.flag() ? try message.text() : nil }
        switch try integer() {
        case 0: return .own
        case 1:
            let split = try split(&self), begin = try integer(), count = try integer()
            return .range(split: split, begin: begin, count: count < 0 ? nil : count)
        case 2: return .list(split: try split(&self), try integers())
        default: throw Channel.Broken.malformed
        }
    }
}
