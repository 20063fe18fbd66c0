import Engine
import Protocols

/// Parameters that a parametrization makes.
package struct ParametrizationRule {
    /// Its key in the study.
    package var key: String
    package var parameters: ParameterPattern
    package var parametrization: any Parametrization

    package init(key: String, parameters: ParameterPattern, parametrization: any Parametrization) {
        (self.key, self.parameters, self.parametrization) = (key, parameters, parametrization)
    }
}

/// A parameter that the model declared and the blocks that are trained in its place.
struct Parametrized {
    var parameter: ParameterBlock
    var variables: Range<Int>
    var parametrization: any Parametrization
}

/// Puts made parameters in the place of declared ones while a model is built.
final class Substitution {
    private(set) var parametrized: [Parametrized] = []
    private let rules: [ParametrizationRule]
    private unowned let graph: Graph
    private var declared: [ParameterBlock] = []
    /// Set while a parametrization declares its variables.
    private var isInside = false

    init(_ rules: [ParametrizationRule], _ graph: Graph) { (self.rules, self.graph) = (rules, graph) }

    func node(_ block: ParameterBlock) throws -> Node? {
        guard !isInside else { return nil }
        declared.append(block)
        let matching = rules.filter { $0.parameters.matches(block) }
        guard let rule = matching.first else { return nil }
        guard matching.count == 1 else {
            throw UnmatchedPattern(
                "parametrizations.\(matching[1].key).parameters: '\(block.name)' has the parametrization '\(rule.key)' already"
            )
        }
        isInside = true
        defer { isInside = false }
        let first = graph.blocks.count
        let node = try rule.parametrization.build(block, in: graph)
        guard graph.shape(of: node) == block.shape else {
            throw GraphError(
                "parametrizations.\(rule.key): makes \(graph.shape(of: node)) of '\(block.name)', which is \(block.shape)"
            )
        }
        parametrized.append(
            Parametrized(
                parameter: block, variables: first..<graph.blocks.count, parametrization: rule.parametrization))
        return node
    }

    /// Every rule must have found a parameter.
    func check() throws {
        for rule in rules {
            _ = try rule.parameters.select(from: declared, for: "parametrizations.\(rule.key).parameters")
        }
    }
}
