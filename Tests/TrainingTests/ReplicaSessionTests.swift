import Engine
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// Runs that train together against the same runs alone.
@Suite struct ReplicaSessionTests {
    private struct Case {
        var seed: UInt64
        var lr = 0.1
        var optimizer = "sgd"
        var options: [String: JSON] = ["momentum": .double(0.9), "weight_decay": .double(1e-3)]
    }

    private let dataset = ArrayDataset(rows: 37, inputs: 5, outputs: 3)

    private func plan(
        _ run: Case, batch: Int? = 7, steps: Int = 25, precision: Precision = .f64, decay: Double? = nil
    ) throws -> TrainingPlan {
        let loader = ShippedPlugins.loader(seed: run.seed)
        var options = run.optimizer == "sgd" ? run.options : [:]
        options["lr"] = .double(run.lr)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        var regularizers: [RegularizerTerm] = []
        if let decay {
            let choice = Choice(component: "l2", options: ["weight_decay": .double(decay)])
            regularizers = [RegularizerTerm(key: "l2", regularizer: try loader.regularizer(choice))]
        }
        let probe = try loader.probe(Choice(component: "performance"))
        return TrainingPlan(
            network: network, dataset: dataset, regularizers: regularizers,
            optimizer: try loader.optimizer(Choice(component: run.optimizer, options: options)),
            probes: [ScheduledProbe(key: "fit", probe: probe, steps: [0, 10, 25])], steps: steps, batchSize: batch,
            precision: precision, seed: run.seed)
    }

    private struct Result {
        var outcome: Outcome
        var observations: [Observation] = []
        var tensors: [String: [Double]] = [:]
    }

    private func values(
        _ tensors: [(name: String, shape: [Int], values: UnsafeMutableRawPointer)], _ precision: Precision
    ) -> [String: [Double]] {
        var result: [String: [Double]] = [:]
        for tensor in tensors {
            result[tensor.name] = (0..<tensor.shape.reduce(1, *)).map {
                precision == .f64
                    ? tensor.values.load(fromByteOffset: 8 * $0, as: Double.self)
                    : Double(tensor.values.load(fromByteOffset: 4 * $0, as: Float.self))
            }
        }
        return result
    }

    private func alone(_ plan: TrainingPlan) throws -> Result {
        let session = try Session(plan)
        var observations: [Observation] = []
        let outcome = try session.run(observed: { observations.append($0) }, progress: { _ in true })
        return Result(
            outcome: outcome, observations: observations, tensors: values(session.checkpoint, plan.precision))
    }

    private func together(_ plans: [TrainingPlan]) throws -> [Result] {
        let session = try ReplicaSession(plans)
        var observations = [[Observation]](repeating: [], count: plans.count)
        let outcomes = try session.run(observed: { observations[$0].append($1) }, progress: { _ in true })
        return plans.indices.map { run in
            Result(
                outcome: outcomes[run], observations: observations[run],
                tensors: values(session.checkpoint(of: run), plans[run].precision))
        }
    }

    private func expectEqual(_ a: Result, _ b: Result, _ tolerance: Double, _ what: String) {
        #expect(a.outcome == b.outcome, "\(what)")
        #expect(Set(a.tensors.keys) == Set(b.tensors.keys) && !a.tensors.isEmpty)
        for (name, values) in b.tensors {
            let scale = max(values.map(abs).max() ?? 0, 1e-3)
            let error = zip(values, a.tensors[name] ?? []).map { abs($0 - $1) }.max() ?? .infinity
            #expect(error <= tolerance * scale, "\(what): \(name) differs by \(error)")
        }
        #expect(a.observations.map(\.output) == b.observations.map(\.output))
        for (x, y) in zip(a.observations, b.observations) {
            let both =
                x.value == y.value
                || abs(x.value.number - y.value.number) <= 10 * tolerance * max(1, abs(y.value.number))
            #expect(both && x.step == y.step, "\(what): \(x), \(y)")
        }
    }

    private static let cases = [
        Case(seed: 3), Case(seed: 4), Case(seed: 5, lr: 0.03), Case(seed: 6, lr: 0.03), Case(seed: 7, lr: 0.2),
    ]

    @Test(arguments: [7, nil]) func resultsAreThoseOfRunsAlone(batch: Int?) throws {
        for decay in [nil, 0.01] {
            let results = try together(Self.cases.map { try plan($0, batch: batch, decay: decay) })
            for (run, result) in zip(Self.cases, results) {
                let own = try alone(try plan(run, batch: batch, decay: decay))
                #expect(own.outcome == .finished && own.observations.count >= 6)
                expectEqual(result, own, 1e-11, "seed \(run.seed)")
            }
        }
    }

    @Test func singlePrecision() throws {
        let results = try together(Self.cases.map { try plan($0, precision: .f32) })
        for (run, result) in zip(Self.cases, results) {
            expectEqual(result, try alone(try plan(run, precision: .f32)), 2e-5, "seed \(run.seed)")
        }
    }

    /// Optimizers with random state, or of several components, have an attachment for each run.
    @Test func optimizersOfTheirOwn() throws {
        for optimizer in ["syre", "adam"] {
            let cases = [1, 2, 3].map { Case(seed: $0, lr: 0.01, optimizer: optimizer) }
            let results = try together(cases.map { try plan($0) })
            for (run, result) in zip(cases, results) {
                expectEqual(result, try alone(try plan(run)), 1e-10, "\(optimizer), seed \(run.seed)")
            }
            #expect(results[0].tensors != results[1].tensors)
        }
    }

    /// Groups with options, schedules and components of their own, one frozen, and a regularizer of some parameters.
    @Test func groupsAndSchedules() throws {
        func grouped(_ run: Case) throws -> TrainingPlan {
            let loader = ShippedPlugins.loader(seed: run.seed, steps: 25)
            let cosine = Choice(component: "cosine", options: ["warmup": .int(4)])
            let sgd = Choice(component: "sgd", options: ["lr": .double(run.lr)], schedules: ["lr": cosine])
            var plan = try plan(run, decay: 0.02)
            plan.optimizer = try loader.optimizer(sgd)
            plan.regularizers[0].parameters = ParameterPattern(names: ["head.*"])
            plan.groups = [
                ParameterGroup(
                    key: "biases", parameters: ParameterPattern(roles: [.bias]),
                    optimizer: try loader.optimizer(Choice(component: "adam", options: ["lr": .double(run.lr / 9)]))),
                ParameterGroup(key: "stem", parameters: ParameterPattern(names: ["fc1.*"]), optimizer: nil),
            ]
            return plan
        }
        let results = try together(Self.cases.map(grouped))
        for (run, result) in zip(Self.cases, results) {
            let own = try alone(try grouped(run))
            expectEqual(result, own, 1e-11, "seed \(run.seed)")
            #expect(
                own.tensors["optimizer/m/head.bias"] != nil && own.tensors["optimizer/velocity/fc1.weight"] == nil)
        }
    }

    /// The bits of a run depend neither on how many train with it nor on which; a run that diverges disturbs none and ends as it
    /// would alone.
    @Test func runsDoNotDisturbEachOther() throws {
        let few = try together(Self.cases[1..<4].map { try plan($0) })
        let all = try together(Self.cases.map { try plan($0) })
        for i in 0..<3 {
            #expect(few[i].tensors == all[i + 1].tensors && few[i].observations == all[i + 1].observations)
        }
        var wild = Self.cases
        wild[2].lr = 1e60
        wild[0].lr = 1e200
        let mixed = try together(wild.map { try plan($0) })
        for i in [1, 3, 4] { #expect(mixed[i].tensors == all[i].tensors && mixed[i].outcome == .finished) }
        for i in [0, 2] {
            let own = try alone(try plan(wild[i]))
            guard case .diverged(let step, let what) = mixed[i].outcome else {
                Issue.record("seed \(wild[i].seed) did not diverge: \(mixed[i].outcome)")
                continue
            }
            #expect(own.outcome == .diverged(step: step, what: what) && step > 1 && step < 25)
            #expect(mixed[i].observations.count == own.observations.count)
            // What it left when it ended, not what became of it since.
            let same = own.tensors.allSatisfy { name, values in
                zip(values, mixed[i].tensors[name] ?? []).allSatisfy {
                    $0.isNaN == $1.isNaN && $0.isInfinite == $1.isInfinite
                }
            }
            #expect(same)
        }
        // All of them: the group ends early.
        for i in wild.indices { wild[i].lr = 1e200 }
        let session = try ReplicaSession(wild.map { try plan($0) })
        _ = try session.run(observed: { _, _ in }, progress: { _ in true })
        #expect(session.step < 25)
    }

    @Test func onlyOneComputationTrainsTogether() throws {
        var plans = try Self.cases.map { try plan($0) }
        plans[1].network = Network(
            model: TanhNet(inputs: 5, width: 6, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        #expect(try ReplicaSession.groups(plans, from: plans.map { _ in nil }) == [[0, 2, 3, 4], [1]])
        // Trained alike, but observed otherwise.
        for (index, temperature) in [(0, 2.0), (1, 2), (3, 3)] {
            plans[index].network = Network(
                model: Tempered(temperature), loss: HalfSquares(), fields: dataset.fields)
        }
        #expect(try ReplicaSession.groups(plans, from: plans.map { _ in nil }) == [[0, 1], [2, 4], [3]])
    }

    /// Outputs that an evaluation multiplies by a number.
    private final class Tempered: Model {
        private let net = TanhNet(inputs: 5, width: 4, outputs: 3)
        private let temperature: Double
        init(_ temperature: Double) { self.temperature = temperature }

        func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
            var outputs = try net.build(in: graph, batch: batch)
            if !graph.isTraining, let output = outputs["output"] {
                outputs["output"] = try graph.apply(named: "mul", [output, graph.constant(temperature)])
            }
            return outputs
        }
    }

    @Test func stopping() throws {
        let session = try ReplicaSession(Self.cases.map { try plan($0) })
        let outcomes = try session.run(observed: { _, _ in }, progress: { $0.step < 4 })
        #expect(outcomes == [Outcome](repeating: .stopped(step: 4), count: 5))
    }
}
