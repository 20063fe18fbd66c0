import Engine
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// What an optimizer is given to evaluate points that it tries.
@Suite struct ObjectiveTests {
    /// Hands its objective to the test in every step; its parameters move along their gradients by 0.1.
    private final class Asking: Optimizer {
        let needsObjective = true
        let ask: (any Derivatives, ParameterStore, [Int]) throws -> Void

        init(_ ask: @escaping (any Derivatives, ParameterStore, [Int]) throws -> Void) { self.ask = ask }

        private struct Missing: Error {}

        private final class Attached: AttachedUpdate {
            let updates: [Update] = []
            let state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
            let work: () throws -> Void
            init(_ work: @escaping () throws -> Void) { self.work = work }
            func begin(step: Int) {}
            func end() throws -> Double {
                try work()
                return 0
            }
        }

        func attach(
            to parameters: ParameterStore, blocks: [Int], objective: (any Derivatives)?
        ) throws -> any AttachedUpdate {
            guard let objective else { throw Missing() }
            return Attached { [ask] in
                try ask(objective, parameters, blocks)
                for block in blocks {
                    let steps = parameters.copyGradient(block: block).map { 0.1 * $0 }
                    parameters.set(block: block, zip(parameters.copy(block: block), steps).map { $0 - $1 })
                }
            }
        }
    }

    /// 0.35 |w|² on every block.
    private final class Decay: Regularizer {
        private final class Attached: AttachedUpdate {
            let state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
            private(set) var updates: [Update] = []
            private let store: ParameterStore, blocks: [Int]

            init(_ store: ParameterStore, _ blocks: [Int]) {
                (self.store, self.blocks) = (store, blocks)
                updates = blocks.map { index in
                    let block = store.blocks[index], bytes = store.precision.bytes
                    let gradient = store.gradients + block.offset * bytes
                    return Update(
                        gradient: gradient, count: block.count,
                        operands: [Update.Operand(gradient, bytes: block.count * bytes, isWrite: true)]
                    ) {
                        let values = store.copy(block: index)
                        let place = gradient.assumingMemoryBound(to: Double.self)
                        for i in values.indices { place[i] += 0.7 * values[i] }
                    }
                }
            }

            func begin(step: Int) {}
            func end() -> Double { blocks.flatMap(store.copy(block:)).reduce(0) { $0 + 0.35 * $1 * $1 } }
        }

        func attach(to parameters: ParameterStore, blocks: [Int]) -> any AttachedUpdate {
            Attached(parameters, blocks)
        }
    }

    private func plan(_ optimizer: any Optimizer, precision: Precision = .f64) -> TrainingPlan {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        return TrainingPlan(
            network: Network(
                model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields),
            dataset: dataset, optimizer: optimizer, steps: 4, batchSize: 7, precision: precision, seed: 5)
    }

    private func call(_ count: Int, _ body: (UnsafeMutablePointer<Double>) throws -> Void) rethrows -> [Double] {
        try [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress { try body(base) }
            initialized = count
        }
    }

    private func value(_ objective: any Derivatives, _ point: [Double]?, _ rows: RowSelection = .own) throws -> Double
    {
        try call(1) { try objective.evaluate(.value, at: point, rows: rows, along: nil, into: $0) }[0]
    }

    private func gradient(
        _ objective: any Derivatives, _ point: [Double]?, _ rows: RowSelection = .own
    ) throws -> [Double] {
        try call(objective.parameterCount) {
            try objective.evaluate(.gradient, at: point, rows: rows, along: nil, into: $0)
        }
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }

    /// At the current parameters, the gradient of the step itself; elsewhere, that of the same batch, regularizers included.
    @Test func itIsTheStepsObjective() throws {
        var calls = 0
        var plan = plan(
            Asking { objective, store, blocks in
                calls += 1
                let own = blocks.flatMap(store.copyGradient(block:)), here = store.copyFlat()
                #expect(objective.parameterCount == 35)
                #expect(try objective.rowCount(.own) == 7)
                #expect(try distance(gradient(objective, nil), own) <= 1e-14)
                #expect(try distance(gradient(objective, here), own) <= 1e-14)
                // Central differences of the value along a direction, at another point.
                let there = here.enumerated().map { $1 + 0.3 * Double($0 % 3) - 0.2 }
                let direction = here.indices.map { Double($0 % 5) - 1.5 }
                func moved(_ t: Double) -> [Double] { zip(there, direction).map { $0 + t * $1 } }
                let slope = try (value(objective, moved(1e-5)) - value(objective, moved(-1e-5))) / 2e-5
                let expected = try zip(gradient(objective, there), direction).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(abs(slope - expected) <= 1e-7 * abs(expected))
                #expect(store.copyFlat() == here, "trying a point moved the parameters")
            })
        plan.regularizers = [RegularizerTerm(key: "decay", regularizer: Decay())]
        let session = try Session(plan)
        #expect(try session.run(observed: { _ in }, progress: { _ in true }) == .finished)
        #expect(calls == 4)
    }

    /// In f32 the objective is the step's as well, to its rounding.
    @Test func inSinglePrecision() throws {
        var worst = 0.0
        let session = try Session(
            plan(
                Asking { objective, store, blocks in
                    let own = blocks.flatMap(store.copyGradient(block:))
                    worst = max(worst, distance(try gradient(objective, nil), own))
                }, precision: .f32))
        #expect(try session.run(observed: { _ in }, progress: { _ in true }) == .finished)
        #expect(worst <= 1e-6)
    }

    /// A group's optimizer sees its own parameters; the others keep their values.
    @Test func ofAGroup() throws {
        var counts: [Int] = []
        var plan = plan(PlainDescent(lr: 0.05))
        plan.groups = [
            ParameterGroup(
                key: "last", parameters: ParameterPattern(names: ["head.weight"]),
                optimizer: Asking { objective, store, blocks in
                    counts.append(objective.parameterCount)
                    #expect(try distance(gradient(objective, nil), store.copyGradient(block: blocks[0])) <= 1e-14)
                    let v = (0..<12).map { Double($0 % 4) - 1.25 }, here = store.copy(block: blocks[0])
                    func moved(_ t: Double) -> [Double] { zip(here, v).map { $0 + t * $1 } }
                    let (a, b) = (try gradient(objective, moved(1e-5)), try gradient(objective, moved(-1e-5)))
                    let product = try call(12) {
                        try objective.evaluate(.hessianProduct, at: nil, rows: .own, along: v, into: $0)
                    }
                    #expect(distance(product, zip(a, b).map { ($0 - $1) / 2e-5 }) <= 1e-7)
                    // Norms of the samples' gradients are those of the own part.
                    let squares = try call(7) {
                        try objective.evaluate(.sampleSquaredNorms, at: nil, rows: .own, along: nil, into: $0)
                    }
                    let gradients = try call(7 * 12) {
                        try objective.evaluate(.sampleGradients, at: nil, rows: .own, along: nil, into: $0)
                    }
                    for row in 0..<7 {
                        let square = gradients[12 * row..<12 * row + 12].reduce(0) { $0 + $1 * $1 }
                        #expect(abs(square - squares[row]) <= 1e-12)
                    }
                    let mean = (0..<12).map { i in (0..<7).reduce(0) { $0 + gradients[12 * $1 + i] } / 7 }
                    #expect(distance(mean, store.copyGradient(block: blocks[0])) <= 1e-14)
                })
        ]
        #expect(try Session(plan).run(observed: { _ in }, progress: { _ in true }) == .finished)
        #expect(counts == [12, 12, 12, 12])
    }

    /// Other rows are rows of a split; a list of the batch's is the batch.
    @Test func onOtherRows() throws {
        let session = try Session(
            plan(
                Asking { objective, _, _ in
                    let all = RowSelection.range(split: "train", begin: 0, count: nil)
                    #expect(try objective.rowCount(all) == 23)
                    let pieces = [(0, 9), (9, 14)].map {
                        RowSelection.range(split: "train", begin: $0.0, count: $0.1)
                    }
                    let parts = try pieces.map { try value(objective, nil, $0) }
                    #expect(try abs(value(objective, nil, all) - (9 * parts[0] + 14 * parts[1]) / 23) <= 1e-13)
                    #expect(try objective.rowCount(.range(split: "test", begin: 1, count: 2)) == 2)
                }))
        #expect(try session.run(observed: { _ in }, progress: { _ in true }) == .finished)
    }

    /// Runs whose optimizers try points train one by one.
    @Test func runsAreNotTrainedTogether() throws {
        let plans = [plan(Asking { _, _, _ in }), plan(PlainDescent(lr: 0.1)), plan(PlainDescent(lr: 0.1))]
        #expect(try ReplicaSession.groups(plans + [plans[0]], from: [nil, nil, nil, nil]) == [[0], [1, 2], [3]])
    }
}
