import Engine
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

@Suite struct AveragesTests {
    private static func plan(
        steps: Int, at recorded: Set<Int>, updates: Set<Int>? = nil, precision: Precision = .f32
    ) throws -> TrainingPlan {
        let dataset = ArrayDataset(rows: 29, inputs: 5, outputs: 3)
        let probe = try ShippedPlugins.loader().probe(
            Choice(component: "weight_average", options: ["decay": .double(0.75)]))
        return TrainingPlan(
            network: Network(
                model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields),
            dataset: dataset, optimizer: PlainDescent(lr: 0.05),
            probes: [
                ScheduledProbe(
                    key: "ema", probe: probe, steps: recorded.union(updates ?? []),
                    recorded: updates == nil ? nil : recorded)
            ], steps: steps, batchSize: 7, precision: precision, seed: 3)
    }

    /// Trains from where the session stands.
    private static func run(_ session: Session, until last: Int = .max) throws -> [Observation] {
        var seen: [Observation] = []
        _ = try session.run(observed: { seen.append($0) }) { $0.step < last }
        return seen
    }

    /// The recursion by hand, on the parameters of every step; what `update` does between is not recorded.
    @Test func theRecursion() throws {
        let steps = 12
        let session = try Session(
            try Self.plan(steps: steps, at: [4, 12], updates: Set(0...12), precision: .f64))
        var average: [Double] = [], distances: [Int: Double] = [:], seen: [Observation] = []
        let block = try #require(session.store.blocks.firstIndex { $0.name == "head.weight" })
        _ = try session.run(observed: { seen.append($0) }) { session in
            let w = session.store.copy(block: block)
            if average.isEmpty { average = w }
            for i in w.indices { average[i] += 0.25 * (w[i] - average[i]) }
            distances[session.step] = zip(w, average).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            return true
        }
        let measured = seen.filter { $0.layer == "head.weight" && $0.output == "distance" }
        #expect(measured.map(\.step) == [4, 12])
        for observation in measured {
            #expect(abs(observation.value.number - distances[observation.step]!) < 1e-14)
            #expect(observation.value.number > 1e-3)
        }
    }

    /// A session that goes on from a checkpoint half way ends with the same bits; without its states it would not.
    @Test func resumed() throws {
        let all = Set(0...12)
        let whole = try Session(try Self.plan(steps: 12, at: all))
        let expected = try Self.run(whole)
        let first = try Session(try Self.plan(steps: 12, at: all))
        _ = try Self.run(first, until: 5)
        func second(_ states: [(name: String, tensor: ProbeMemory.Tensor)]) throws -> [Observation] {
            let session = try Session(try Self.plan(steps: 12, at: all))
            for (target, source) in zip(session.checkpoint, first.checkpoint) {
                target.values.copyMemory(
                    from: source.values, byteCount: source.shape.reduce(1, *) * Precision.f32.bytes)
            }
            for (name, tensor) in states { #expect(session.observer.setState(name, tensor)) }
            session.resume(at: 5)
            return try Self.run(session)
        }
        #expect(first.observer.states.map(\.name).contains("probes.ema/average/head.bias"))
        #expect(first.observer.states.count == 3)
        let found = try second(first.observer.states)
        #expect(found == expected.filter { $0.step > 5 } && !found.isEmpty)
        #expect(try second([]) != found)
        #expect(!whole.observer.setState("optimizer/velocity/fc1.weight", first.observer.states[0].tensor))
    }

    /// Runs that train together keep an average each.
    @Test func together() throws {
        let plans = try (0..<3).map { seed in
            var plan = try Self.plan(steps: 6, at: [0, 3, 6])
            plan.seed = UInt64(seed)
            return plan
        }
        var together: [[Observation]] = [[], [], []]
        let session = try ReplicaSession(plans)
        _ = try session.run(observed: { together[$0].append($1) }) { _ in true }
        for (seed, seen) in together.enumerated() {
            var plan = try Self.plan(steps: 6, at: [0, 3, 6])
            plan.seed = UInt64(seed)
            let alone = try Self.run(try Session(plan))
            #expect(seen.count == alone.count && !seen.isEmpty)
            for (a, b) in zip(seen, alone) {
                #expect((a.step, a.layer, a.output) == (b.step, b.layer, b.output))
                #expect(abs(a.value.number - b.value.number) <= 1e-6 * max(1e-3, abs(b.value.number)))
            }
            #expect(session.observers[seed].states.count == 3)
        }
    }

    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.averages")
        #expect(count == 3 && failures.isEmpty, "\(failures)")
    }
}
