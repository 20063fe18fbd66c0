import Engine
import Observing
import PluginTesting
import Protocols
import Testing

/// w = 2 a, or something that does not fit.
private final class Doubled: Parametrization {
    private let isWrong: Bool
    init(isWrong: Bool = false) { self.isWrong = isWrong }

    func build(_ parameter: ParameterBlock, in graph: Graph) throws -> Node {
        let a = try graph.parameter(
            parameter.name + ".a", role: parameter.role, shape: isWrong ? [1] + parameter.shape : parameter.shape,
            initializer: Initializer(scheme: .constant))
        return try graph.apply(named: "add", [a, a])
    }

    func start(_ parameter: ParameterBlock, initial: [Double]) -> [[Double]] { [initial.map { $0 / 2 }] }
}

private func network(_ rules: [(key: String, name: String)], isWrong: Bool = false, model: any Model) -> Network {
    Network(
        model: model, loss: HalfSquares(), fields: ArrayDataset(rows: 1, inputs: 5, outputs: 3).fields,
        parametrizations: rules.map {
            ParametrizationRule(
                key: $0.key, parameters: ParameterPattern(names: [$0.name]),
                parametrization: Doubled(isWrong: isWrong))
        })
}

private var net: TanhNet { TanhNet(inputs: 5, width: 4, outputs: 3) }

@Suite struct ParametrizationTests {
    @Test func variablesTakeThePlaceOfTheParameter() throws {
        let built = try network([("two", "head.*")], model: net).build(rows: 2)
        #expect(built.graph.blocks.map(\.name) == ["fc1.weight", "head.weight.a", "head.bias.a"])
        #expect(built.graph.layers.map(\.name) == ["fc1", "head"])
        let store = ParameterStore(blocks: built.graph.blocks, precision: .f64)
        try built.initialize(store, seed: 7)
        let plain = try network([], model: net).build(rows: 2)
        let other = ParameterStore(blocks: plain.graph.blocks, precision: .f64)
        try plain.initialize(other, seed: 7)
        for block in 0..<3 {
            #expect(store.copy(block: block).map { block == 0 ? $0 : 2 * $0 } == other.copy(block: block))
        }
        // Biases too are what is made of their variables.
        let observer = try Observer(
            network([("two", "head.*")], model: net), store: store,
            tables: ["train": try DataTable(ArrayDataset(rows: 9, inputs: 5, outputs: 3), split: "train")])
        var bias: [Double] = []
        try observer.quantities(["layer.bias"], split: "train", samples: nil, store: store) { _, quantity in
            if case .real(let data) = quantity.data { bias = Array(UnsafeBufferPointer(start: data, count: 3)) }
        }
        #expect(bias == other.copy(block: 2))
    }

    @Test func mistakesAreNamed() {
        func sentence(_ rules: [(key: String, name: String)], isWrong: Bool = false) -> String {
            do {
                _ = try network(rules, isWrong: isWrong, model: net).build(rows: 2)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            sentence([("two", "haed.weight")])
                == "parametrizations.two.parameters: the network has no parameter 'haed.weight'; did you mean 'head.weight'? "
                + "(it has: fc1.weight, head.weight, head.bias)")
        #expect(
            sentence([("a", "head.*"), ("b", "*.bias")])
                == "parametrizations.b.parameters: 'head.bias' has the parametrization 'a' already")
        #expect(
            sentence([("two", "head.bias")], isWrong: true)
                == "parametrizations.two: makes [1, 3] of 'head.bias', which is [3]")
    }

    /// A weight that depends on the batch is none that probes could be given.
    @Test func aWeightMadeOfTheBatchIsRefused() throws {
        final class Dynamic: Model {
            func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
                guard let x = batch["x"]?.node else { throw Undefined("no_x") }
                let w = try graph.parameter(
                    "w", role: .weight, shape: [3, 5], initializer: Initializer(scheme: .constant))
                let mean = try graph.apply(named: "mean", [x], attributes: ["axis": 0])
                let weight = try graph.apply(named: "mul", [w, mean])
                let output = try graph.apply(named: "matmul", [x, weight], attributes: ["transpose_b": 1])
                try graph.layer("fc", input: x, weight: weight, bias: nil, output: output)
                return ["output": output]
            }
        }
        let network = network([], model: Dynamic())
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        let error = #expect(throws: GraphError.self) { try Observer(network, store: store, tables: [:]) }
        #expect(error?.message == "layer fc: its weight depends on the batch, so it cannot be observed")
    }
}
