import Engine
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// x → W₁ → batch norm → tanh → dropout → W₂: another computation in training than in an evaluation.
private final class NormNet: Model {
    static let (inputs, width, outputs) = (5, 4, 3)
    private let rate: Double
    /// Declares the statistics in training only.
    private let isInconsistent: Bool

    init(rate: Double = 0.25, isInconsistent: Bool = false) {
        (self.rate, self.isInconsistent) = (rate, isInconsistent)
    }

    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        let x = try #require(batch["x"]?.node)
        func parameter(_ name: String, _ role: ParameterRole, _ shape: [Int], _ value: Double? = nil) throws -> Node {
            let initializer = Initializer(scheme: value == nil ? .torch_linear : .constant, scale: value ?? 1)
            return try graph.parameter(name, role: role, shape: shape, initializer: initializer)
        }
        let w1 = try parameter("fc1.weight", .weight, [Self.width, Self.inputs])
        let h = try graph.apply(named: "matmul", [x, w1], attributes: ["transpose_b": 1])
        try graph.layer("fc1", input: x, weight: w1, bias: nil, output: h)
        var normal = h
        if graph.isTraining || !isInconsistent {
            let mean = try parameter("norm.mean", .statistic, [Self.width], 0)
            let variance = try parameter("norm.variance", .statistic, [Self.width], 1)
            let scale = try parameter("norm.scale", .scale, [Self.width], 1)
            normal = try graph.apply(named: "batch_norm", [h, mean, variance, scale], attributes: ["momentum": 0.2])
        }
        let a = try graph.dropout(try graph.apply(named: "tanh", [normal]), rate: rate, stream: "drop")
        let w2 = try parameter("head.weight", .weight, [Self.outputs, Self.width])
        let y = try graph.apply(named: "matmul", [a, w2], attributes: ["transpose_b": 1])
        try graph.layer("head", input: a, weight: w2, bias: nil, output: y)
        return ["output": y]
    }
}

/// w = a + a.
private final class Halves: Parametrization {
    func build(_ parameter: ParameterBlock, in graph: Graph) throws -> Node {
        let a = try graph.parameter(
            parameter.name + "/a", role: parameter.role, shape: parameter.shape, initializer: parameter.initializer)
        return try graph.apply(named: "add", [a, a])
    }

    func start(_ parameter: ParameterBlock, initial: [Double]) -> [[Double]] { [initial.map { $0 / 2 }] }
}

/// The mean loss of all training rows, and what the derivatives of the objective see.
private final class Watcher: Probe {
    let scope = ProbeScope.run
    let needs: [Need] = []
    private(set) var values: [Int: Double] = [:]
    private(set) var gradients: [[Double]] = []

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) throws {
        let derivatives = try #require(quantities.derivatives)
        func value(_ quantity: ObjectiveQuantity) throws -> [Double] {
            var out = [Double](repeating: .nan, count: try derivatives.count(quantity, rows: .own))
            try out.withUnsafeMutableBufferPointer {
                try derivatives.evaluate(
                    quantity, at: nil, rows: .own, along: nil, into: try #require($0.baseAddress))
            }
            return out
        }
        values[step] = try value(.value)[0]
        gradients.append(try value(.gradient))
    }
}

/// Training steps see the training graph, everything else the evaluation.
@Suite struct ModeTests {
    private let dataset = ArrayDataset(rows: 37, inputs: 5, outputs: 3)

    private func plan(
        seed: UInt64 = 3, steps: Int = 6, batch: Int? = 7, lr: Double = 0.1, watcher: Watcher? = nil,
        model: NormNet = NormNet(), optimizer: (any Optimizer)? = nil, precision: Precision = .f64
    ) -> TrainingPlan {
        let network = Network(model: model, loss: HalfSquares(), fields: dataset.fields)
        let probes = watcher.map { [ScheduledProbe(key: "watch", probe: $0, steps: Set(0...steps), samples: 37)] }
        return TrainingPlan(
            network: network, dataset: dataset, optimizer: optimizer ?? PlainDescent(lr: lr), probes: probes ?? [],
            steps: steps, batchSize: batch, precision: precision, seed: seed)
    }

    private func trained(_ plan: TrainingPlan) throws -> Session {
        let session = try Session(plan)
        #expect(try session.run(observed: { _ in }, progress: { _ in true }) == .finished)
        return session
    }

    private func blocks(_ store: ParameterStore) -> [String: [Double]] {
        Dictionary(uniqueKeysWithValues: store.blocks.enumerated().map { ($1.name, store.copy(block: $0)) })
    }

    /// The whole split in every step and lr 0: the running values are known in closed form.
    @Test(arguments: Precision.allCases)
    func runningValues(_ precision: Precision) throws {
        let (rows, width, inputs) = (37, NormNet.width, NormNet.inputs)
        let session = try trained(plan(steps: 3, batch: nil, lr: 0, precision: precision)),
            values = blocks(session.store)
        let weight = try #require(values["fc1.weight"])
        for unit in 0..<width {
            let h = (0..<rows).map { row in
                (0..<inputs).reduce(0) { $0 + dataset.x[0][row * inputs + $1] * weight[unit * inputs + $1] }
            }
            let mean = h.reduce(0, +) / Double(rows)
            let variance = h.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows - 1)
            let kept = 0.8 * 0.8 * 0.8, tolerance = precision == .f64 ? 1e-13 : 1e-6
            #expect(abs((values["norm.mean"]?[unit] ?? .nan) - (1 - kept) * mean) < tolerance)
            #expect(abs((values["norm.variance"]?[unit] ?? .nan) - (kept + (1 - kept) * variance)) < tolerance)
        }
    }

    /// Observations are made of the evaluation: running statistics, nothing dropped.
    @Test func observationsEvaluate() throws {
        let watcher = Watcher(), plan = plan(watcher: watcher)
        let session = try trained(plan)
        let built = try plan.network.build(rows: 37), graph = built.graph
        #expect(!graph.isTraining && graph.assignments.isEmpty)
        let loss = try graph.apply(named: "mean", [try built.anyLoss()])
        let gradients = try graph.gradient(of: loss, withRespectTo: built.parameters)
        let program = try Program(
            graph, outputs: [loss] + gradients, precision: .f64, parameters: session.store)
        program.setInput("x", dataset.x[0])
        program.setInput("y", dataset.y[0])
        program.run()
        let value = try #require(watcher.values[6])
        #expect(abs(value - program.scalar(loss)) < 1e-13 * value)
        // Of what is trained, in the order of the blocks: no statistics.
        let seen = try #require(watcher.gradients.last), expected = gradients.flatMap(program.copy)
        #expect(graph.trainedBlocks.map(\.name) == ["fc1.weight", "norm.scale", "head.weight"])
        #expect(seen.count == expected.count && zip(seen, expected).allSatisfy { abs($0 - $1) < 1e-12 })
        // The step before saw other numbers: its batch, its mask.
        let training = try plan.network.build(rows: 37, isTraining: true)
        #expect(training.graph.isTraining && training.graph.assignments.count == 2)
        #expect(training.graph.blocks == graph.blocks)
        #expect(!training.graph.computesTheSame(as: graph))
    }

    /// Every parameter and statistic after six steps: watched or not, at one go or from a checkpoint.
    @Test(arguments: Precision.allCases)
    func observingAndResumingChangeNothing(_ precision: Precision) throws {
        let plain = blocks(try trained(plan(precision: precision)).store)
        #expect(blocks(try trained(plan(watcher: Watcher(), precision: precision)).store) == plain)
        let first = try trained(plan(steps: 3, precision: precision))
        let second = try Session(plan(precision: precision))
        #expect(first.checkpoint.map(\.name) == second.checkpoint.map(\.name))
        #expect(first.checkpoint.contains { $0.name == "parameter/norm.mean" })
        for (source, target) in zip(first.checkpoint, second.checkpoint) {
            target.values.copyMemory(
                from: source.values, byteCount: source.shape.reduce(1, *) * precision.bytes)
        }
        second.resume(at: 3)
        #expect(try second.run(observed: { _ in }, progress: { _ in true }) == .finished)
        #expect(blocks(second.store) == plain)
        #expect(blocks(try trained(plan(seed: 4, precision: precision)).store) != plain)
    }

    /// Masks come from each run's own seed, statistics are each run's own.
    @Test(arguments: [7, nil])
    func replicasEqualRunsAlone(_ batch: Int?) throws {
        let seeds: [UInt64] = [3, 4, 9]
        let session = try ReplicaSession(seeds.map { plan(seed: $0, batch: batch) })
        #expect(try session.run(observed: { _, _ in }, progress: { _ in true }) == [.finished, .finished, .finished])
        for (store, seed) in zip(session.stores, seeds) {
            let alone = blocks(try trained(plan(seed: seed, batch: batch)).store)
            for (name, values) in blocks(store) {
                #expect(
                    zip(values, alone[name] ?? []).allSatisfy { abs($0 - $1) < 1e-12 * max(1, abs($1)) },
                    "\(name) of seed \(seed)")
            }
        }
        let plans = [plan(), plan(model: NormNet(rate: 0.5)), plan(seed: 5)]
        #expect(try ReplicaSession.groups(plans, from: [nil, nil, nil]) == [[0, 2], [1]])
    }

    /// Without dropout two seeds with equal first values would train alike: the masks differ by seed and by step.
    @Test func masksDependOnSeedAndStep() throws {
        func losses(_ seed: UInt64, rate: Double) throws -> [Double] {
            let session = try Session(plan(seed: seed, batch: nil, lr: 0, model: NormNet(rate: rate)))
            let first = try Session(plan(seed: 3, batch: nil, lr: 0))
            session.store.copyValues(from: first.store)
            var losses: [Double] = []
            _ = try session.run(observed: { _ in }) {
                if $0.step > 0 { losses.append($0.batchLoss) }
                return true
            }
            return losses
        }
        #expect(Set(try losses(3, rate: 0) + losses(8, rate: 0)).count == 1)
        #expect(Set(try losses(3, rate: 0.25) + losses(8, rate: 0.25)).count == 12)
    }

    /// Optimizers keep no state of statistics and do not decay them.
    @Test func statisticsAreNotOptimized() throws {
        let adam = try ShippedPlugins.loader(seed: 3).optimizer(
            Choice(component: "adamw", options: ["lr": .double(0.1), "weight_decay": .double(0.5)]))
        let session = try trained(plan(steps: 1, optimizer: adam))
        let names = session.checkpoint.map(\.name).filter { $0.contains("norm") }
        #expect(names.filter { !$0.hasPrefix("parameter/") }.allSatisfy { $0.hasSuffix("norm.scale") })
        #expect(names.filter { $0.hasPrefix("parameter/") }.count == 3)
        let plain = blocks(try trained(plan(steps: 1)).store), decayed = blocks(session.store)
        #expect(decayed["norm.mean"] == plain["norm.mean"] && decayed["norm.scale"] != plain["norm.scale"])
    }

    /// A pattern of all parameters leaves statistics alone.
    @Test func statisticsAreNotParametrized() throws {
        let rule = ParametrizationRule(key: "all", parameters: ParameterPattern(), parametrization: Halves())
        let network = Network(model: NormNet(), loss: HalfSquares(), fields: dataset.fields, parametrizations: [rule])
        for isTraining in [true, false] {
            let built = try network.build(rows: 7, isTraining: isTraining)
            #expect(
                built.graph.blocks.map(\.name) == [
                    "fc1.weight/a", "norm.mean", "norm.variance", "norm.scale/a", "head.weight/a",
                ])
            #expect(built.graph.assignments.count == (isTraining ? 2 : 0))
        }
    }

    @Test func bothModesHaveTheSameParameters() {
        #expect(
            performing: {
                _ = try Session(plan(model: NormNet(isInconsistent: true)))
            },
            throws: { error in
                "\(error)".hasPrefix(
                    "the model declares other parameters in an evaluation than in training: [\"fc1.weight\"")
            })
    }
}
