import Engine
import LinearAlgebra
import Observing
import PluginTesting
import Protocols
import Testing
import Training

private func plan(steps: Int, batch: Int?, lr: Double = 0.05, precision: Precision = .f64, seed: UInt64 = 5)
    -> TrainingPlan
{
    let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
    return TrainingPlan(
        network: Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields),
        dataset: dataset, optimizer: PlainDescent(lr: lr), steps: steps, batchSize: batch, precision: precision,
        seed: seed)
}

private func trained(_ plan: TrainingPlan) throws -> (Session, Outcome) {
    let session = try Session(plan)
    let outcome = try session.run(observed: { _ in }, progress: { _ in true })
    return (session, outcome)
}

/// A tanh network whose parameter `clock` grows by 0.01 in each step, and one quantity of which is NaN as soon as it has done so
/// `last` times: √(limit − clock) is added to it, made tiny; at `gradient`, √max(limit − clock, 0), which has no slope at 0.
private final class Bursting: Model, Loss {
    static let lr = 0.01
    private let place: String
    private let limit: Double
    private let hasPeak: Bool
    private let mostBuilds: Int
    private var builds = 0

    /// - Parameters:
    ///   - hasPeak: with a statistic that is infinite after the first step.
    ///   - mostBuilds: training steps that can be built.
    init(at place: String, after last: Int, hasPeak: Bool = false, mostBuilds: Int = .max) {
        (self.place, limit) = (place, Bursting.lr * (Double(last) - 0.5))
        (self.hasPeak, self.mostBuilds) = (hasPeak, mostBuilds)
    }

    private func burst(_ x: Node, at here: String, _ clock: Node, _ graph: Graph) throws -> Node {
        guard here == place || here == "loss" && place == "gradient" else { return x }
        var left = try graph.apply(named: "sub", [graph.constant(limit), clock])
        if place == "gradient" { left = try graph.apply(named: "maximum", [left, graph.constant(0)]) }
        let tiny = try graph.apply(named: "mul", [try graph.apply(named: "sqrt", [left]), graph.constant(1e-200)])
        return try graph.apply(named: "add", [x, tiny])
    }

    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        guard let x = batch["x"]?.node else { throw Undefined("no_x") }
        if graph.isTraining { builds += 1 }
        guard builds <= mostBuilds else { throw Undefined("no_more") }
        let initializer = Initializer(scheme: .torch_linear)
        let w1 = try graph.parameter("fc1.weight", role: .weight, shape: [4, 5], initializer: initializer)
        let w2 = try graph.parameter("head.weight", role: .weight, shape: [3, 4], initializer: initializer)
        let clock = try graph.parameter(
            "clock", role: .other, shape: [], initializer: Initializer(scheme: .constant, scale: 0))
        let h1 = try burst(
            graph.apply(named: "matmul", [x, w1], attributes: ["transpose_b": 1]), at: "fc1", clock, graph)
        try graph.layer("fc1", input: x, weight: w1, bias: nil, output: h1)
        let a1 = try graph.apply(named: "tanh", [h1])
        let h2 = try burst(
            graph.apply(named: "matmul", [a1, w2], attributes: ["transpose_b": 1]), at: "head", clock, graph)
        try graph.layer("head", input: a1, weight: w2, bias: nil, output: h2)
        if hasPeak {
            let peak = try graph.parameter(
                "peak", role: .statistic, shape: [], initializer: Initializer(scheme: .constant, scale: 800))
            if graph.isTraining { try graph.assign(peak, try graph.apply(named: "exp", [peak])) }
        }
        return ["output": h2, "clock": clock]
    }

    func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
        guard let clock = outputs["clock"] else { throw Undefined("no_clock") }
        let loss = try HalfSquares().build(in: graph, outputs: outputs, batch: batch)
        return try burst(graph.apply(named: "sub", [loss, clock]), at: "loss", clock, graph)
    }
}

/// Measures nothing.
private final class TraceProbe: Probe {
    let scope = ProbeScope.layer
    let needs: [Need] = []
    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) {}
}

@Suite struct SessionTests {
    @Test func fullBatchDescentLowersTheLossEveryStep() throws {
        let session = try Session(plan(steps: 40, batch: nil))
        var losses: [Double] = []
        _ = try session.run(observed: { _ in }) {
            losses.append($0.batchLoss); return true
        }
        let seen = losses.dropFirst()
        #expect(seen.count == 40)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 > $1 })
    }

    @Test(arguments: [Precision.f32, .f64]) func sameSeedSameBits(precision: Precision) throws {
        let first = try trained(plan(steps: 30, batch: 7, precision: precision)).0
        let second = try trained(plan(steps: 30, batch: 7, precision: precision)).0
        let other = try trained(plan(steps: 30, batch: 7, precision: precision, seed: 6)).0
        for block in first.store.blocks.indices {
            #expect(first.store.copy(block: block) == second.store.copy(block: block))
            #expect(first.store.copy(block: block) != other.store.copy(block: block))
        }
    }

    @Test func divergenceIsAnOutcome() throws {
        let outcome = try trained(plan(steps: 400, batch: nil, lr: 1e6)).1
        guard case .diverged(let step, let what) = outcome else {
            Issue.record("ended as \(outcome)")
            return
        }
        #expect(step > 1 && step < 400)
        #expect(what.hasPrefix("loss became"))
        #expect(what.contains(" at step \(step); first in "))
    }

    /// Each kind of quantity can be the first, whenever that is: before and after steps that are remembered.
    @Test(arguments: [
        ("fc1", 97, "fc1/layer.output (28 of 28 values)"), ("head", 3, "head/layer.output (21 of 21 values)"),
        ("loss", 250, "sample_loss (7 of 7 values)"),
        ("gradient", 120, "clock/parameter.grad (1 of 1 values) at step 121"),
        ("gradient", 99, "clock/parameter.grad (1 of 1 values) at step 100"),
    ]) func theFirstBadQuantityIsNamed(place: String, last: Int, first: String) throws {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        let network = Network(
            model: Bursting(at: place, after: last), loss: Bursting(at: place, after: last), fields: dataset.fields)
        func plan(_ seed: UInt64, steps: Int = 300) -> TrainingPlan {
            TrainingPlan(
                network: network, dataset: dataset, optimizer: PlainDescent(lr: Bursting.lr), steps: steps,
                batchSize: 7,
                precision: .f64, seed: seed)
        }
        let (session, outcome) = try trained(plan(5))
        let step = place == "gradient" ? last + 2 : last + 1
        let expected = Outcome.diverged(step: step, what: "loss became NaN at step \(step); first in \(first)")
        #expect(outcome == expected)
        // The session is where it was: the last good parameters are those of a run that ends there.
        let good = try trained(plan(5, steps: last)).0
        #expect(
            session.step == step
                && good.store.blocks.indices.allSatisfy { good.store.copy(block: $0).allSatisfy(\.isFinite) })
        #expect(!session.store.copy(block: 2)[0].isFinite)
        // Runs that train together say the same.
        let together = try ReplicaSession([plan(5), plan(8)])
        #expect(try together.run(observed: { _, _ in }, progress: { _ in true }) == [expected, expected])
    }

    private func bursting(_ network: Bursting, steps: Int = 300, optimizer: any Optimizer) -> TrainingPlan {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        return TrainingPlan(
            network: Network(model: network, loss: network, fields: dataset.fields), dataset: dataset,
            optimizer: optimizer, steps: steps, batchSize: 7, precision: .f64, seed: 5)
    }

    /// Training does not depend on a statistic, so it is not what made the loss NaN; at the end it is named.
    @Test func statisticsAreNotTheCause() throws {
        let descent = PlainDescent(lr: Bursting.lr)
        let outcome = try trained(bursting(Bursting(at: "fc1", after: 5, hasPeak: true), optimizer: descent)).1
        #expect(
            outcome
                == .diverged(step: 6, what: "loss became NaN at step 6; first in fc1/layer.output (28 of 28 values)")
        )
        let last = try trained(bursting(Bursting(at: "", after: 5, hasPeak: true), steps: 3, optimizer: descent)).1
        #expect(
            last
                == .diverged(
                    step: 3,
                    what: "parameters became infinite or NaN at step 3; first in peak/parameter.value (1 of 1 values)"
                ))
    }

    /// A step whose quantities cannot be looked at again has diverged all the same.
    @Test func divergenceDoesNotDependOnItsCause() throws {
        let descent = PlainDescent(lr: Bursting.lr)
        let network = Bursting(at: "fc1", after: 5, mostBuilds: 1)
        guard case .diverged(step: 6, let what) = try trained(bursting(network, optimizer: descent)).1 else {
            Issue.record("not diverged at step 6")
            return
        }
        #expect(what == "loss became NaN at step 6; first in fc1.weight/parameter.grad (20 of 20 values)")
    }

    /// Leaves parameters alone whose gradient is not finite.
    private final class Careful: Optimizer {
        private final class Attached: AttachedUpdate {
            let state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
            private(set) var updates: [Update] = []

            init(_ store: ParameterStore, _ blocks: [Int]) {
                updates = blocks.map { index in
                    let block = store.blocks[index], (gradient, value) = (store.gradients, store.values)
                    let (offset, bytes) = (8 * block.offset, 8 * block.count)
                    return Update(
                        gradient: gradient + offset, count: block.count,
                        operands: [
                            Update.Operand(gradient + offset, bytes: bytes, isWrite: false),
                            Update.Operand(value + offset, bytes: bytes, isWrite: true),
                        ]
                    ) {
                        let steps = store.copyGradient(block: index).map { $0.isFinite ? Bursting.lr * $0 : 0 }
                        store.set(block: index, zip(store.copy(block: index), steps).map { $0 - $1 })
                    }
                }
            }

            func begin(step: Int) {}
            func end() -> Double { 0 }
        }

        func attach(to parameters: ParameterStore, blocks: [Int], objective: (any Derivatives)?) -> any AttachedUpdate
        {
            Attached(parameters, blocks)
        }
    }

    /// A gradient that is not finite in the last step is no divergence, as it is none in a step before.
    @Test func aGradientAloneIsNoDivergence() throws {
        let plan = bursting(Bursting(at: "gradient", after: 8), steps: 9, optimizer: Careful())
        let (session, outcome) = try trained(plan)
        #expect(outcome == .finished)
        #expect(!session.store.copyGradient(block: 2)[0].isFinite && session.store.isFinite)
        let together = try ReplicaSession([plan, plan])
        #expect(try together.run(observed: { _, _ in }, progress: { _ in true }) == [.finished, .finished])
    }

    /// The loss of the last batch was finite before its update, and no step follows to show what the update did.
    @Test func divergenceInTheLastStepIsSeen() throws {
        let outcome = try trained(plan(steps: 1, batch: nil, lr: .infinity)).1
        guard case .diverged(step: 1, let what) = outcome else {
            Issue.record("ended as \(outcome)")
            return
        }
        #expect(
            what
                == "parameters became infinite or NaN at step 1; first in fc1.weight/parameter.value (20 of 20 values)"
        )
    }

    @Test func unknownLayersAreNamed() throws {
        var plan = plan(steps: 1, batch: nil)
        plan.probes = [ScheduledProbe(key: "trace", probe: TraceProbe(), steps: [0], layers: ["fc1", "haed"])]
        #expect(
            throws: UnknownLayer(
                "probes.trace.layers: the model has no layer 'haed'; did you mean 'head'? (it has: fc1, head)")
        ) {
            try Session(plan)
        }
        plan.probes[0].layers = ["head"]
        let observer = try Session(plan).observer
        try observer.check(recorded: ["fc1", "head.weight"])
        #expect(throws: UnknownLayer.self) { try observer.check(recorded: ["fc9"]) }
    }

    @Test func stopsWhenAsked() throws {
        let session = try Session(plan(steps: 40, batch: 7))
        let outcome = try session.run(observed: { _ in }) { $0.step < 11 }
        #expect(outcome == .stopped(step: 11))
    }

    @Test func aBatchLargerThanTheDataIsAllOfIt() throws {
        #expect(try Session(plan(steps: 1, batch: 500)).batchSize == 23)
    }
}
