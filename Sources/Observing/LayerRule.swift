import Engine
import Manifests
import Protocols

/// A rule and the layers it acts on.
package struct LayerRule {
    package var rule: any LearningRule
    /// nil: all.
    package var layers: [String]?

    package init(rule: any LearningRule, layers: [String]? = nil) { (self.rule, self.layers) = (rule, layers) }

    /// Declares the states of each layer, `rule.<layer>.<state>`, as statistics: they are kept and not trained.
    func declare(in graph: Graph) throws -> [RuledLayer] {
        let known = graph.layers.map(\.name)
        if let name = layers?.first(where: { !known.contains($0) }) {
            throw UnknownLayer(
                "rule.layers: the model has no layer '\(name)'"
                    + Nearest.hint(for: name, among: known, label: "it has"))
        }
        return try graph.layers.filter { layers?.contains($0.name) ?? true }.map { layer in
            let shape = graph.shape(of: layer.weight)
            var states: [String: (node: Node, block: Int)] = [:]
            for state in rule.states {
                let node = try graph.parameter(
                    "rule.\(layer.name).\(state)", role: .statistic, shape: shape,
                    initializer: Initializer(scheme: .constant, scale: 0))
                states[state] = (node, graph.blocks.count - 1)
            }
            return RuledLayer(rule: rule, layer: layer, states: states)
        }
    }
}

/// A layer whose derivative a rule replaces in training.
struct RuledLayer {
    var rule: any LearningRule
    var layer: Layer
    var states: [String: (node: Node, block: Int)]
}

extension Network.Built {
    /// What training descends along: the gradients of the loss, or what the rule makes of them.
    package func gradients(of loss: Node, withRespectTo parameters: [Node]) throws -> [Node] {
        guard !ruled.isEmpty, let head = graph.layers.last else {
            return try graph.gradient(of: loss, withRespectTo: parameters)
        }
        var headGrad: Node?
        var pullbacks: [Node: Graph.Pullback] = [:]
        for layer in graph.layers {
            let ruled = ruled.first { $0.layer.name == layer.name }
            guard ruled != nil || layer.name == head.name else { continue }
            pullbacks[graph.product(of: layer)] = { cotangent in
                let outputGrad = try graph.reshape(cotangent, to: graph.shape(of: layer.output))
                if layer.name == head.name { headGrad = outputGrad }
                var part = RulePart()
                if let ruled {
                    guard let headGrad else {
                        throw GraphError("rule: layer '\(layer.name)' comes behind the last one, '\(head.name)'")
                    }
                    part = try ruled.rule.part(
                        of: layer, outputGrad: outputGrad, headGrad: headGrad,
                        states: ruled.states.mapValues(\.node), in: graph)
                    try assign(part, of: ruled)
                }
                let own = try graph.pullback(
                    through: layer, cotangent: outputGrad, backwardWeight: part.backwardWeight)
                return [(layer.input, part.inputGrad ?? own.input), (layer.weight, part.weightGrad ?? own.weight)]
            }
        }
        return try graph.vjp(of: [(loss, graph.constant(1))], withRespectTo: parameters, pullbacks: pullbacks)
    }

    private func assign(_ part: RulePart, of ruled: RuledLayer) throws {
        guard graph.isTraining else { return }
        for (id, value) in part.states.sorted(by: { $0.key < $1.key }) {
            guard let state = ruled.states[id] else { continue }
            try graph.assign(state.node, value)
        }
    }

    /// Sets the states of a rule to their first values.
    func startRule(_ store: ParameterStore) throws {
        for ruled in ruled {
            var initial: [Double]?
            if case .parameter(let block) = graph.definition(of: ruled.layer.weight) {
                initial = store.copy(block: block)
            }
            for (id, state) in ruled.states.sorted(by: { $0.value.block < $1.value.block }) {
                store.set(
                    block: state.block,
                    try ruled.rule.start(id, of: store.blocks[state.block], initial: initial))
            }
        }
    }
}
