import CSyzygy
import Engine
import Glibc

/// Answers the requests of a `RemoteGraph` by calling the same functions here.
extension GraphService {
    func answer(_ message: inout MessageReader, _ answer: inout MessageWriter) throws {
        var request = try ReceivedRequest(&message)
        var written: [[Int32]] = []
        let result = try perform(&request, &written)
        try answer.put(Int(result))
        for list in written { try answer.put(list.map(Int.init)) }
    }

    private func perform(_ request: inout ReceivedRequest, _ written: inout [[Int32]]) throws -> Int32 {
        let context = table.context
        switch request.call {
        case .parameter:
            let name = try request.text(), role = try request.text(), scheme = try request.text()
            let scale = try request.number(), shape = try request.list(Int64.self)
            let fanIn = try request.integer(), fanOut = try request.integer()
            return scheme.withCString { scheme in
                shape.with {
                    table.parameter(
                        context, name, role, $0, $1, syzygy_initializer(scheme: scheme, scale: scale), Int64(fanIn),
                        Int64(fanOut))
                }
            }
        case .constant: return table.constant(context, try request.number())
        case .apply:
            let name = try request.text(), inputs = try request.list(Int32.self)
            let attributes = try request.attributes()
            return inputs.with { inputs, count in
                attributes.with { table.apply(context, name, inputs, count, $0, $1) }
            }
        case .shaped:
            let name = try request.text(), input = try request.node()
            return try request.list(Int64.self).with { table.shaped(context, name, input, $0, $1) }
        case .shape:
            var sizes = [Int64](repeating: 0, count: Int(SYZYGY_MAX_RANK))
            let rank = table.shape(context, try request.node(), &sizes)
            written = [sizes.prefix(Int(max(rank, 0))).map { Int32(clamping: $0) }]
            return rank
        case .layer:
            let name = try request.text()
            let nodes = try (0..<4).map { _ in try request.node() }
            return table.layer(context, name, nodes[0], nodes[1], nodes[2], nodes[3])
        case .fail: return table.fail(context, try request.text())
        case .tensor:
            let shape = try request.list(Int64.self), isThere = try request.integer() != 0
            // As many as the shape says, or the process would have us read beyond them.
            let count = shape.items.reduce(1.0) { $0 * Double(max($1, 0)) }
            guard !isThere || count == Double(request.numbers.count) else { throw Channel.Broken.malformed }
            return request.numbers.withUnsafeBufferPointer { values in
                shape.with { table.tensor(context, isThere ? values.baseAddress : nil, $0, $1) }
            }
        case .isTraining: return table.is_training(context)
        case .assign: return table.assign(context, try request.node(), try request.node())
        case .random:
            let distribution = try request.text(), stream = try request.text(), probability = try request.number()
            return try request.list(Int64.self).with {
                table.random(context, distribution, probability, stream, $0, $1)
            }
        case .dropout:
            let input = try request.node(), rate = try request.number()
            return table.dropout(context, input, rate, try request.text())
        case .beginScan:
            let sequences = try request.list(Int32.self), initial = try request.list(Int32.self)
            let attributes = try request.attributes()
            var elements = sequences.places, carries = initial.places
            let status = sequences.with { sequences, sequenceCount in
                initial.with { initial, carryCount in
                    attributes.with {
                        table.begin_scan(
                            context, sequences, sequenceCount, initial, carryCount, $0, $1, &elements, &carries)
                    }
                }
            }
            written = [elements, carries]
            return status
        case .endScan:
            let next = try request.list(Int32.self), outputs = try request.list(Int32.self)
            var last = next.places, stacks = outputs.places
            let status = next.with { next, carryCount in
                outputs.with { table.end_scan(context, next, carryCount, $0, $1, &last, &stacks) }
            }
            written = [last, stacks]
            return status
        case .beginFixedPoint:
            let start = try request.node()
            return try request.attributes().with { table.begin_fixed_point(context, start, $0, $1) }
        case .endFixedPoint:
            var results: [Int32] = [-1, -1, -1]
            let status = table.end_fixed_point(context, try request.node(), &results)
            written = [results]
            return status
        }
    }
}

/// A request as the other process sent it: every size is checked.
private struct ReceivedRequest {
    let call: GraphRequest.Call
    let numbers: [Double]
    private var texts: ArraySlice<String>
    private var integers: ArraySlice<Int>
    private var nextNumber = 0

    init(_ message: inout MessageReader) throws {
        guard let call = GraphRequest.Call(rawValue: try message.integer()) else { throw Channel.Broken.malformed }
        self.call = call
        var texts: [String] = []
        for _ in 0..<(try message.size()) { texts.append(try message.text()) }
        self.texts = texts[...]
        integers = try message.integers()[...]
        let count = try message.size()
        let values = count > 0 ? try message.array(bytes: 8 * count).assumingMemoryBound(to: Double.self) : nil
        numbers = Array(UnsafeBufferPointer(start: values, count: count))
    }

    mutating func text() throws -> String {
        guard let text = texts.popFirst() else { throw Channel.Broken.malformed }
        return text
    }

    mutating func integer() throws -> Int {
        guard let integer = integers.popFirst() else { throw Channel.Broken.malformed }
        return integer
    }

    mutating func node() throws -> Int32 { Int32(truncatingIfNeeded: try integer()) }

    mutating func number() throws -> Double {
        guard numbers.indices.contains(nextNumber) else { throw Channel.Broken.malformed }
        defer { nextNumber += 1 }
        return numbers[nextNumber]
    }

    /// A list of C.
    struct List<Item: FixedWidthInteger> {
        var items: [Item]
        /// As the function said, also where there are none.
        var count: Int32
        var isThere: Bool

        func with<R>(_ body: (UnsafePointer<Item>?, Int32) -> R) -> R {
            items.withUnsafeBufferPointer { buffer in
                // An empty array may have no address.
                var place = Item(0)
                return withUnsafePointer(to: &place) { body(isThere ? buffer.baseAddress ?? $0 : nil, count) }
            }
        }

        /// Room for as many results.
        var places: [Int32] { [Int32](repeating: -1, count: max(items.count, isThere ? Int(max(count, 0)) : 0)) }
    }

    mutating func list<Item: FixedWidthInteger>(_ type: Item.Type) throws -> List<Item> {
        let count = Int32(truncatingIfNeeded: try integer()), isThere = try integer() != 0
        guard !isThere || (count >= 0 && Int(count) <= integers.count) else { throw Channel.Broken.malformed }
        let items = try (0..<(isThere ? Int(count) : 0)).map { _ in Item(truncatingIfNeeded: try integer()) }
        return List(items: items, count: isThere ? count : min(count, 0), isThere: isThere)
    }

    struct Attributes {
        var names: [String]
        var values: [Double]

        func with<R>(_ body: (UnsafePointer<syzygy_attribute>?, Int32) -> R) -> R {
            let copies = names.map { strdup($0) }
            defer { copies.forEach { free($0) } }
            let attributes = zip(copies, values).map { syzygy_attribute(name: $0, value: $1) }
            return body(attributes, Int32(attributes.count))
        }
    }

    mutating func attributes() throws -> Attributes {
        let count = try integer()
        guard count >= 0, count <= texts.count else { throw Channel.Broken.malformed }
        return Attributes(
            names: try (0..<count).map { _ in try text() }, values: try (0..<count).map { _ in try number() })
    }
}

extension MessageReader {
    /// A number of things of at least 8 bytes each.
    fileprivate mutating func size() throws -> Int {
        let size = try integer()
        guard size >= 0, size <= bytes / 8 else { throw Channel.Broken.malformed }
        return size
    }
}
