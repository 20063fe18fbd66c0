import CShims
import Engine
import LinearAlgebra
import Manifests
import Protocols

/// An optimizer or a regularizer: a function called in every step, for each parameter or once for all, over memory that never
/// moves.
final class PluginUpdate: Optimizer, Regularizer {
    private let loaded: LoadedComponent
    private let choice: Choice
    private let schedules: [String: PluginSchedule]

    /// - Parameters:
    ///   - choice: what the study chose, for `sharingKey`.
    ///   - schedules: of float options, by their names.
    init(_ loaded: LoadedComponent, _ choice: Choice, _ schedules: [String: PluginSchedule]) {
        (self.loaded, self.choice, self.schedules) = (loaded, choice, schedules)
    }

    var sharingKey: AnyHashable? {
        let component = loaded.component
        guard component.isElementwise, !component.isSeeded, component.start == nil else { return nil }
        return Choice(
            component: component.fullID, options: loaded.context.options, schedules: choice.schedules)
    }

    var needsObjective: Bool {
        loaded.component.call.arguments.contains { $0.source == .service(.objective) }
    }

    func attach(to parameters: ParameterStore, blocks: [Int]) throws -> any AttachedUpdate {
        try attach(to: parameters, blocks: blocks, objective: nil)
    }

    func attach(
        to parameters: ParameterStore, blocks: [Int], objective: (any Derivatives)?
    ) throws -> any AttachedUpdate {
        loaded.component.scope == .run
            ? try AttachedToRun(loaded, schedules, parameters, blocks, objective)
            : try AttachedPlugin(loaded, schedules, parameters, blocks)
    }
}

/// Called for each parameter.
final class AttachedPlugin: AttachedUpdate {
    private(set) var updates: [Update] = []
    private(set) var state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
    private let loaded: LoadedComponent
    /// One for each parameter.
    private var calls: ContiguousArray<PartedCall> = []
    /// Where they find the number of the step and the options.
    private var frames: ContiguousArray<CallFrame> = []
    private var scheduled: ContiguousArray<ScheduledOption> = []
    private let failed = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

    init(
        _ loaded: LoadedComponent, _ schedules: [String: PluginSchedule], _ parameters: ParameterStore,
        _ blocks: [Int]
    ) throws {
        self.loaded = loaded
        failed.initialize(to: 0)
        for block in blocks { try attach(parameters.blocks[block], parameters) }
        for (option, schedule) in schedules.sorted(by: { $0.key < $1.key }) {
            scheduled.append(
                try ScheduledOption(option, schedule, of: loaded.component, loaded.context.options, frames))
        }
    }

    deinit {
        failed.deallocate()
        for tensor in state { tensor.buffer.deallocate() }
    }

    private func attach(_ block: ParameterBlock, _ parameters: ParameterStore) throws {
        let component = loaded.component, bytes = parameters.precision.bytes
        let values = parameters.values + block.offset * bytes, gradients = parameters.gradients + block.offset * bytes
        var buffers: [String: UnsafeMutableRawPointer] = [:]
        for declaration in component.state {
            let buffer = Memory.allocate(bytes: block.count * bytes)
            loaded.fillState(declaration, block, parameters.precision, buffer, initial: values)
            buffers[declaration.id] = buffer
            state.append(("\(declaration.id)/\(block.name)", buffer, block.count))
        }
        let output = component.output("value").map { OutputBuffer($0, shape: []) }
        func bound(_ function: Function) throws -> (frame: CallFrame, operands: [String: Operand]) {
            var operands: [String: Operand] = [:]
            for argument in function.arguments {
                switch argument.source {
                case .quantity(let name, _, _):
                    let pointer = name == "parameter.grad" ? gradients : values
                    operands[argument.name] = Operand(.memory(pointer), shape: [block.count])
                case .state(let id): operands[argument.name] = Operand(.memory(buffers[id]), shape: [block.count])
                case .output: operands[argument.name] = output?.operand
                default: continue
                }
            }
            let frame = try loaded.frame(function, parameters.precision)
            try frame.bind(operands, fields: block.fields)
            return (frame, operands)
        }
        if let start = component.start {
            let frame = try bound(start).frame
            try loaded.check(frame.call(), frame)
        }
        let function = component.call
        let (frame, operands) = try bound(function)
        let writesValue = function.arguments.contains { if case .output = $0.source { true } else { false } }
        let call = PartedCall(
            frame, function, operands: operands, precision: parameters.precision,
            output: writesValue ? output : nil, failed: failed)
        calls.append(call)
        frames.append(frame)
        var touched = function.arguments.compactMap { argument -> Update.Operand? in
            guard case .memory(let pointer?) = operands[argument.name]?.value else { return nil }
            switch argument.source {
            case .quantity(_, let isWritable, _):
                return Update.Operand(pointer, bytes: block.count * bytes, isWrite: isWritable)
            case .state: return Update.Operand(pointer, bytes: block.count * bytes, isWrite: true)
            default: return nil
            }
        }
        // Services keep notes of their own: calls that use them take turns.
        if function.usesServices {
            touched.append(Update.Operand(failed, bytes: 1, isWrite: true))
        }
        updates.append(
            Update(
                gradient: gradients, count: block.count,
                isElementwise: component.isElementwise && PartedCall.canBeParted(function), operands: touched,
                kernel: sz_call_parts, arguments: { call.arguments($0) }))
    }

    func begin(step: Int) throws {
        for i in scheduled.indices { try scheduled[i].set(step: step) }
        for i in frames.indices { frames[i].set(step: step) }
    }

    /// In place of a schedule, where that runs in another process.
    func set(option: String, to value: Double) {
        for frame in frames { for slot in frame.slots(of: option) { slot.pointee = value.bitPattern } }
    }

    func end() throws -> Double {
        if failed.pointee != 0 {
            failed.pointee = 0
            for call in calls {
                if let (status, message) = call.takeFailure() { throw loaded.error(status, message) }
            }
        }
        var sum = 0.0
        for call in calls { sum += call.takeValue() }
        return sum
    }
}

extension LoadedComponent {
    /// Gives a state tensor of one parameter its first values. Random ones come from the stream
    /// (seed, scope/state/parameter), so they do not depend on the other parameters.
    func fillState(
        _ declaration: StateDeclaration, _ block: ParameterBlock, _ precision: Precision,
        _ buffer: UnsafeMutableRawPointer, initial: UnsafeRawPointer
    ) {
        func number(_ value: StateDeclaration.Value) -> Double {
            value.value(options: context.options, fanIn: block.fanIn)
        }
        let stream = Stream(seed: context.seed, name: "\(context.scope)/\(declaration.id)/\(block.name)")
        switch declaration.initializer {
        case .constant(let value):
            let value = number(value)
            Memory.fill(buffer, count: block.count, precision) { $1.update(repeating: value) }
        case .normal(let mean, let deviation):
            let (mean, deviation) = (number(mean), number(deviation))
            Memory.fill(buffer, count: block.count, precision) { first, values in
                stream.normal(from: first, into: values)
                for i in values.indices { values[i] = mean + deviation * values[i] }
            }
        case .uniform(let low, let high):
            let (low, high) = (number(low), number(high))
            Memory.fill(buffer, count: block.count, precision) { first, values in
                stream.uniform(from: first, into: values)
                for i in values.indices { values[i] = low + (high - low) * values[i] }
            }
        case .copyOfParameter: buffer.copyMemory(from: initial, byteCount: block.count * precision.bytes)
        }
    }
}

extension ParameterBlock {
    var fields: [Argument.Field: Int] { [.role: role.index, .fanIn: fanIn, .fanOut: fanOut] }
}

extension ParameterRole {
    /// The number a manifest's `field: role` gives: 0 weight, 1 bias, 2 scale, 3 other (4 statistic: not seen by updates).
    var index: Int {
        switch self {
        case .weight: 0
        case .bias: 1
        case .scale: 2
        case .other: 3
        case .statistic: 4
        }
    }
}
