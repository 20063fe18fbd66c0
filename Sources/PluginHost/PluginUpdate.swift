import Engine
import LinearAlgebra
import Manifests
import Protocols

/// An optimizer or a regularizer: a function called once per parameter and step, over memory that never moves.
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

    func attach(to parameters: ParameterStore, blocks: [Int], fresh: Bool) throws -> any AttachedOptimizer {
        try AttachedUpdate(loaded, schedules, parameters, blocks, fresh: fresh)
    }

    func attach(to parameters: ParameterStore, blocks: [Int], fresh: Bool) throws -> any AttachedRegularizer {
        try AttachedUpdate(loaded, schedules, parameters, blocks, fresh: fresh)
    }
}

final class AttachedUpdate: AttachedOptimizer, AttachedRegularizer {
    let state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)]
    private let loaded: LoadedComponent
    private var frames: ContiguousArray<CallFrame> = []
    /// Of `frames`.
    private let calls: UnsafeMutableBufferPointer<PreparedCall>
    /// One value per parameter, if the function gives its value through a pointer or a result.
    private var values: ContiguousArray<OutputBuffer> = []
    private let returnsValue: Bool
    private let scheduled: ContiguousArray<ScheduledOption>

    init(
        _ loaded: LoadedComponent, _ schedules: [String: PluginSchedule], _ parameters: ParameterStore,
        _ blocks: [Int], fresh: Bool
    ) throws {
        self.loaded = loaded
        let component = loaded.component
        if case .output = component.call.returns { returnsValue = true } else { returnsValue = false }
        var state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
        for block in blocks.map({ parameters.blocks[$0] }) {
            let offset = block.offset * parameters.precision.bytes
            var buffers: [String: UnsafeMutableRawPointer] = [:]
            for declaration in component.state {
                let buffer = loaded.makeState(declaration, block, parameters, initial: parameters.values + offset)
                buffers[declaration.id] = buffer
                state.append(("\(declaration.id)/\(block.name)", buffer, block.count))
            }
            let value = component.output("value").map { OutputBuffer($0, shape: []) }
            func bound(_ function: Function) throws -> CallFrame {
                var operands: [String: Operand] = [:]
                for argument in function.arguments {
                    switch argument.source {
                    case .quantity(let name, _, _):
                        let base = name == "parameter.grad" ? parameters.gradients : parameters.values
                        operands[argument.name] = Operand(.memory(base + offset), shape: [block.count])
                    case .state(let id): operands[argument.name] = Operand(.memory(buffers[id]), shape: [block.count])
                    case .output: operands[argument.name] = value?.operand
                    default: continue
                    }
                }
                let frame = try loaded.frame(function, parameters.precision)
                try frame.bind(
                    operands,
                    fields: block.fields)
                return frame
            }
            if fresh, let start = component.start {
                let frame = try bound(start)
                try loaded.check(frame.call(), frame)
            }
            frames.append(try bound(component.call))
            if let value { values.append(value) }
        }
        self.state = state
        calls = .allocate(capacity: frames.count)
        _ = calls.initialize(fromContentsOf: frames.map(\.prepared))
        let frames = frames
        scheduled = ContiguousArray(
            try schedules.sorted { $0.key < $1.key }.map { try ScheduledOption($0, $1, of: loaded, frames) })
    }

    deinit {
        calls.deallocate()
        for tensor in state { tensor.buffer.deallocate() }
    }

    func update(step: Int) throws {
        for option in scheduled { try option.set(step: step) }
        for i in calls.indices { try call(i, step) }
    }

    func addGradient(step: Int) throws -> Double {
        for option in scheduled { try option.set(step: step) }
        var sum = 0.0
        for i in calls.indices {
            try call(i, step)
            sum += returnsValue ? calls[i].returned : values.isEmpty ? 0 : values[i].value(0)
        }
        return sum
    }

    private func call(_ i: Int, _ step: Int) throws {
        calls[i].set(step: step)
        let status = calls[i].call()
        if status != 0 { try loaded.check(status, frames[i]) }
    }
}

extension LoadedComponent {
    /// A state tensor of one parameter with its first values. Random ones come from the stream
    /// (seed, scope/state/parameter), so they do not depend on the other parameters.
    fileprivate func makeState(
        _ declaration: StateDeclaration, _ block: ParameterBlock, _ parameters: ParameterStore,
        initial: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let bytes = parameters.precision.bytes
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(block.count, 1) * bytes, alignment: 64)
        func number(_ value: StateDeclaration.Value) -> Double {
            value.value(options: context.options, fanIn: block.fanIn)
        }
        var values = [Double](repeating: 0, count: block.count)
        let stream = Stream(seed: context.seed, name: "\(context.scope)/\(declaration.id)/\(block.name)")
        switch declaration.initializer {
        case .constant(let value): values = values.map { _ in number(value) }
        case .normal(let mean, let deviation):
            values.withUnsafeMutableBufferPointer { stream.normal(into: $0) }
            let (mean, deviation) = (number(mean), number(deviation))
            values = values.map { mean + deviation * $0 }
        case .uniform(let low, let high):
            values.withUnsafeMutableBufferPointer { stream.uniform(into: $0) }
            let (low, high) = (number(low), number(high))
            values = values.map { low + (high - low) * $0 }
        case .copyOfParameter:
            buffer.copyMemory(from: initial, byteCount: block.count * bytes)
            return buffer
        }
        switch parameters.precision {
        case .f64: for i in 0..<block.count { buffer.storeBytes(of: values[i], toByteOffset: i * 8, as: Double.self) }
        case .f32:
            for i in 0..<block.count { buffer.storeBytes(of: Float(values[i]), toByteOffset: i * 4, as: Float.self) }
        }
        return buffer
    }
}

extension ParameterBlock {
    var fields: [Argument.Field: Int] { [.role: role.index, .fanIn: fanIn, .fanOut: fanOut] }
}

extension ParameterRole {
    /// The number a manifest's `field: role` gives: 0 weight, 1 bias, 2 scale, 3 other.
    var index: Int {
        switch self {
        case .weight: 0
        case .bias: 1
        case .scale: 2
        case .other: 3
        }
    }
}
