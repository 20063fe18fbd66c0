import Engine
import Glibc
import PluginTesting

/// Compares the graph's derivatives with differences of values, in f64.
///
/// Five-point stencil (-f(x+2h) + 8f(x+h) - 8f(x-h) + f(x-2h)) / 12h with h = 1e-3: truncation about h⁴ f⁽⁵⁾/30 = 3e-14 f⁽⁵⁾,
/// rounding about 1e-13 |f|, so 1e-7 leaves room for steep functions.
struct DerivativeChecker {
    static let step = 1e-3
    static let tolerance = 1e-7

    var shapes: [[Int]]
    /// Values of the inputs, away from kinks by more than two steps.
    var values: [[Double]]
    var isTraining = false
    var function: (Graph, [Node]) throws -> Node

    struct Errors {
        var first: Double
        var second: Double
        /// Largest absolute entries of the derivatives: a derivative that is 0 where it should not be cannot pass unseen.
        var firstScale: Double
        var secondScale: Double
        /// Of Σ w · tangent of f along v, against Σ v · gradient: the Jacobian from both sides.
        var forward: Double
    }

    /// Relative errors of the gradient of Σ w f(x) and of the gradient of Σ v · gradient, w and v drawn at random, and of
    /// tangents along v.
    func errors(seed: UInt64) throws -> Errors {
        var random = SplitMix(seed: seed)
        let graph = Graph(isTraining: isTraining)
        let nodes = shapes.indices.map { graph.input("x\($0)", shape: shapes[$0]) }
        var inputs = Dictionary(uniqueKeysWithValues: shapes.indices.map { ("x\($0)", values[$0]) })

        func weighted(_ node: Node, _ name: String) throws -> Node {
            inputs[name] = random.values(elements(graph.shape(of: node)), in: 0.5...1.5)
            let weights = graph.input(name, shape: graph.shape(of: node))
            return try graph.apply(.sum(), [try graph.apply(.binary(.mul), [node, weights])])
        }
        let result = try function(graph, nodes)
        let value = try weighted(result, "w")
        let gradients = try graph.gradient(of: value, withRespectTo: nodes)
        let products = try gradients.enumerated().map { try weighted($1, "v\($0)") }
        let directional = try products.reduce(graph.constant(0)) { try graph.apply(.binary(.add), [$0, $1]) }
        let seconds = try graph.gradient(of: directional, withRespectTo: nodes)

        let first = try compare(graph, value, gradients, inputs)
        let second = try compare(graph, directional, seconds, inputs)
        let directions = nodes.enumerated().map { ($1, graph.input("v\($0)", shape: shapes[$0])) }
        let tangent = try weighted(try graph.jvp(of: [result], along: directions)[0], "w")
        let sides = try evaluate(graph, [tangent] + products, inputs).map { $0[0] }
        let size = max(1e-3, sides.dropFirst().reduce(0) { $0 + abs($1) })
        return Errors(
            first: first.error, second: second.error, firstScale: first.scale, secondScale: second.scale,
            forward: abs(sides[0] - sides.dropFirst().reduce(0, +)) / size)
    }

    private func compare(
        _ graph: Graph, _ value: Node, _ gradients: [Node], _ inputs: [String: [Double]]
    ) throws -> (error: Double, scale: Double) {
        let exact = try evaluate(graph, gradients, inputs).flatMap { $0 }
        let program = try Program(graph, outputs: [value], precision: .f64, parameters: nil)
        for (name, values) in inputs { program.setInput(name, values) }
        func at(_ input: Int, _ values: [Double]) -> Double {
            program.setInput("x\(input)", values)
            program.run()
            return program.scalar(value)
        }
        var numeric: [Double] = []
        for input in shapes.indices {
            for i in values[input].indices {
                var moved = values[input]
                let f = [-2.0, -1, 1, 2].map { offset in
                    moved[i] = values[input][i] + offset * Self.step
                    return at(input, moved)
                }
                numeric.append((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * Self.step))
            }
            _ = at(input, values[input])
        }
        let scale = numeric.map(abs).max() ?? 0
        let error = zip(exact, numeric).map { abs($0 - $1) / max(abs($1), 1e-2 * scale, 1e-4) }.max() ?? 0
        return (error.isNaN ? .infinity : error, scale)
    }
}
