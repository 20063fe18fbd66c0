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
    init(at place: String, after last: Int) { (self.place, limit) = (place, Bursting.lr * (Double(last) - 0.5)) }

    private func burst(_ x: Node, at here: String, _ clock: Node, _ graph: Graph) throws -> Node {
        guard here == place || here == "loss" && place == "gradient" else { return x }
        var left = try graph.apply(named: "sub", [graph.constant(limit), clock])
        if place == "gradient" { left = try graph.apply(named: "maximum", [left, graph.constant(0)]) }
        let tiny = try graph.apply(named: "mul", [try graph.apply(named: "sqrt", [left]), graph.constant(1e-200)])
        return try graph.apply(named: "add", [x, tiny])
    }

    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        guard let x = batch["x"]?.node else { throw Undefined("no_x") }
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
    func measure(step: Int, layer: String, quantities: any QuantitySource, record: (Observation) -> Void) {}
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
