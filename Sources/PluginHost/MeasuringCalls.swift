import CSyzygy
import Manifests
import Protocols

/// Calls of a component whose functions take quantities: `call`, or `begin`, `add` for each pass, and `finish`.
final class MeasuringCalls {
    private let loaded: LoadedComponent
    /// `call`, or `finish`.
    private let frame: CallFrame
    private let begin, add: CallFrame?
    private let note: (String) -> Void
    /// Of an output.
    private static let mostNumbers = 0x1p24

    /// `note` gets the words of calls that fail.
    init(_ loaded: LoadedComponent, note: @escaping (String) -> Void) throws(PluginError) {
        (self.loaded, self.note) = (loaded, note)
        frame = try loaded.frame()
        add = try loaded.component.add.map { function throws(PluginError) in try loaded.frame(function) }
        begin = try loaded.component.begin.map { function throws(PluginError) in try loaded.frame(function) }
    }

    /// A call that fails costs its values, not the run.
    private func reason(_ error: any Error, _ place: String) -> String {
        if let undefined = error as? Undefined { return undefined.reason }
        note("\(place): \(error)")
        return "cannot_be_called"
    }

    // MARK: Passes

    /// Gives the rows of a pass to `add`; a pass that fails costs the binding its values.
    func add(_ binding: Binding, layer: String, _ rows: any QuantitySource, _ memory: ProbeMemory) {
        guard memory.failures[binding.name] == nil else { return }
        do {
            try collect(binding, layer: layer, rows, memory)
        } catch {
            memory.failures[binding.name] = reason(error, layer.isEmpty ? "a pass" : "a pass of \(layer)")
        }
    }

    private func collect(_ binding: Binding, layer: String, _ rows: any QuantitySource, _ memory: ProbeMemory) throws
    {
        guard let add, let function = loaded.component.add else { return }
        var operands = try operands(of: function, binding, layer: layer, rows)
        if memory.shapes[binding.name] == nil {
            let sizes = Sizes(operands: operands, context: loaded.context, function: function)
            for declaration in loaded.component.accumulators {
                memory.accumulators[binding.key(declaration.id)] = try tensor(
                    sizes.shape(declaration.shape), declaration.type, "accumulator '\(declaration.id)'")
            }
            memory.shapes[binding.name] = Dictionary(
                uniqueKeysWithValues: operands.map { name, operand in
                    let isOfRows = binding.quantities[name].flatMap { function.argument(name)?.isOfRows($0) } ?? false
                    return (name, isOfRows ? [0] + operand.shape.dropFirst() : operand.shape)
                })
            if let begin, let function = loaded.component.begin {
                try begin.bind(kept(for: function, binding, memory))
                _ = try finished(begin, "", "begin")
            }
        }
        operands.merge(kept(for: function, binding, memory)) { own, _ in own }
        try add.bind(operands)
        _ = try finished(add, "", "add")
    }

    /// The accumulators and states that a function takes.
    private func kept(for function: Function, _ binding: Binding, _ memory: ProbeMemory) -> [String: Operand] {
        var operands: [String: Operand] = [:]
        for argument in function.arguments {
            let tensor: ProbeMemory.Tensor? =
                switch argument.source {
                case .accumulator(let id): memory.accumulators[binding.key(id)]
                case .state(let id): memory.states[binding.key(id)]
                default: nil
                }
            guard let tensor else { continue }
            operands[argument.name] = Operand(.memory(tensor.pointer), shape: tensor.shape)
        }
        return operands
    }

    private func tensor(_ shape: [Int], _ type: Scalar, _ what: String) throws(PluginError) -> ProbeMemory.Tensor {
        guard Sizes.elements(shape) <= Self.mostNumbers else {
            throw PluginError(loaded.context.place, "\(what) of shape \(shape) has more than 2^24 numbers")
        }
        return ProbeMemory.Tensor(shape: shape, isInteger: type == .i64)
    }

    // MARK: One call

    /// The quantities that a function takes.
    private func operands(
        of function: Function, _ binding: Binding, layer: String, _ quantities: any QuantitySource
    ) throws -> [String: Operand] {
        var operands: [String: Operand] = [:]
        var rows: Int?
        let counted = function.argumentsWithOwnRows
        for argument in function.arguments {
            guard case .quantity = argument.source, let expression = binding.quantities[argument.name] else {
                continue
            }
            if let quantity = try quantities.quantity(expression, layer: layer) {
                guard quantity.isFinite else { throw Undefined("input_not_finite") }
                let isOfSamples =
                    quantity.isOfSamples || argument.form == .samples
                    || (try? QuantityExpression(expression))?.isOfSamples ?? false
                if !counted.contains(argument.name), isOfSamples, argument.split == nil {
                    // Rows of a convolution are positions: they go with no labels, and with no layer of other positions.
                    guard rows == nil || rows == quantity.shape[0] else { throw Undefined("rows_differ") }
                    rows = quantity.shape[0]
                }
                operands[argument.name] = Operand(.memory(quantity.pointer), shape: quantity.shape)
            } else if argument.isOptional {
                operands[argument.name] = Operand(.memory(nil), shape: [0, 0])
            } else {
                throw Undefined("no_" + expression.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined())
            }
        }
        return operands
    }

    /// Calls the function on one binding; returns the outputs and the reason code the function wrote.
    func call(
        _ binding: Binding, layer: String, step: Int, _ quantities: any QuantitySource, _ memory: ProbeMemory
    ) throws(Undefined) -> ([OutputBuffer], String) {
        do {
            return try outputs(binding, layer: layer, step: step, quantities, memory)
        } catch {
            throw Undefined(reason(error, "step \(step)\(layer.isEmpty ? "" : ", \(layer)")"))
        }
    }

    private func outputs(
        _ binding: Binding, layer: String, step: Int, _ quantities: any QuantitySource, _ memory: ProbeMemory
    ) throws -> ([OutputBuffer], String) {
        let function = loaded.component.call
        var operands = try operands(of: function, binding, layer: layer, quantities)
        if add != nil {
            if let reason = memory.failures[binding.name] { throw Undefined(reason) }
            guard let shapes = memory.shapes[binding.name] else { throw Undefined("no_samples") }
            // Dims may be sizes of what the passes had.
            for (name, shape) in shapes where operands[name] == nil {
                operands[name] = Operand(.memory(nil), shape: shape)
            }
        }
        try makeStates(binding, layer: layer, operands, quantities, memory)
        operands.merge(kept(for: function, binding, memory)) { _, kept in kept }
        let sizes = Sizes(operands: operands, context: loaded.context)
        let outputs = try loaded.component.outputs.map { output in
            let shape = try sizes.shape(of: output)
            guard Sizes.elements(shape) <= Self.mostNumbers else {
                throw PluginError(
                    loaded.context.place, "output '\(output.id)' of shape \(shape) has more than 2^24 numbers")
            }
            return OutputBuffer(output, shape: shape)
        }
        for argument in function.arguments {
            guard case .output(let id) = argument.source else { continue }
            operands[argument.name] = outputs.first { $0.declaration.id == id }?.operand
        }
        if loaded.component.needsNetwork {
            guard let derivatives = quantities.derivatives else { throw Undefined("no_network") }
            loaded.context.derivatives = DerivativesService(derivatives)
        }
        defer { loaded.context.derivatives = nil }
        try frame.bind(operands)
        frame.set(step: step)
        let reason = try finished(frame, "step \(step)\(layer.isEmpty ? "" : ", \(layer)"): ", "")
        if case .output(let id) = function.returns {
            outputs.first { $0.declaration.id == id }?.store(frame.returned)
        }
        return (outputs, reason)
    }

    /// States that are not there yet, with their first values.
    private func makeStates(
        _ binding: Binding, layer: String, _ operands: [String: Operand], _ quantities: any QuantitySource,
        _ memory: ProbeMemory
    ) throws {
        for declaration in loaded.component.state where memory.states[binding.key(declaration.id)] == nil {
            let parameter = declaration.shape == nil ? try quantities.quantity("parameter.value", layer: layer) : nil
            let shape =
                try declaration.shape.map { try Sizes(operands: operands, context: loaded.context).shape($0) }
                ?? parameter?.shape ?? []
            let state = try tensor(shape, declaration.type, "state '\(declaration.id)'")
            switch declaration.initializer {
            case .constant(let value):
                let value = value.value(options: loaded.context.options, fanIn: 1)
                state.set(Array(repeating: value, count: state.count))
            case .copyOfParameter:
                if let parameter { state.pointer.copyMemory(from: parameter.pointer, byteCount: state.bytes) }
            case .normal, .uniform: break  // a manifest that says so is refused
            }
            memory.states[binding.key(declaration.id)] = state
        }
    }

    /// Calls, and returns the reason code that the function wrote; throws if there are no values.
    private func finished(_ frame: CallFrame, _ place: String, _ role: String) throws -> String {
        let status = frame.call()
        var reason = frame.text
        let name = place + (role.isEmpty ? "" : "\(role) of ") + loaded.context.place
        if let service = loaded.context.derivatives {
            if let failure = service.failure { note("\(name): \(failure)") }
            if reason.isEmpty { reason = service.undefined ?? "" }
        }
        if status == CallFrame.changedFloatMode { throw Undefined("changed_float_mode") }
        if Int(status) == SYZYGY_UNDEFINED { throw Undefined(reason.isReasonCode ? reason : "undefined_value") }
        if status != 0 {
            if !reason.isEmpty, !reason.isReasonCode {
                note("\(name) failed: \(reason)")
            }
            throw Undefined(reason.isReasonCode ? "failed_\(reason)" : "failed_status_\(status)")
        }
        return reason
    }

}

extension Function {
    /// Arguments whose number of rows the function asks for, beyond the first such: they may have other rows than the rest.
    fileprivate var argumentsWithOwnRows: Set<String> {
        let asked = arguments.compactMap { argument -> String? in
            guard case .dimension(let of, .index(0)) = argument.source else { return nil }
            return of
        }
        return Set(asked.filter { $0 != asked.first })
    }
}

extension Binding {
    /// The name of something that is kept.
    fileprivate func key(_ id: String) -> String { name.isEmpty ? id : "\(name):\(id)" }
}

extension Quantity {
    fileprivate var pointer: UnsafeMutableRawPointer {
        switch data {
        case .real(let pointer): UnsafeMutableRawPointer(mutating: pointer)
        case .integer(let pointer): UnsafeMutableRawPointer(mutating: pointer)
        }
    }

    fileprivate var isFinite: Bool {
        guard case .real(let pointer) = data else { return true }
        // Any infinity or NaN makes the sum of x·0 NaN.
        let count = shape.reduce(1, *)
        var sums = SIMD8<Double>.zero
        let vectors = UnsafeRawPointer(pointer)
        for i in 0..<count / 8 { sums += vectors.loadUnaligned(fromByteOffset: 64 * i, as: SIMD8<Double>.self) * 0 }
        for i in count / 8 * 8..<count { sums[0] += pointer[i] * 0 }
        return sums.sum() == 0
    }
}
