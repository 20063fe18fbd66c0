import Engine
import Protocols

/// Parameters that begin with other values than the model says.
package struct InitializerRule {
    /// Its key in the study.
    package var key: String
    package var parameters: ParameterPattern
    package var initializer: any ParameterInitializer

    package init(key: String, parameters: ParameterPattern, initializer: any ParameterInitializer) {
        (self.key, self.parameters, self.initializer) = (key, parameters, initializer)
    }
}

extension Network.Built {
    /// Sets every parameter to its first values: what the model says, or the first initializer that matches it; variables so that what
    /// they make has the values it would have by itself; last the states of a rule.
    package func initialize(_ store: ParameterStore, seed: UInt64) throws {
        store.initialize(seed: seed)
        let variables = Set(parametrized.flatMap(\.variables))
        let own = graph.blocks.indices.filter { !variables.contains($0) }
        try checkInitializers(own.map { graph.blocks[$0] } + parametrized.map(\.parameter))
        for index in own {
            if let values = try initialized(graph.blocks[index], seed) { store.set(block: index, values) }
        }
        for made in parametrized {
            let initial = try initialized(made.parameter, seed) ?? made.parameter.initialValues(seed: seed)
            for (index, values) in zip(
                made.variables, try made.parametrization.start(made.parameter, initial: initial))
            {
                store.set(block: index, values)
            }
        }
        try startRule(store)
    }

    /// nil if the parameter keeps what the model says.
    private func initialized(_ parameter: ParameterBlock, _ seed: UInt64) throws -> [Double]? {
        guard let rule = initializers.first(where: { $0.parameters.matches(parameter) }) else { return nil }
        return try rule.initializer.values(of: parameter, initial: parameter.initialValues(seed: seed))
    }

    /// Every rule must have a parameter of its own.
    private func checkInitializers(_ declared: [ParameterBlock]) throws {
        var owners: [String: String] = [:]
        for rule in initializers {
            let key = "initializers.\(rule.key).parameters"
            let matching = try rule.parameters.select(from: declared, for: key).map { declared[$0].name }
            guard matching.contains(where: { owners[$0] == nil }) else {
                let taken = matching.map { "\($0) (\(owners[$0] ?? ""))" }.joined(separator: ", ")
                throw UnmatchedPattern("\(key): all it matches belongs to initializers before it: \(taken)")
            }
            for name in matching where owners[name] == nil { owners[name] = rule.key }
        }
    }
}
