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
    }

    /// The loss of the last batch was finite before its update, and no step follows to show what the update did.
    @Test func divergenceInTheLastStepIsSeen() throws {
        let outcome = try trained(plan(steps: 1, batch: nil, lr: .infinity)).1
        guard case .diverged(step: 1, let what) = outcome else {
            Issue.record("ended as \(outcome)")
            return
        }
        #expect(what.hasPrefix("parameters became infinite or NaN (first in "))
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
