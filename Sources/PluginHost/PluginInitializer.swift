import Engine
import Manifests
import Protocols

/// An initializer whose function writes first values of one parameter.
final class PluginInitializer: ParameterInitializer {
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) { self.loaded = loaded }

    func values(of parameter: ParameterBlock, initial: [Double]) throws -> [Double] {
        let bytes = max(8 * initial.count, 8)
        let given = Memory.allocate(bytes: bytes), written = Memory.allocate(bytes: bytes)
        defer {
            given.deallocate()
            written.deallocate()
        }
        let values = UnsafeMutableBufferPointer(
            start: written.bindMemory(to: Double.self, capacity: max(initial.count, 1)), count: initial.count)
        values.update(repeating: .nan)
        given.copyMemory(from: initial, byteCount: 8 * initial.count)
        var operands: [String: Operand] = [:]
        for argument in loaded.component.call.arguments {
            switch argument.source {
            case .quantity: operands[argument.name] = Operand(.memory(given), shape: parameter.shape)
            case .output: operands[argument.name] = Operand(.memory(written), shape: parameter.shape)
            default: continue
            }
        }
        let context = loaded.context
        context.parameter = parameter.name
        do {
            try loaded.perform(
                FunctionCall(function: loaded.component.call, operands: operands, fields: parameter.fields))
        } catch let error as PluginError {
            throw PluginError(error.place, "\(parameter.name): \(error.sentence)")
        }
        guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return Array(values) }
        throw PluginError(
            context.place, "\(parameter.name): value \(bad) of \(values.count) is not finite or not written")
    }
}
