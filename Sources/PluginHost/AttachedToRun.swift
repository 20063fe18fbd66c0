import Engine
import Manifests
import Protocols

/// An optimizer called once in each step for all its parameters, which lie in one array, when the gradients of all are there.
final class AttachedToRun: AttachedUpdate {
    /// Nothing: everything is done in `end`.
    let updates: [Update] = []
    private(set) var state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
    private let loaded: LoadedComponent
    private let frame: CallFrame
    private var scheduled: ContiguousArray<ScheduledOption> = []
    /// Where each parameter is in the store and in the arrays, in bytes.
    private let parts: [(store: Int, array: Int, bytes: Int)]
    private let parameters: ParameterStore
    private let values: UnsafeMutableRawPointer
    private let gradients: UnsafeMutableRawPointer
    private var states: [UnsafeMutableRawPointer] = []
    private let service: DerivativesService?

    init(
        _ loaded: LoadedComponent, _ schedules: [String: PluginSchedule], _ parameters: ParameterStore,
        _ blocks: [Int], _ objective: (any Derivatives)?
    ) throws {
        let loaded = loaded.apart(), bytes = parameters.precision.bytes
        self.loaded = loaded
        self.parameters = parameters
        service = objective.map(DerivativesService.init)
        loaded.context.derivatives = service
        var end = 0
        parts = blocks.map { index in
            let block = parameters.blocks[index]
            defer { end += block.count * bytes }
            return (block.offset * bytes, end, block.count * bytes)
        }
        values = Memory.allocate(bytes: end)
        gradients = Memory.allocate(bytes: end)
        frame = try loaded.frame(nil, parameters.precision)
        gather()
        var buffers: [String: UnsafeMutableRawPointer] = [:]
        for declaration in loaded.component.state {
            let buffer = Memory.allocate(bytes: end)
            states.append(buffer)
            buffers[declaration.id] = buffer
            for (index, part) in zip(blocks, parts) {
                let block = parameters.blocks[index], piece = buffer + part.array
                loaded.fillState(declaration, block, parameters.precision, piece, initial: values + part.array)
                state.append(("\(declaration.id)/\(block.name)", piece, block.count))
            }
        }
        func bind(_ frame: CallFrame, _ function: Function) throws {
            var operands: [String: Operand] = [:]
            for argument in function.arguments {
                switch argument.source {
                case .quantity(let name, _, _):
                    operands[argument.name] = Operand(
                        .memory(name == "parameter.grad" ? gradients : values), shape: [end / bytes])
                case .state(let id): operands[argument.name] = Operand(.memory(buffers[id]), shape: [end / bytes])
                default: continue
                }
            }
            try frame.bind(operands)
        }
        if let start = loaded.component.start {
            let frame = try loaded.frame(start, parameters.precision)
            try bind(frame, start)
            try loaded.check(frame.call(), frame)
            scatter()
        }
        try bind(frame, loaded.component.call)
        for (option, schedule) in schedules.sorted(by: { $0.key < $1.key }) {
            scheduled.append(
                try ScheduledOption(option, schedule, of: loaded.component, loaded.context.options, [frame]))
        }
    }

    deinit { for buffer in states + [values, gradients] { buffer.deallocate() } }

    private func gather() {
        for part in parts {
            (values + part.array).copyMemory(from: parameters.values + part.store, byteCount: part.bytes)
            (gradients + part.array).copyMemory(from: parameters.gradients + part.store, byteCount: part.bytes)
        }
    }

    private func scatter() {
        for part in parts {
            (parameters.values + part.store).copyMemory(from: values + part.array, byteCount: part.bytes)
        }
    }

    func begin(step: Int) throws {
        for i in scheduled.indices { try scheduled[i].set(step: step) }
        frame.set(step: step)
    }

    func end() throws -> Double {
        gather()
        service?.forget()
        let status = frame.call()
        if status != 0 {
            let text = frame.text
            throw loaded.error(status, text.isEmpty ? service?.failure ?? service?.undefined ?? "" : text)
        }
        scatter()
        return 0
    }
}
