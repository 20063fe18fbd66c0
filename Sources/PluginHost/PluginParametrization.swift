import Engine
import Manifests
import Protocols

/// A parametrization whose functions build a parameter's value from variables and write their first values.
final class PluginParametrization: Parametrization {
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) { self.loaded = loaded }

    func build(_ parameter: ParameterBlock, in graph: Graph) throws -> Node {
        var variables: [String: (node: Node, field: Field?)] = [:]
        for (declaration, shape) in zip(loaded.component.variables, try shapes(parameter)) {
            let node = try graph.parameter(
                "\(parameter.name).\(declaration.id)", role: declaration.role ?? parameter.role, shape: shape,
                initializer: Initializer(scheme: .constant, scale: 0), fanIn: parameter.fanIn,
                fanOut: parameter.fanOut)
            variables[declaration.id] = (node, nil)
        }
        loaded.context.parameter = parameter.name
        guard let value = try loaded.build(graph, inputs: variables, fields: parameter.fields)["value"] else {
            throw PluginError(loaded.context.place, "wrote no node for 'value'")
        }
        return value
    }

    func start(_ parameter: ParameterBlock, initial: [Double]) throws -> [[Double]] {
        guard let start = loaded.component.start else { return [] }
        var owned: [UnsafeMutableRawPointer] = []
        defer { for memory in owned { memory.deallocate() } }
        func buffer(_ values: [Double]) -> UnsafeMutableRawPointer {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: max(8 * values.count, 8), alignment: 64)
            memory.copyMemory(from: values, byteCount: 8 * values.count)
            owned.append(memory)
            return memory
        }
        var operands = self.operands(parameter, buffer(initial))
        let variables = zip(loaded.component.variables, try shapes(parameter)).map { declaration, shape in
            let unwritten = [Double](repeating: .nan, count: shape.reduce(1, *))
            return (id: declaration.id, shape: shape, count: unwritten.count, memory: buffer(unwritten))
        }
        for argument in start.arguments {
            guard case .variable(let id) = argument.source, let variable = variables.first(where: { $0.id == id })
            else { continue }
            operands[argument.name] = Operand(.memory(variable.memory), shape: variable.shape)
        }
        loaded.context.parameter = parameter.name
        do {
            try loaded.perform(FunctionCall(function: start, operands: operands, fields: parameter.fields))
        } catch let error as PluginError {
            throw PluginError(error.place, "\(parameter.name): \(error.sentence)")
        }
        return try variables.map { variable in
            let values = (0..<variable.count).map {
                variable.memory.load(fromByteOffset: 8 * $0, as: Double.self)
            }
            guard values.allSatisfy(\.isFinite) else {
                throw PluginError(
                    loaded.context.place,
                    "'\(parameter.name).\(variable.id)' begins with a value that is not finite or not written")
            }
            return values
        }
    }

    private func shapes(_ parameter: ParameterBlock) throws(PluginError) -> [[Int]] {
        let sizes = Sizes(
            operands: operands(parameter, nil), context: loaded.context, function: loaded.component.start)
        var shapes: [[Int]] = []
        for variable in loaded.component.variables {
            shapes.append(
                try variable.shape.map { (extents) throws(PluginError) in try sizes.shape(extents) }
                    ?? parameter.shape)
        }
        return shapes
    }

    /// The parameter as an argument of `start`.
    private func operands(_ parameter: ParameterBlock, _ memory: UnsafeMutableRawPointer?) -> [String: Operand] {
        var operands: [String: Operand] = [:]
        for argument in loaded.component.start?.arguments ?? [] {
            guard case .quantity = argument.source else { continue }
            operands[argument.name] = Operand(.memory(memory), shape: parameter.shape)
        }
        return operands
    }
}
