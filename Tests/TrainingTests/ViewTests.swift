import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// x, x2 `[5]`, w `[2]`, y `[3]`: normal.
private final class Pairs: Dataset {
    let fields = [
        Field(name: "x", shape: [5]), Field(name: "x2", shape: [5]), Field(name: "w", shape: [2]),
        Field(name: "y", shape: [3]),
    ]
    let splits = ["train"]
    func rows(in split: String) -> Int { 11 }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        for (field, buffer) in zip(fields, buffers) {
            Stream(seed: 1, name: field.name).normal(from: range.lowerBound * field.elements, into: buffer)
        }
    }
}

/// ½ |a − b|² of two named activations, for each sample.
private final class Apart: Loss {
    let views: [String]
    private let names: (String, String)
    init(_ a: String, _ b: String, views: [String]) { (names, self.views) = ((a, b), views) }

    func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
        guard let a = outputs[names.0], let b = outputs[names.1] else { throw Undefined("no_such_name") }
        let square = try graph.apply(named: "square", [try graph.apply(named: "sub", [a, b])])
        let half = try graph.apply(named: "mul", [square, graph.constant(0.5)])
        return try graph.apply(named: "sum", [half], attributes: ["axis": -1])
    }
}

/// The outputs of another model, whose graph has the fields of the batch.
private final class Twice: Model {
    private let net = TanhNet(inputs: 5, width: 4, outputs: 3)
    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        var other = batch
        other["x"] = batch["x2"]
        let first = try net.build(in: graph, batch: batch)
        let second = try graph.repeating { try net.build(in: graph, batch: other) }
        guard let a = first["output"], let b = second.result["output"] else { throw Undefined("no_output") }
        return ["output": try graph.apply(named: "sub", [a, b])]
    }
}

/// Doubles a parameter: w = u + u.
private final class Doubled: Parametrization {
    func build(_ parameter: ParameterBlock, in graph: Graph) throws -> Node {
        let u = try graph.parameter(
            parameter.name + ".u", role: .weight, shape: parameter.shape, initializer: Initializer(scheme: .normal))
        return try graph.apply(named: "add", [u, u])
    }
    func start(_ parameter: ParameterBlock, initial: [Double]) -> [[Double]] { [initial.map { $0 / 2 }] }
}

private func plan(
    _ loss: any Loss, model: any Model = TanhNet(inputs: 5, width: 4, outputs: 3), made: Bool = false, steps: Int = 7
) -> TrainingPlan {
    let dataset = Pairs()
    return TrainingPlan(
        network: Network(
            model: model, loss: loss, fields: dataset.fields,
            parametrizations: made
                ? [
                    ParametrizationRule(
                        key: "doubled", parameters: ParameterPattern(names: ["*.weight"]), parametrization: Doubled())
                ] : []),
        dataset: dataset, optimizer: PlainDescent(lr: 0.05), steps: steps, batchSize: 4, precision: .f64, seed: 5)
}

/// Sizes of all values after the steps.
private func trained(_ plan: TrainingPlan) throws -> [[Double]] {
    let session = try Session(plan)
    for _ in 0..<plan.steps { try session.advance() }
    return session.store.blocks.indices.map { session.store.copy(block: $0) }
}

private func sentence(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}

@Suite struct ViewTests {
    /// The same as a model that does it itself, with half its squared output as loss.
    @Test func viewsShareTheParameters() throws {
        let viewed = Apart("output", "output@x2", views: ["x2"])
        let built = try plan(viewed).network.build(rows: 2)
        #expect(built.graph.blocks.map(\.name) == ["fc1.weight", "head.weight", "head.bias"])
        #expect(built.graph.layers.map(\.name) == ["fc1", "head"])

        final class Half: Loss {
            func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
                let square = try graph.apply(named: "square", [outputs["output"] ?? graph.constant(0)])
                let half = try graph.apply(named: "mul", [square, graph.constant(0.5)])
                return try graph.apply(named: "sum", [half], attributes: ["axis": -1])
            }
        }
        let found = try trained(plan(viewed)), expected = try trained(plan(Half(), model: Twice()))
        #expect(found == expected)
        #expect(found[0] != values(try Session(plan(viewed)))[0])
    }

    private func values(_ session: Session) -> [[Double]] {
        session.store.blocks.indices.map { session.store.copy(block: $0) }
    }

    /// Gradient by central differences, of activations of both views.
    @Test(arguments: [("fc1.output", "fc1.output@x2"), ("output", "output@x2"), ("head.input@x2", "fc1.output")])
    func gradientsOfActivations(a: String, b: String) throws {
        let built = try plan(Apart(a, b, views: ["x2"])).network.build(rows: 3)
        let graph = built.graph, loss = try built.meanLoss()
        let gradient = try graph.gradient(of: loss, withRespectTo: [built.parameters[0]])[0]
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        try built.initialize(store, seed: 3)
        let program = try Program(graph, outputs: [loss, gradient], precision: .f64, parameters: store)
        for (index, field) in built.batch.keys.sorted().enumerated() where program.inputBuffer(field) != nil {
            let count = 3 * (built.batch[field]?.field.elements ?? 0)
            program.setInput(field, (0..<count).map { Double(($0 * 7 + 3 * index) % 11 - 5) / 6 })
        }
        program.run()
        let exact = program.copy(gradient), first = store.copy(block: 0)
        #expect(exact.contains { abs($0) > 1e-2 })
        for i in [0, 7, 19] {
            let slopes = [1e-6, -1e-6].map { h -> Double in
                var moved = first
                moved[i] += h
                store.set(block: 0, moved)
                program.run()
                return program.scalar(loss)
            }
            #expect(abs((slopes[0] - slopes[1]) / 2e-6 - exact[i]) < 1e-8)
        }
    }

    /// A separable loss of two views has samples' losses and gradients, whose mean is the gradient.
    @Test func observersCope() throws {
        let session = try Session(plan(Apart("output", "output@x2", views: ["x2"])))
        var found: [String: [Double]] = [:]
        try session.observer.quantities(
            ["sample.loss", "layer.output_grad", "parameter.grad"], split: "train", samples: nil, store: session.store
        ) { key, quantity in
            guard case .real(let data) = quantity.data else { return }
            found[key] = Array(UnsafeBufferPointer(start: data, count: quantity.shape.reduce(1, *)))
        }
        #expect(found["sample.loss"]?.count == 11 && found["head/layer.output_grad"]?.count == 33)
        // The layer's output in the first view is f(x): its gradient is f(x) − f(x2), of half squares.
        let grads = found["head/layer.output_grad"] ?? []
        try #require(grads.count == 33)
        for (row, loss) in (found["sample.loss"] ?? []).enumerated() {
            var half = 0.0
            for k in 0..<3 { half += 0.5 * grads[row * 3 + k] * grads[row * 3 + k] }
            #expect(abs(half - loss) < 1e-14)
        }
        #expect(found["fc1.weight/parameter.grad"]?.contains { abs($0) > 1e-3 } == true)
    }

    @Test func parametrizationsAreMadeOnce() throws {
        let viewed = Apart("output", "output@x2", views: ["x2"])
        let made = try Session(plan(viewed, made: true)), plain = try Session(plan(viewed))
        #expect(made.store.blocks.map(\.name) == ["fc1.weight.u", "head.weight.u", "head.bias"])
        try made.advance()
        try plain.advance()
        #expect(abs(made.batchLoss - plain.batchLoss) < 1e-15 && made.batchLoss > 0.01)
        // w = 2 u: ∂L/∂u = 2 ∂L/∂w.
        let pairs = zip(made.store.copyGradient(block: 0), plain.store.copyGradient(block: 0))
        #expect(pairs.allSatisfy { abs($0 - 2 * $1) < 1e-14 })
    }

    /// Running statistics follow the first view; the batch is normalized in each view by itself.
    @Test func statisticsFollowTheFirstView() throws {
        let loader = ShippedPlugins.loader()
        let model = try loader.model(
            Choice(component: "mlp", options: ["widths": .array([.int(4)]), "norm": "batch"]))
        let viewed = plan(Apart("output", "output@x2", views: ["x2"]), model: model)
        let alone = plan(Apart("output", "head.output", views: []), model: model)
        let (one, two) = (
            try viewed.network.build(rows: 4, isTraining: true), try alone.network.build(rows: 4, isTraining: true)
        )
        #expect(one.graph.assignments.count == 2 && two.graph.assignments.count == 2)
        let (a, b) = (try Session(viewed), try Session(alone))
        try a.advance()
        try b.advance()
        for (block, name) in a.store.blocks.map(\.name).enumerated() where a.store.blocks[block].role == .statistic {
            #expect(a.store.copy(block: block) == b.store.copy(block: block), "\(name)")
        }
    }

    @Test func mistakesAreSaid() {
        func built(_ views: [String]) -> String {
            sentence { _ = try plan(Apart("output", "output", views: views)).network.build(rows: 2) }
        }
        #expect(
            built(["x3"])
                == "the loss wants the model applied to 'x3' in place of 'x'; the dataset has no field 'x3'; "
                + "did you mean 'x'? (it has: x, x2, w, y)")
        #expect(
            built(["w"])
                == "the loss wants the model applied to 'w' in place of 'x'; rows of 'w' have the shape [2], rows of 'x' [5]"
        )
    }

    /// Names that a plugin's loss asks for are the model's.
    @Test func unknownActivationsAreNamed() throws {
        let loader = ShippedPlugins.loader()
        func message(_ name: String) throws -> String {
            let loss = try loader.loss(
                Choice(component: "activity", options: ["activation": .string(name), "base": "squared_error"]))
            let network = plan(loss).network
            return sentence { _ = try network.build(rows: 2).anyLoss() }
        }
        #expect(
            try message("fc1.outptu")
                == "plugin syzygy.activity/activity: the model has no activation 'fc1.outptu'; did you mean 'fc1.output'? "
                + "(it has: fc1.input, fc1.output, head.input, head.output, output)")
        #expect(try message("fc1.output") == "no error")
        // A field of the batch is no activation.
        #expect(try message("x").contains("the model has no activation 'x'"))
    }
}
