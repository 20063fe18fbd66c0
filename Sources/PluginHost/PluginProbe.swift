import Manifests
import Protocols

/// A probe whose functions turn quantities into outputs, once per binding.
final class PluginProbe: Probe {
    private let component: Component
    private let outline: ProbeOutline
    private let calls: MeasuringCalls

    /// `note` gets the words of calls that fail.
    init(_ loaded: LoadedComponent, note: @escaping (String) -> Void) throws(PluginError) {
        component = loaded.component
        outline = ProbeOutline(loaded.component, loaded.context.options)
        calls = try MeasuringCalls(loaded, note: note)
    }

    var scope: ProbeScope { outline.scope }
    var needs: [Need] { outline.needs }
    var streamed: [Need] { outline.streamed }
    var isSymmetric: Bool { component.isSymmetricInPairs }
    var isConsecutive: Bool { component.isConsecutive }
    var hasState: Bool { !component.state.isEmpty }

    func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
        for binding in outline.bindings { calls.add(binding, layer: layer, rows, memory) }
    }

    /// A binding that fails costs its values, not the run.
    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) throws {
        for binding in outline.bindings {
            do throws(Undefined) {
                let (outputs, reason) = try calls.call(binding, layer: layer, step: step, quantities, memory)
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
                for observation in outline.missing(binding, step: step, layer: layer, error.reason) {
                    record(observation)
                }
            }
        }
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

extension String {
    /// `snake_case`, short enough for a column.
    var isReasonCode: Bool {
        !isEmpty && utf8.count <= 60
            && utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: "_") }
    }
}
