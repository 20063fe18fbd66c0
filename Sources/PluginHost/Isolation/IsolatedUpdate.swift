import CShims
import Engine
import Manifests
import Protocols
import Synchronization

/// A regularizer that another process computes. What goes wrong there ends the run: there is no gradient without it.
final class IsolatedRegularizer: Regularizer {
    private let isolated: IsolatedComponent
    private let schedules: [String: PluginSchedule]

    init(_ isolated: IsolatedComponent, _ schedules: [String: PluginSchedule]) throws {
        (self.isolated, self.schedules) = (isolated, schedules)
        try isolated.open()
    }

    func attach(to parameters: ParameterStore, blocks: [Int]) throws -> any AttachedUpdate {
        try IsolatedUpdate(isolated, schedules, parameters, blocks)
    }
}

/// Calls for each part of a parameter, as in `AttachedPlugin`: the values, the gradient and the states of the part go with the message, the
/// gradient and the states come back with the answer. The other process computes with the same parts, so the bits are the same.
final class IsolatedUpdate: AttachedUpdate {
    private(set) var updates: [Update] = []
    private(set) var state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
    private let isolated: IsolatedComponent
    private let parameters: ParameterStore
    private let blocks: [ParameterBlock]
    private let scheduled: ContiguousArray<ScheduledOption>
    private var factors: ContiguousArray<Double>
    /// By block, in the order of the manifest.
    private var states: ContiguousArray<[UnsafeMutableRawPointer]> = []
    private var parts: ContiguousArray<Parts> = []
    /// How the process knows this; it belongs to a generation of it.
    private var place: (number: Int, generation: Int)?
    private var step = 0
    private var failure: (any Error)?
    /// Of calls that use services, which take turns.
    private let turn = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

    /// Calls of one program for one block.
    fileprivate final class Parts {
        unowned let owner: IsolatedUpdate
        let block: Int, index: Int
        let parts: Update.Parts

        init(_ owner: IsolatedUpdate, block: Int, index: Int, _ parts: Update.Parts) {
            (self.owner, self.block, self.index, self.parts) = (owner, block, index, parts)
        }
    }

    init(
        _ isolated: IsolatedComponent, _ schedules: [String: PluginSchedule], _ parameters: ParameterStore,
        _ blocks: [Int]
    ) throws {
        (self.isolated, self.parameters) = (isolated, parameters)
        self.blocks = blocks.map { parameters.blocks[$0] }
        scheduled = ContiguousArray(
            try schedules.sorted { $0.key < $1.key }.map {
                try ScheduledOption($0.key, $0.value, of: isolated.component, isolated.options)
            })
        factors = ContiguousArray(repeating: 0, count: scheduled.count)
        turn.initialize(to: 0)
        let component = isolated.component, bytes = parameters.precision.bytes
        for block in self.blocks {
            states.append(component.state.map { _ in Memory.allocate(bytes: block.count * bytes) })
            for (declaration, buffer) in zip(component.state, states[states.count - 1]) {
                state.append(("\(declaration.id)/\(block.name)", buffer, block.count))
            }
        }
        try isolated.sandbox.withTurn { try attach(isFirst: true) }
        for index in self.blocks.indices { updates.append(update(index)) }
    }

    deinit {
        turn.deallocate()
        for tensor in state { tensor.buffer.deallocate() }
    }

    private func values(_ block: ParameterBlock) -> UnsafeMutableRawPointer {
        parameters.values + block.offset * parameters.precision.bytes
    }

    private func gradients(_ block: ParameterBlock) -> UnsafeMutableRawPointer {
        parameters.gradients + block.offset * parameters.precision.bytes
    }

    private func update(_ index: Int) -> Update {
        let block = blocks[index], bytes = block.count * parameters.precision.bytes
        let function = isolated.component.call
        var touched = [
            Update.Operand(values(block), bytes: bytes, isWrite: false),
            Update.Operand(gradients(block), bytes: bytes, isWrite: true),
        ]
        touched += states[index].map { Update.Operand($0, bytes: bytes, isWrite: true) }
        if function.usesServices { touched.append(Update.Operand(turn, bytes: 1, isWrite: true)) }
        return Update(
            gradient: gradients(block), count: block.count,
            isElementwise: isolated.component.isElementwise && PartedCall.canBeParted(function), operands: touched,
            kernel: { parts, begin, end, _ in
                guard let parts else { return }
                let box = Unmanaged<Parts>.fromOpaque(parts).takeUnretainedValue()
                box.owner.call(box, Int(begin)..<Int(end))
            },
            arguments: { [unowned self] parts in
                let box = Parts(self, block: index, index: self.parts.count, parts)
                self.parts.append(box)
                return UnsafeRawPointer(Unmanaged.passUnretained(box).toOpaque())
            })
    }

    private var symbol: String { isolated.component.call.symbol(parameters.precision) }

    // MARK: Messages

    /// Tells the process what the parameters are. It answers with their values and the states as `start` has left them.
    private func attach(isFirst: Bool) throws {
        let generation = try isolated.ensureOpen()
        var answer = try isolated.call(what: "the beginning of '\(symbol)'") { try write(attachment: &$0) }
        place = (try answer.integer(), generation)
        if isFirst {
            for (index, block) in blocks.enumerated() {
                let bytes = block.count * parameters.precision.bytes
                for buffer in [values(block)] + states[index] {
                    buffer.copyMemory(from: try answer.array(bytes: bytes), byteCount: bytes)
                }
            }
        }
    }

    private func write(attachment message: inout MessageWriter) throws {
        try message.put(UpdateRole.Request.attach.rawValue)
        try message.put(parameters.precision == .f32)
        try message.put(scheduled.count)
        for option in scheduled { try message.put(option.name) }
        try message.put(blocks.count)
        for block in blocks {
            try message.put(block)
            try message.put(values(block), bytes: block.count * parameters.precision.bytes)
        }
    }

    /// What the process has to know before a call: in a replay it has nothing else.
    private func write(call parts: Parts, _ units: Range<Int>, to message: inout MessageWriter) throws {
        let block = blocks[parts.block], bytes = parameters.precision.bytes
        try message.put(UpdateRole.Request.call.rawValue)
        try message.put(message.isRecord ? 0 : place?.number ?? 0)
        try message.put(parts.index)
        try message.put(parts.block)
        try message.put(parts.parts.elementsPerUnit)
        try message.put(units.lowerBound)
        try message.put(units.upperBound)
        try message.put(step)
        for factor in factors { try message.put(factor) }
        let range = parts.parts.elements(units)
        for array in states[parts.block] {
            try message.put(array + range.lowerBound * bytes, bytes: range.count * bytes)
        }
        try message.put(values(block) + range.lowerBound * bytes, bytes: range.count * bytes)
        try message.put(gradients(block) + range.lowerBound * bytes, bytes: range.count * bytes)
    }

    fileprivate func call(_ parts: Parts, _ units: Range<Int>) {
        isolated.sandbox.withTurn {
            guard failure == nil else { return }
            let block = blocks[parts.block], bytes = parameters.precision.bytes
            let range = parts.parts.elements(units)
            do {
                // Another component of the plugin may have ended the process in the meantime.
                if try isolated.ensureOpen() != place?.generation { try attach(isFirst: false) }
                var answer = try isolated.call(
                    what: "'\(symbol)' at step \(step), \(block.name)", before: write(attachment:)
                ) { try write(call: parts, units, to: &$0) }
                for array in states[parts.block] {
                    let source = try answer.array(bytes: range.count * bytes)
                    (array + range.lowerBound * bytes).copyMemory(from: source, byteCount: range.count * bytes)
                }
                let source = try answer.array(bytes: range.count * bytes)
                (gradients(block) + range.lowerBound * bytes).copyMemory(from: source, byteCount: range.count * bytes)
            } catch {
                failure = error
            }
        }
    }

    func begin(step: Int) throws {
        self.step = step
        for i in scheduled.indices { factors[i] = try scheduled[i].value(step: step) }
    }

    func end() throws -> Double {
        if let failure {
            self.failure = nil
            throw isolated.fatal(failure)
        }
        guard let place else { return 0 }
        do {
            var sum = 0.0
            try isolated.sandbox.withTurn {
                var answer = try isolated.call(what: "'\(symbol)' at step \(step)") { message in
                    try message.put(UpdateRole.Request.end.rawValue)
                    try message.put(place.number)
                }
                sum = try answer.number()
            }
            return sum
        } catch {
            throw isolated.fatal(error)
        }
    }
}
