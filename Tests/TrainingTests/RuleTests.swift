import Engine
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// Learning rules in the place of a layer's derivative.
@Suite struct RuleTests {
    /// Carries errors back by a constant times the weight, or by what `make` says.
    private final class Made: LearningRule {
        let states: [String]
        let make: (Layer, Node, Node, [String: Node], Graph) throws -> RulePart

        init(states: [String] = [], _ make: @escaping (Layer, Node, Node, [String: Node], Graph) throws -> RulePart) {
            (self.states, self.make) = (states, make)
        }

        func start(_ state: String, of block: ParameterBlock, initial: [Double]?) -> [Double] {
            (initial ?? []).map { 2 * $0 }
        }

        func part(
            of layer: Layer, outputGrad: Node, headGrad: Node, states: [String: Node], in graph: Graph
        ) throws -> RulePart { try make(layer, outputGrad, headGrad, states, graph) }
    }

    private func plan(_ rule: LayerRule?, precision: Precision = .f64) -> TrainingPlan {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        return TrainingPlan(
            network: Network(
                model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields,
                rule: rule),
            dataset: dataset, optimizer: PlainDescent(lr: 0.05), steps: 6, batchSize: 7, precision: precision, seed: 5
        )
    }

    private func trained(_ plan: TrainingPlan) throws -> [Double] {
        let session = try Session(plan)
        #expect(try session.run(observed: { _ in }, progress: { _ in true }) == .finished)
        return session.store.copyFlat()
    }

    /// The weight itself, by each way of saying it, is backpropagation.
    @Test func theWeightItselfIsBackpropagation() throws {
        let expected = try trained(plan(nil))
        let rules = [
            Made { _, _, _, _, _ in RulePart() },
            Made { layer, _, _, _, _ in RulePart(backwardWeight: layer.weight) },
            Made { layer, delta, _, _, graph in
                RulePart(
                    inputGrad: try graph.apply(named: "matmul", [delta, layer.weight]),
                    weightGrad: try graph.apply(
                        named: "matmul", [delta, layer.input], attributes: ["transpose_a": 1]))
            },
        ]
        for rule in rules { #expect(try trained(plan(LayerRule(rule: rule))) == expected) }
    }

    /// On the head alone, twice the weight doubles the gradient of what lies before it, and nothing else.
    @Test func onALayer() throws {
        let rule = Made { layer, _, _, _, graph in
            RulePart(backwardWeight: try graph.apply(named: "mul", [layer.weight, graph.constant(2)]))
        }
        func gradients(_ rule: LayerRule?) throws -> [[Double]] {
            var plan = plan(rule)
            plan.steps = 1
            let session = try Session(plan)
            _ = try session.run(observed: { _ in }, progress: { _ in true })
            return session.store.trainedBlocks.map(session.store.copyGradient(block:))
        }
        let usual = try gradients(nil), ruled = try gradients(LayerRule(rule: rule, layers: ["head"]))
        #expect(zip(ruled[0], usual[0]).allSatisfy { abs($0 - 2 * $1) <= 1e-14 })
        #expect(ruled[1...] == usual[1...])
        #expect(throws: UnknownLayer.self) { try Session(plan(LayerRule(rule: rule, layers: ["haed"]))) }
    }

    /// Errors of the output go straight to the layer before, through a state that the host keeps, and moves.
    @Test func statesAreTheHosts() throws {
        let rule = Made(states: ["b"]) { layer, delta, head, states, graph in
            guard layer.name == "head", let b = states["b"] else { return RulePart() }
            #expect(delta == head)
            return RulePart(
                inputGrad: try graph.apply(named: "matmul", [head, b]),
                states: ["b": try graph.apply(named: "mul", [b, graph.constant(0.5)])])
        }
        let session = try Session(plan(LayerRule(rule: rule)))
        let names = session.store.blocks.map(\.name)
        #expect(names == ["fc1.weight", "head.weight", "head.bias", "rule.fc1.b", "rule.head.b"])
        let first = session.store.copy(block: 1)
        #expect(session.store.copy(block: 4) == first.map { 2 * $0 })
        _ = try session.run(observed: { _ in }, progress: { _ in true })
        #expect(session.store.copy(block: 4) == first.map { $0 / 32 })
        #expect(session.checkpoint.contains { $0.name == "parameter/rule.head.b" })
        // A resumed run goes on to the same bits.
        let plan = plan(LayerRule(rule: rule)), half = try Session(plan)
        for _ in 0..<3 { try half.advance() }
        let rest = try Session(plan)
        for (mine, other) in zip(rest.checkpoint, half.checkpoint) {
            mine.values.copyMemory(from: other.values, byteCount: 8 * mine.shape.reduce(1, *))
        }
        rest.resume(at: 3)
        for _ in 0..<3 { try rest.advance() }
        #expect(rest.store.copyFlat() == session.store.copyFlat())
    }

    /// Runs that train together each have a rule's states of their own.
    @Test func together() throws {
        let rule = Made(states: ["b"]) { _, _, _, states, _ in RulePart(backwardWeight: states["b"]) }
        var plans = [plan(LayerRule(rule: rule)), plan(LayerRule(rule: rule))]
        plans[1].seed = 8
        let session = try ReplicaSession(plans)
        _ = try session.run(observed: { _, _ in }, progress: { _ in true })
        for (run, plan) in plans.enumerated() {
            let alone = try trained(plan)
            #expect(zip(session.stores[run].copyFlat(), alone).allSatisfy { abs($0 - $1) <= 1e-13 })
        }
    }

    /// What probes see is the loss's own gradient.
    @Test func derivativesStayThemselves() throws {
        let rule = Made { _, _, _, _, graph in RulePart(backwardWeight: nil) }
        let other = Made { layer, _, _, _, graph in
            RulePart(backwardWeight: try graph.apply(named: "neg", [layer.weight]))
        }
        func seen(_ rule: any LearningRule) throws -> [Double] {
            let session = try Session(plan(LayerRule(rule: rule)))
            let derivatives = session.observer.derivatives(at: session.store, split: "train")
            return try [Double](unsafeUninitializedCapacity: 35) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                try derivatives.evaluate(.gradient, at: nil, rows: .own, along: nil, into: base)
                count = 35
            }
        }
        #expect(try seen(rule) == seen(other))
    }

    /// A convolution carries errors back by other kernels of the same shape.
    @Test func throughAConvolution() throws {
        let graph = Graph(isTraining: true)
        let x = graph.input("x", shape: [2, 6, 5, 3])
        let w = try graph.parameter(
            "w", role: .weight, shape: [4, 3, 3, 3], initializer: Initializer(scheme: .normal, scale: 1))
        let b = graph.input("b", shape: [4, 3, 3, 3])
        let y = try graph.apply(named: "conv2d", [x, w])
        try graph.layer("conv", input: x, weight: w, bias: nil, output: y)
        let layer = graph.layers[0]
        let c = graph.input("c", shape: graph.shape(of: y))
        let (byB, weightGrad) = try graph.pullback(through: layer, cotangent: c, backwardWeight: b)
        let other = try graph.apply(named: "conv2d", [x, b])
        let expected = try graph.vjp(of: other, cotangent: c, withRespectTo: [x])[0]
        let own = try graph.vjp(of: y, cotangent: c, withRespectTo: [w])[0]
        #expect(byB == expected && weightGrad == own)
    }
}
