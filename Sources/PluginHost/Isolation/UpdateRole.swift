import Engine
import Manifests
import Protocols

/// A regularizer in the process that calls it: parameters of its own, which get the values of each call.
final class UpdateRole {
    enum Request: Int {
        case attach, call, end
    }

    private let regularizer: any Regularizer
    private var attachments: [Attachment] = []

    init(_ regularizer: any Regularizer) { self.regularizer = regularizer }

    private struct Attachment {
        var parameters: ParameterStore
        var update: AttachedPlugin
        var scheduled: [String]
        /// By the numbers that calls give.
        var calls: [Int: Call] = [:]
        /// By block.
        var states: [[UnsafeMutableRawPointer]]
    }

    private struct Call {
        var parts: Update.Parts
        var arguments: UnsafeRawPointer
    }

    func answer(_ message: inout MessageReader, _ channel: Channel) throws {
        switch Request(rawValue: try message.integer()) {
        case .attach: try attach(&message, channel)
        case .call: try call(&message, channel)
        case .end:
            let number = try message.integer()
            guard attachments.indices.contains(number) else { throw Channel.Broken.malformed }
            let value = try attachments[number].update.end()
            try channel.send(.answer) { try $0.put(value) }
        case nil: throw Channel.Broken.malformed
        }
    }

    private func attach(_ message: inout MessageReader, _ channel: Channel) throws {
        let precision: Precision = try message.flag() ? .f32 : .f64
        let scheduled = try (0..<message.integer()).map { _ in try message.text() }
        var blocks: [ParameterBlock] = [], values: [UnsafeMutableRawPointer] = []
        for _ in 0..<(try message.integer()) {
            blocks.append(try message.block(offset: blocks.last?.end ?? 0))
            values.append(try message.array(bytes: blocks[blocks.count - 1].count * precision.bytes))
        }
        let parameters = ParameterStore(blocks: blocks, precision: precision)
        for (block, values) in zip(blocks, values) {
            (parameters.values + block.offset * precision.bytes).copyMemory(
                from: values, byteCount: block.count * precision.bytes)
        }
        guard let update = try regularizer.attach(to: parameters, blocks: Array(blocks.indices)) as? AttachedPlugin
        else { throw Channel.Broken.malformed }
        let perBlock = blocks.isEmpty ? 0 : update.state.count / blocks.count
        let states = blocks.indices.map { index in
            update.state[index * perBlock..<(index + 1) * perBlock].map(\.buffer)
        }
        attachments.append(
            Attachment(parameters: parameters, update: update, scheduled: scheduled, states: states))
        try channel.send(.answer) { answer in
            try answer.put(attachments.count - 1)
            for (block, states) in zip(blocks, states) {
                for array in [parameters.values + block.offset * precision.bytes] + states {
                    try answer.put(array, bytes: block.count * precision.bytes)
                }
            }
        }
    }

    private func call(_ message: inout MessageReader, _ channel: Channel) throws {
        let number = try message.integer()
        guard attachments.indices.contains(number) else { throw Channel.Broken.malformed }
        let parameters = attachments[number].parameters, update = attachments[number].update
        let index = try message.integer(), block = try message.integer(), elementsPerUnit = try message.integer()
        guard update.updates.indices.contains(block), elementsPerUnit > 0 else { throw Channel.Broken.malformed }
        let known = attachments[number].calls[index]
        let call =
            known
            ?? {
                let parts = Update.Parts(
                    count: parameters.blocks[block].count, elementsPerUnit: elementsPerUnit, threads: 1)
                return Call(parts: parts, arguments: update.updates[block].arguments(parts))
            }()
        if known == nil { attachments[number].calls[index] = call }
        let begin = try message.integer(), end = try message.integer()
        guard begin >= 0, begin <= end, end <= call.parts.units else { throw Channel.Broken.malformed }
        try update.begin(step: try message.integer())
        for option in attachments[number].scheduled { update.set(option: option, to: try message.number()) }

        let bytes = parameters.precision.bytes, range = call.parts.elements(begin..<end)
        let first = (parameters.blocks[block].offset + range.lowerBound) * bytes
        let states = attachments[number].states[block]
        func take(_ target: UnsafeMutableRawPointer) throws {
            target.copyMemory(from: try message.array(bytes: range.count * bytes), byteCount: range.count * bytes)
        }
        for state in states { try take(state + range.lowerBound * bytes) }
        try take(parameters.values + first)
        try take(parameters.gradients + first)
        update.updates[block].kernel(call.arguments, Int64(begin), Int64(end), 0)
        try channel.send(.answer) { answer in
            for state in states { try answer.put(state + range.lowerBound * bytes, bytes: range.count * bytes) }
            try answer.put(parameters.gradients + first, bytes: range.count * bytes)
        }
    }
}

extension MessageWriter {
    mutating func put(_ block: ParameterBlock) throws {
        try put(block.name)
        try put(block.role.rawValue)
        try put(block.shape)
        try put(block.fanIn)
        try put(block.fanOut)
    }
}

extension MessageReader {
    mutating func block(offset: Int) throws -> ParameterBlock {
        let name = try text(), role = ParameterRole(rawValue: try text()), shape = try integers()
        let elements = shape.reduce(1.0) { $0 * Double($1) }
        guard let role, shape.allSatisfy({ $0 >= 0 }), elements <= 0x1p40 else { throw Channel.Broken.malformed }
        return ParameterBlock(
            name: name, shape: shape, role: role, initializer: Initializer(scheme: .constant, scale: 0),
            fanIn: try integer(), fanOut: try integer(), offset: offset)
    }
}

extension Function {
    /// For people.
    func symbol(_ precision: Precision) -> String { symbols[precision] ?? symbols.values.sorted().first ?? "" }

    /// Services keep notes of their own: calls that use them take turns.
    var usesServices: Bool { arguments.contains { if case .service = $0.source { true } else { false } } }
}
