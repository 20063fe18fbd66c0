import Engine
import Manifests
import Protocols

/// A model whose function builds a graph.
final class PluginModel: Model {
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) { self.loaded = loaded }

    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        try loaded.build(graph, inputs: batch.mapValues { ($0.node, $0.field) })
    }
}

/// A loss whose function builds a graph.
final class PluginLoss: Loss {
    private let loaded: LoadedComponent

    let views: [String]

    init(_ loaded: LoadedComponent) {
        self.loaded = loaded
        var views: [String] = []
        for case .activation(_, let view?) in loaded.component.call.arguments.map(\.source) {
            let name = loaded.component.text(of: view, options: loaded.context.options)
            if !views.contains(name) { views.append(name) }
        }
        self.views = views
    }

    func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
        var inputs = batch.mapValues { (node: $0.node, field: Field?.some($0.field)) }
        for (name, node) in outputs { inputs[name] = (node, nil) }
        guard let loss = try loaded.build(graph, inputs: inputs)["sample_loss"] else {
            throw PluginError(loaded.context.place, "wrote no node for 'sample_loss'")
        }
        let shape = graph.shape(of: loss)
        // A loss may have no targets.
        let rows = (batch.values.first?.node ?? outputs["output"]).flatMap { graph.shape(of: $0).first } ?? 1
        guard shape.isEmpty || shape == [rows] else {
            throw PluginError(
                loaded.context.place,
                "the loss has shape \(shape); it must be [\(rows)], one number per sample, or []")
        }
        return loss
    }
}

extension LoadedComponent {
    /// Calls a graph-building function; returns the nodes of its outputs.
    /// - Parameter inputs: batch tensors and outputs, the variables of a parametrization, or a rule's quantities and states.
    func build(
        _ graph: Graph, inputs: [String: (node: Node, field: Field?)], fields: [Argument.Field: Int] = [:]
    ) throws -> [String: Node] {
        let service = GraphService(graph, declares: component.kind == .model, operation: operation)
        // Sizes may be asked of any batch tensor, not only of those that are arguments.
        var operands = inputs.mapValues {
            Operand(.node(-1), shape: graph.shape(of: $0.node), field: $0.field)
        }
        var results: [(id: String, memory: UnsafeMutablePointer<Int32>)] = []
        defer { for result in results { result.memory.deallocate() } }
        for argument in component.call.arguments {
            switch argument.source {
            case .input(let name), .variable(let name), .state(let name), .quantity(let name?, _, _):
                guard let input = inputs[name] else {
                    // Of activations only the model's outputs.
                    let given = inputs.keys.filter { !$0.contains(".") && !$0.contains("@") }.sorted()
                    throw PluginError(
                        context.place, "asks for the tensor '\(name)'; there are \(given.joined(separator: ", "))")
                }
                operands[argument.name] = Operand(
                    .node(service.number(input.node)), shape: graph.shape(of: input.node), field: input.field)
            case .activation(let choice, let view):
                let input = try activation(choice, view: view, among: inputs)
                operands[argument.name] = Operand(.node(service.number(input)), shape: graph.shape(of: input))
            case .output(let id):
                let memory = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
                memory.initialize(to: -1)
                results.append((id, memory))
                operands[argument.name] = Operand(.memory(memory), shape: [])
            default: continue
            }
        }
        try perform(FunctionCall(function: component.call, operands: operands, fields: fields, graph: service))
        guard service.loops.isEmpty else {
            throw PluginError(context.place, "a scan or fixed point was begun and not ended")
        }
        var outputs: [String: Node] = [:]
        for result in results {
            guard let node = try? service.node(result.memory.pointee) else {
                throw PluginError(context.place, "wrote no node for its output '\(result.id)'")
            }
            outputs[result.id] = node
        }
        return outputs
    }

    /// What the model calls a name, of a view if there is one.
    private func activation(
        _ choice: Argument.Choice, view: Argument.Choice?, among inputs: [String: (node: Node, field: Field?)]
    ) throws(PluginError) -> Node {
        let name = component.text(of: choice, options: context.options)
        let suffix = view.map { "@\(component.text(of: $0, options: context.options))" } ?? ""
        if let input = inputs[name + suffix], input.field == nil { return input.node }
        let known = inputs.filter { $0.value.field == nil && !$0.key.contains("@") }.map(\.key).sorted()
        throw PluginError(
            context.place,
            "the model has no activation '\(name)'\(Nearest.hint(for: name, among: known, label: "it has"))")
    }

    /// An operation of a plugin that the component says it uses, or that one of its options names.
    private func operation(_ reference: OperationReference) throws -> (any CustomOperation)? {
        let chosen = component.parameters.compactMap { parameter -> String? in
            guard parameter.type == .activation, let text = context.options[parameter.id]?.string else { return nil }
            return OperationReference(text).map(\.name)
        }
        let isKnown = Graph.operationNames.contains(reference.name)
        guard !isKnown,
            chosen.contains(reference.name) || component.uses.contains(where: { $0.name == reference.name })
        else { return nil }
        return try loader.operation(reference)
    }
}
