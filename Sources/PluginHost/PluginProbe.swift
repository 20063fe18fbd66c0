import CSyzygy
import Manifests
import Protocols

/// A probe whose function turns quantities into outputs, once per binding.
final class PluginProbe: Probe {
    private let loaded: LoadedComponent
    private let outline: ProbeOutline
    private let frame: CallFrame
    private let note: (String) -> Void
    /// Of an output: each becomes a line of a table.
    private static let mostNumbers = 0x1p24

    /// `note` gets the words of calls that fail.
    init(_ loaded: LoadedComponent, note: @escaping (String) -> Void) throws(PluginError) {
        (self.loaded, self.note) = (loaded, note)
        outline = ProbeOutline(loaded.component, loaded.context.options)
        frame = try loaded.frame()
    }

    var scope: ProbeScope { outline.scope }
    var needs: [Need] { outline.needs }

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, record: (Observation) -> Void
    ) throws {
        for binding in outline.bindings {
            do {
                let (outputs, reason) = try call(binding, layer: layer, step: step, quantities)
                for output in outputs {
                    for i in 0..<output.count {
                        record(
                            ProbeOutline.observation(
                                binding, output.declaration, step: step, layer: layer,
                                index: output.shape.isEmpty ? nil : i,
                                output.declaration.checked(output.value(i), reason: reason)))
                    }
                }
            } catch {
                // A probe that fails costs its values, not the run.
                let reason = (error as? Undefined)?.reason ?? "cannot_be_called"
                if !(error is Undefined) { note("step \(step)\(layer.isEmpty ? "" : ", \(layer)"): \(error)") }
                for observation in outline.missing(binding, step: step, layer: layer, reason) { record(observation) }
            }
        }
    }

    /// Arguments whose number of rows the function asks for, beyond the first such: they may have other rows than the rest.
    private var argumentsWithOwnRows: Set<String> {
        let function = loaded.component.call
        let asked = function.arguments.compactMap { argument -> String? in
            guard case .dimension(let of, .index(0)) = argument.source else { return nil }
            return of
        }
        return Set(asked.filter { $0 != asked.first })
    }

    /// Calls the function on one binding; returns the outputs and the reason code the function wrote.
    private func call(
        _ binding: Binding, layer: String, step: Int, _ quantities: any QuantitySource
    ) throws -> ([OutputBuffer], String) {
        var operands: [String: Operand] = [:]
        var rows: Int?
        let counted = argumentsWithOwnRows
        for argument in loaded.component.call.arguments {
            guard case .quantity = argument.source, let expression = binding.quantities[argument.name] else {
                continue
            }
            if let quantity = try quantities.quantity(expression, layer: layer) {
                guard quantity.isFinite else { throw Undefined("input_not_finite") }
                if !counted.contains(argument.name), try QuantityExpression(expression).isOfSamples {
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
        let sizes = Sizes(operands: operands, context: loaded.context)
        let outputs = try loaded.component.outputs.map { output in
            let shape = try sizes.shape(of: output)
            guard Sizes.elements(shape) <= Self.mostNumbers else {
                throw PluginError(
                    loaded.context.place, "output '\(output.id)' of shape \(shape) has more than 2^24 numbers")
            }
            return OutputBuffer(output, shape: shape)
        }
        for argument in loaded.component.call.arguments {
            guard case .output(let id) = argument.source else { continue }
            operands[argument.name] = outputs.first { $0.declaration.id == id }?.operand
        }
        let place = "step \(step)\(layer.isEmpty ? "" : ", \(layer)"): \(loaded.context.place)"
        if outline.needsNetwork {
            guard let derivatives = quantities.derivatives else { throw Undefined("no_network") }
            loaded.context.derivatives = DerivativesService(derivatives)
        }
        defer { loaded.context.derivatives = nil }
        try frame.bind(operands)
        frame.set(step: step)
        let status = frame.call()
        var reason = frame.text
        if let service = loaded.context.derivatives {
            if let failure = service.failure { note("\(place): \(failure)") }
            if reason.isEmpty { reason = service.undefined ?? "" }
        }
        if status == CallFrame.changedFloatMode { throw Undefined("changed_float_mode") }
        if Int(status) == SYZYGY_UNDEFINED { throw Undefined(reason.isReasonCode ? reason : "undefined_value") }
        if status != 0 {
            if !reason.isEmpty, !reason.isReasonCode {
                note("\(place) failed: \(reason)")
            }
            throw Undefined(reason.isReasonCode ? "failed_\(reason)" : "failed_status_\(status)")
        }
        if case .output(let id) = loaded.component.call.returns {
            outputs.first { $0.declaration.id == id }?.store(frame.returned)
        }
        return (outputs, reason)
    }

}

extension OutputDeclaration {
    /// A value that was measured as a number, or why it is none. `reason` is what the function says of an undefined one.
    func checked(_ value: Double, reason: String) -> Observation.Value {
        if value.isNaN {
            guard mayBeUndefined else { return .missing(reason: "nan_result") }
            return .missing(reason: reason.isReasonCode ? reason : "undefined_value")
        }
        guard value.isFinite else { return .missing(reason: "infinite_result") }
        // A range such as [-1, 1] is a statement about exact arithmetic; rounding may pass it by a little.
        let slack = 1e-9 * max(1, abs(lowest ?? 0), abs(highest ?? 0))
        if let lowest, value < lowest - slack { return .missing(reason: "out_of_range") }
        if let highest, value > highest + slack { return .missing(reason: "out_of_range") }
        return .number(value)
    }
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

extension String {
    /// `snake_case`, short enough for a column.
    var isReasonCode: Bool {
        !isEmpty && utf8.count <= 60
            && utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: "_") }
    }
}
