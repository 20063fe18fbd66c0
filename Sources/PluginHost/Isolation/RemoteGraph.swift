import CSyzygy
import Engine

/// A request of a function that describes a graph, in another process than the graph: the arguments, one kind after the other.
struct GraphRequest {
    enum Call: Int {
        case parameter, constant, apply, shaped, shape, layer, fail, tensor, isTraining, assign, random, dropout
        case beginScan, endScan, beginFixedPoint, endFixedPoint
    }

    var call: Call
    var texts: [String] = []
    var integers: [Int] = []
    var numbers: [Double] = []

    init(_ call: Call) { self.call = call }

    /// More than any function takes.
    private static let mostInAList = 1 << 20

    mutating func put(_ text: UnsafePointer<CChar>?) { texts.append(text.map { String(cString: $0) } ?? "") }
    mutating func put(_ integer: some BinaryInteger) { integers.append(Int(truncatingIfNeeded: integer)) }

    /// A list that may be missing or of a size that the graph refuses.
    mutating func put(_ list: UnsafePointer<some BinaryInteger>?, _ count: Int32, most: Int = mostInAList) {
        put(count)
        guard let list, count >= 0, Int(count) <= most else { return put(0) }
        put(1)
        for i in 0..<Int(count) { put(list[i]) }
    }

    mutating func put(_ attributes: UnsafePointer<syzygy_attribute>?, _ count: Int32) {
        guard let attributes, count > 0 else { return put(0) }
        put(count)
        for i in 0..<Int(count) {
            put(attributes[i].name)
            numbers.append(attributes[i].value)
        }
    }
}

/// The graph of the process that asked, seen from the one that runs the function.
final class RemoteGraph {
    private let channel: Channel
    private(set) var table = syzygy_graph()
    /// The other process has gone or talks nonsense.
    private(set) var isBroken = false

    init(_ channel: Channel) {
        self.channel = channel
        table.struct_size = UInt32(MemoryLayout<syzygy_graph>.size)
        table.context = Unmanaged.passUnretained(self).toOpaque()
        table.parameter = { context, name, role, shape, rank, initializer, fanIn, fanOut in
            RemoteGraph.ask(context, .parameter) {
                $0.put(name)
                $0.put(role)
                $0.put(initializer.scheme)
                $0.numbers = [initializer.scale]
                $0.put(shape, rank, most: Int(SYZYGY_MAX_RANK))
                $0.put(fanIn)
                $0.put(fanOut)
            }
        }
        table.constant = { context, value in RemoteGraph.ask(context, .constant) { $0.numbers = [value] } }
        table.apply = { context, name, inputs, inputCount, attributes, attributeCount in
            RemoteGraph.ask(context, .apply) {
                $0.put(name)
                $0.put(inputs, inputCount)
                $0.put(attributes, attributeCount)
            }
        }
        table.shaped = { context, name, input, shape, rank in
            RemoteGraph.ask(context, .shaped) {
                $0.put(name)
                $0.put(input)
                $0.put(shape, rank, most: Int(SYZYGY_MAX_RANK))
            }
        }
        table.shape = { context, node, out in
            guard let out else { return -1 }
            return RemoteGraph.ask(context, .shape) {
                $0.put(node)
            } sizes: { axis, size in
                if axis < Int(SYZYGY_MAX_RANK) { out[axis] = Int64(size) }
            }
        }
        table.layer = { context, name, input, weight, bias, output in
            RemoteGraph.ask(context, .layer) {
                $0.put(name)
                for node in [input, weight, bias, output] { $0.put(node) }
            }
        }
        table.fail = { context, message in RemoteGraph.ask(context, .fail) { $0.put(message) } }
        table.tensor = { context, values, shape, rank in
            RemoteGraph.ask(context, .tensor) {
                $0.put(shape, rank, most: Int(SYZYGY_MAX_RANK))
                guard let values, let shape, rank >= 0, rank <= SYZYGY_MAX_RANK else { return $0.put(0) }
                var count = 1.0
                for axis in 0..<Int(rank) { count *= Double(max(shape[axis], 0)) }
                guard count <= 0x1p32 else { return $0.put(0) }
                $0.put(1)
                $0.numbers = Array(UnsafeBufferPointer(start: values, count: Int(count)))
            }
        }
        table.is_training = { context in RemoteGraph.ask(context, .isTraining) { _ in } }
        table.assign = { context, statistic, value in
            RemoteGraph.ask(context, .assign) {
                $0.put(statistic)
                $0.put(value)
            }
        }
        table.random = { context, distribution, probability, stream, shape, rank in
            RemoteGraph.ask(context, .random) {
                $0.put(distribution)
                $0.put(stream)
                $0.numbers = [probability]
                $0.put(shape, rank, most: Int(SYZYGY_MAX_RANK))
            }
        }
        table.dropout = { context, input, rate, stream in
            RemoteGraph.ask(context, .dropout) {
                $0.put(input)
                $0.put(stream)
                $0.numbers = [rate]
            }
        }
        table.begin_scan = {
            context, sequences, sequenceCount, initial, carryCount, attributes, attributeCount, elements, carries in
            RemoteGraph.ask(context, .beginScan, into: [(elements, sequenceCount), (carries, carryCount)]) {
                $0.put(sequences, sequenceCount)
                $0.put(initial, carryCount)
                $0.put(attributes, attributeCount)
            }
        }
        table.end_scan = { context, next, carryCount, outputs, outputCount, last, stacks in
            RemoteGraph.ask(context, .endScan, into: [(last, carryCount), (stacks, outputCount)]) {
                $0.put(next, carryCount)
                $0.put(outputs, outputCount)
            }
        }
        table.begin_fixed_point = { context, start, attributes, attributeCount in
            RemoteGraph.ask(context, .beginFixedPoint) {
                $0.put(start)
                $0.put(attributes, attributeCount)
            }
        }
        table.end_fixed_point = { context, next, results in
            RemoteGraph.ask(context, .endFixedPoint, into: [(results, 3)]) { $0.put(next) }
        }
    }

    /// Asks for one call. `lists` get the nodes that it writes, `sizes` the axes of a shape.
    private static func ask(
        _ context: UnsafeMutableRawPointer?, _ call: GraphRequest.Call,
        into lists: [(UnsafeMutablePointer<Int32>?, Int32)] = [], _ fill: (inout GraphRequest) -> Void,
        sizes: (Int, Int) -> Void = { _, _ in }
    ) -> Int32 {
        for (list, count) in lists { for i in 0..<Int(max(count, 0)) { list?[i] = -1 } }
        guard let context else { return -1 }
        let graph = Unmanaged<RemoteGraph>.fromOpaque(context).takeUnretainedValue()
        guard !graph.isBroken else { return -1 }
        var request = GraphRequest(call)
        fill(&request)
        do {
            try graph.channel.send(.network) { try $0.put(request) }
            var (kind, answer) = try graph.channel.receive()
            guard kind == .answer else { throw Channel.Broken.malformed }
            let result = try answer.integer()
            if call == .shape {
                for (axis, size) in try answer.integers().enumerated() { sizes(axis, size) }
            } else {
                for (list, count) in lists {
                    for (i, node) in try answer.integers().prefix(Int(max(count, 0))).enumerated() {
                        list?[i] = Int32(truncatingIfNeeded: node)
                    }
                }
            }
            return Int32(truncatingIfNeeded: result)
        } catch {
            graph.isBroken = true
            return -1
        }
    }
}

extension MessageWriter {
    fileprivate mutating func put(_ request: GraphRequest) throws {
        try put(request.call.rawValue)
        try put(request.texts.count)
        for text in request.texts { try put(text) }
        try put(request.integers)
        try put(request.numbers.count)
        try request.numbers.withUnsafeBytes { numbers in
            if let base = numbers.baseAddress { try put(base, bytes: numbers.count) }
        }
    }
}
