import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

@Suite struct ActivationsTests {
    static let activations = [
        "squared_relu", "bent_identity", "swish_beta", "swish_beta(beta=-2)", "swish_beta(beta=0)",
    ]

    /// A graph of y = f(x) for x of the given shape.
    private func graph(_ text: String, _ shape: [Int] = [3, 5]) throws -> (graph: Graph, x: Node, y: Node) {
        let reference = try #require(OperationReference(text))
        let graph = Graph()
        let x = graph.input("x", shape: shape)
        return (graph, x, try graph.apply(try ShippedPlugins.loader().operation(reference), [x]))
    }

    private func values(
        _ graph: Graph, _ nodes: [Node], _ x: [Double], _ precision: Precision = .f64, threads: Int = 1
    ) throws -> [[Double]] {
        let program = try Program(graph, outputs: nodes, precision: precision, parameters: nil, threads: threads)
        program.setInput("x", x)
        program.run()
        return nodes.map(program.copy)
    }

    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.activations")
        #expect(count == 9 && failures == [])
    }

    /// Five-point stencil with h = 1e-3, away from the kink at 0: error about 1e-12.
    @Test(arguments: activations) func derivativesEqualDifferences(_ name: String) throws {
        let (graph, x, y) = try graph(name)
        let first = try graph.gradient(of: try graph.apply(.sum(), [y]), withRespectTo: [x])[0]
        let second = try graph.gradient(of: try graph.apply(.sum(), [first]), withRespectTo: [x])[0]
        let points = (0..<15).map { 0.31 * Double($0) - 2.1 }
        let h = 1e-3
        func differences(_ node: Node) throws -> [Double] {
            let at = try [-2.0, -1, 1, 2].map { step in
                try values(graph, [node], points.map { $0 + step * h })[0]
            }
            return points.indices.map { (at[0][$0] - 8 * at[1][$0] + 8 * at[2][$0] - at[3][$0]) / (12 * h) }
        }
        let found = try values(graph, [first, second], points)
        for (derivative, node) in zip(found, [y, first]) {
            for (a, b) in zip(derivative, try differences(node)) { #expect(abs(a - b) < 1e-9) }
        }
        #expect(found[0].contains { abs($0) > 0.1 })
        // f32 follows, and parts of several threads are the whole.
        let single = try values(graph, [y, first, second], points, .f32)
        let double = try values(graph, [y, first, second], points)
        for (a, b) in zip(single.joined(), double.joined()) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func threadsDoNotMatter() throws {
        let (graph, x, y) = try graph("swish_beta(beta=0.5)", [7, 5003])
        let slope = try graph.gradient(of: try graph.apply(.sum(), [y]), withRespectTo: [x])[0]
        let points = (0..<35021).map { Double(($0 * 7919) % 1000) / 100 - 5 }
        let alone = try values(graph, [y, slope], points)
        let together = try values(graph, [y, slope], points, threads: 3)
        #expect(alone == together)
        let expected = points.map { $0 / (1 + exp(-0.5 * $0)) }
        #expect(zip(alone[0], expected).allSatisfy { abs($0 - $1) <= 1e-14 * max(abs($1), 1) })
    }

    @Test func theThirdDerivativeIsMissing() throws {
        let (graph, x, y) = try graph("swish_beta")
        var node = y
        let error = #expect(throws: PluginError.self) {
            for _ in 0..<3 {
                node = try graph.gradient(of: try graph.apply(.sum(), [node]), withRespectTo: [x])[0]
            }
        }
        #expect(
            error?.description
                == "plugin syzygy.activations/swish_beta_curvature: has no derivative by 'x', which this "
                + "computation needs; its manifest can name one under 'derivatives'")
    }

    @Test(arguments: [
        (
            "swish_beta(bate=1)",
            "plugin syzygy.activations/swish_beta: has no option 'bate' (allowed: beta)"
        ),
        ("squared_relu(beta=1)", "plugin syzygy.activations/squared_relu: has no option 'beta'; it takes none"),
    ])
    func wrongOptionsAreNamed(_ text: String, _ sentence: String) throws {
        let error = #expect(throws: PluginError.self) { try graph(text) }
        #expect(error?.description == sentence)
    }
}
