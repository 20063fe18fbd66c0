import Engine
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// Epoch e is this list, shifted by e.
private final class Listed: Sampler {
    private let list: [Int]
    init(_ list: [Int]) { self.list = list }

    private final class Attached: AttachedSampler {
        let list: [Int], rows: Int
        init(_ list: [Int], _ rows: Int) { (self.list, self.rows) = (list, rows) }

        func write(epoch: Int, into order: UnsafeMutableBufferPointer<Int64>) {
            for (i, row) in list.enumerated() { order[i] = Int64((row + epoch) % rows) }
        }
    }

    func epochRows(of rows: Int) -> Int { list.count }
    func attach(to rows: SampledRows) -> any AttachedSampler { Attached(list, rows.count) }
}

/// Some rows of a dataset, in this order.
private final class Rows: Dataset {
    private let whole: ArrayDataset, rows: [Int]
    init(_ whole: ArrayDataset, _ rows: [Int]) { (self.whole, self.rows) = (whole, rows) }

    var fields: [Field] { whole.fields }
    let splits = ["train"]
    func rows(in split: String) -> Int { rows.count }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        for (values, (field, buffer)) in zip([whole.x[0], whole.y[0]], zip(fields, buffers)) {
            for (i, row) in rows[range].enumerated() {
                for k in 0..<field.elements { buffer[i * field.elements + k] = values[row * field.elements + k] }
            }
        }
    }
}

private func plan(
    _ sampler: (any Sampler)?, _ dataset: any Dataset = ArrayDataset(rows: 11, inputs: 5, outputs: 3),
    batch: Int? = 3, steps: Int = 1, seed: UInt64 = 5
) -> TrainingPlan {
    TrainingPlan(
        network: Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields),
        dataset: dataset, sampler: sampler, optimizer: PlainDescent(lr: 0.05), steps: steps, batchSize: batch,
        precision: .f64, seed: seed)
}

private func bits(_ store: ParameterStore) -> [UInt64] {
    store.blocks.indices.flatMap { store.copy(block: $0).map(\.bitPattern) }
}

@Suite struct SamplerTests {
    private let whole = ArrayDataset(rows: 11, inputs: 5, outputs: 3)

    /// Steps see the sampler's rows: two batches of 3 in an epoch of 7, the seventh place is skipped, then the next epoch.
    @Test func stepsSeeTheRowsOfTheSampler() throws {
        let list = [9, 2, 2, 0, 10, 4, 7]
        let batches = [[9, 2, 2], [0, 10, 4], [10, 3, 3], [1, 0, 5], [0, 4, 4]]
        let session = try Session(plan(Listed(list), steps: 5))
        var parameters = bits(session.store)
        for batch in batches {
            let step = try Session(plan(nil, Rows(whole, batch), batch: nil))
            for block in step.store.blocks.indices { step.store.set(block: block, session.store.copy(block: block)) }
            try session.advance()
            try step.advance()
            #expect(session.batchLoss == step.batchLoss && bits(session.store) == bits(step.store))
            #expect(bits(session.store) != parameters)
            parameters = bits(session.store)
        }
    }

    /// An epoch of other rows with full batches: all of them in one step.
    @Test func aFullBatchIsTheWholeEpoch() throws {
        let rows = [1, 1, 6, 8]
        let session = try Session(plan(Listed(rows), batch: nil))
        let expected = try Session(plan(nil, Rows(whole, rows), batch: nil))
        #expect(session.batchSize == 4)
        try session.advance()
        try expected.advance()
        #expect(bits(session.store) == bits(expected.store))
    }

    @Test func aResumedRunSeesTheSameRows() throws {
        let list = [4, 4, 1, 8, 0, 9, 3]
        let whole = try Session(plan(Listed(list), steps: 12)), before = try Session(plan(Listed(list), steps: 12))
        for _ in 0..<12 { try whole.advance() }
        for _ in 0..<7 { try before.advance() }
        let after = try Session(plan(Listed(list), steps: 12))
        for block in after.store.blocks.indices { after.store.set(block: block, before.store.copy(block: block)) }
        after.resume(at: 7)
        for _ in 7..<12 { try after.advance() }
        #expect(bits(after.store) == bits(whole.store))
    }

    @Test(arguments: [3, nil]) func togetherAsAlone(batch: Int?) throws {
        let lists = [[9, 2, 2, 0, 10, 4, 7], [1, 1, 1, 6, 8, 3, 0]]
        let plans = lists.enumerated().map { plan(Listed($1), batch: batch, steps: 9, seed: UInt64(3 + $0)) }
        #expect(try ReplicaSession.groups(plans, from: [nil, nil]) == [[0, 1]])
        let together = try ReplicaSession(plans)
        for _ in 0..<9 { try together.advance() }
        for (run, plan) in plans.enumerated() {
            let alone = try Session(plan)
            for _ in 0..<9 { try alone.advance() }
            for block in alone.store.blocks.indices {
                let pairs = zip(alone.store.copy(block: block), together.stores[run].copy(block: block))
                #expect(pairs.allSatisfy { abs($0 - $1) < 1e-13 })
            }
        }
    }

    @Test func whatCannotBeIsSaid() {
        func sentence(_ plan: TrainingPlan) -> String {
            do {
                _ = try Session(plan)
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            sentence(plan(Listed(Array((0..<11).reversed())), batch: nil))
                == "sampler: every step sees each of the 11 training rows once, whatever their order; "
                + "give train.batch_size, or leave out the sampler")
        #expect(
            sentence(plan(Listed([1, 2, 3]), batch: 4))
                == "train.batch_size: 4 is more than the 3 rows of the sampler's epoch; 'full' takes all")
        #expect(sentence(plan(Listed([0] + Array(0..<10)), batch: nil)) == "no error")
        #expect(sentence(plan(Listed(Array(0..<11)), batch: 4)) == "no error")
    }
}
