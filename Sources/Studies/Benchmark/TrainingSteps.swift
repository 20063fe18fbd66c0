import ArrayFiles
import Observing
import Training

/// Updates of one run.
final class TrainingSteps: Computation {
    private let session: Session
    private let plan: TrainingPlan

    init(_ plan: TrainingPlan) throws {
        self.plan = plan
        session = try Session(plan)
    }

    var flops: Double { session.flops }
    var startTimes: StartTimes { session.startTimes }

    func repeatWhile(_ goesOn: () -> Bool) throws {
        let outcome = try session.run(observed: { _ in }) { _ in goesOn() }
        try outcome.requireFinite()
    }

    func arrays() throws -> [NamedArray] {
        let parameters = plan.parameters(session.checkpoint)
        let batch = try plan.wholeSplit()
        let losses = try firstLosses { session.batchLoss }
        return parameters + batch + [NamedArray("losses", shape: [losses.count], .f64(losses))]
    }
}

/// Updates of runs that train together.
final class ReplicaSteps: Computation {
    private let session: ReplicaSession
    private let plans: [TrainingPlan]

    init(_ plans: [TrainingPlan]) throws {
        guard try ReplicaSession.groups(plans, from: plans.map { _ in nil }).count == 1 else {
            throw StudyError("the networks of these runs compute different things, so they do not train together")
        }
        self.plans = plans
        session = try ReplicaSession(plans)
    }

    var flops: Double { session.flops }
    var startTimes: StartTimes { session.startTimes }

    func repeatWhile(_ goesOn: () -> Bool) throws {
        for outcome in try session.run(observed: { _, _ in }, progress: { _ in goesOn() }) {
            try outcome.requireFinite()
        }
    }

    func arrays() throws -> [NamedArray] {
        let runs = try plans.enumerated().map { run, plan in
            plan.parameters(session.checkpoint(of: run)) + (try plan.wholeSplit())
        }
        let losses = try firstLosses { session.batchLosses }
        let shape = [losses.count, plans.count]
        return NamedArray.stacked(runs) + [NamedArray("losses", shape: shape, .f64(losses.flatMap(\.self)))]
    }
}

extension Computation {
    /// The losses of the first four steps.
    fileprivate func firstLosses<Loss>(_ loss: () -> Loss) throws -> [Loss] {
        var losses: [Loss] = []
        var isFirst = true
        try repeatWhile {
            if !isFirst { losses.append(loss()) }
            isFirst = false
            return losses.count < 4
        }
        return losses
    }
}

extension Outcome {
    fileprivate func requireFinite() throws {
        guard case .diverged(_, let what) = self else { return }
        throw StudyError("the run diverges (\(what)), so its steps cannot be timed; lower the lr")
    }
}

extension TrainingPlan {
    fileprivate func parameters(_ checkpoint: [NamedTensor]) -> [NamedArray] {
        checkpoint.filter { $0.name.hasPrefix("parameter/") }
            .map { NamedArray($0.name, shape: $0.shape, reading: $0.values, precision) }
    }

    /// The training rows, if every step sees all of them.
    fileprivate func wholeSplit() throws -> [NamedArray] {
        let table = try DataTable(dataset, split: "train")
        if let batchSize, batchSize < table.rows {
            throw StudyError(
                "the export needs train.batch_size=full, so that every step sees the same rows; it is \(batchSize) "
                    + "of \(table.rows)")
        }
        return table.arrays(rows: table.rows)
    }
}

extension DataTable {
    /// The first rows of every field, as `batch/<field>`.
    func arrays(rows: Int) -> [NamedArray] {
        fields.enumerated().map { index, field in
            NamedArray("batch/\(field.name)", shape: [rows] + field.shape, reading: pointer(field: index), .f64)
        }
    }
}

extension NamedArray {
    /// The arrays of each run, which have the same names, shapes and types, with a first axis for the run.
    fileprivate static func stacked(_ runs: [[NamedArray]]) -> [NamedArray] {
        runs[0].indices.map { index in
            let arrays = runs.map { $0[index] }
            let shape = [runs.count] + arrays[0].shape
            if case .f32 = arrays[0].data {
                return NamedArray(arrays[0].name, shape: shape, .f32(arrays.flatMap { $0.data.floats }))
            }
            return NamedArray(arrays[0].name, shape: shape, .f64(arrays.flatMap { $0.data.doubles }))
        }
    }
}

extension NamedArray.Element {
    fileprivate var floats: [Float] { if case .f32(let values) = self { values } else { [] } }
    var doubles: [Double] { if case .f64(let values) = self { values } else { [] } }
}
