import Engine
import LinearAlgebra
import Manifests
import Protocols

/// A rule whose function builds the cotangents of a layer.
final class PluginRule: LearningRule {
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) { self.loaded = loaded }

    var states: [String] { loaded.component.state.map(\.id) }

    func start(_ state: String, of block: ParameterBlock, initial: [Double]?) throws -> [Double] {
        guard let declaration = loaded.component.state.first(where: { $0.id == state }) else { return [] }
        if initial == nil, declaration.initializer == .copyOfParameter {
            throw PluginError(
                loaded.context.place, "state '\(state)' begins as a copy of a weight that is made of other parameters"
            )
        }
        var values = [Double](repeating: 0, count: block.count)
        values.withUnsafeMutableBytes { values in
            (initial ?? []).withUnsafeBytes { initial in
                guard let buffer = values.baseAddress else { return }
                loaded.fillState(
                    declaration, block, .f64, buffer, initial: initial.baseAddress ?? UnsafeRawPointer(buffer))
            }
        }
        return values
    }

    func part(
        of layer: Layer, outputGrad: Node, headGrad: Node, states: [String: Node], in graph: Graph
    ) throws -> RulePart {
        let given = [
            "layer.input": layer.input, "layer.output": layer.output, "layer.weight": layer.weight,
            "layer.output_grad": outputGrad, "head.output_grad": headGrad,
        ]
        var nodes = try outputs(given.merging(states) { $1 }, in: graph)
        let part = RulePart(
            inputGrad: nodes.removeValue(forKey: "input_grad"), weightGrad: nodes.removeValue(forKey: "weight_grad"),
            backwardWeight: nodes.removeValue(forKey: "backward_weight"), states: nodes)
        let shapes = [
            ("input_grad", part.inputGrad, layer.input), ("weight_grad", part.weightGrad, layer.weight),
            ("backward_weight", part.backwardWeight, layer.weight),
        ]
        for (name, node, like) in shapes {
            guard let node, graph.shape(of: node) != graph.shape(of: like) else { continue }
            throw PluginError(
                loaded.context.place,
                "\(name) of layer '\(layer.name)' has shape \(graph.shape(of: node)); it must be \(graph.shape(of: like))"
            )
        }
        return part
    }

    /// The nodes of all outputs, from nodes of quantities and states.
    func outputs(_ given: [String: Node], in graph: Graph) throws -> [String: Node] {
        try loaded.build(graph, inputs: given.mapValues { ($0, nil) })
    }
}

extension ComponentLoader {
    package func rule(_ choice: Choice) throws -> any LearningRule { PluginRule(try component(choice, .rule)) }

    /// What a rule makes of given quantities and states, for examples.
    package func ruleOutputs(_ choice: Choice, _ given: [String: Node], in graph: Graph) throws -> [String: Node] {
        try PluginRule(try component(choice, .rule)).outputs(given, in: graph)
    }
}
