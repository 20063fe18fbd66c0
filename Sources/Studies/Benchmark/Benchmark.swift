import ArrayFiles
import Engine
import Foundation
import LinearAlgebra
import Observing
import Training

/// Times one computation of a run along the path of `syzygy run`, without observations.
package struct Benchmark {
    private let run: PlannedRun
    private let work: Workload.Work
    private let executor: RunExecutor

    package init(_ run: PlannedRun, work: Workload.Work, executor: RunExecutor) {
        var run = run
        run.configuration.probes = []
        run.configuration.record = nil
        run.configuration.train.steps = .max
        (self.run, self.work, self.executor) = (run, work, executor)
    }

    /// Repeats the computation for about `seconds` after warming up, then measures what the machine's products can do.
    /// `planned` is the time that reading manifests and the study has taken.
    package func measure(seconds: Double, planned: Duration) throws -> BenchmarkResult {
        let begin = ContinuousClock.now
        let plan = try executor.trainingPlan(of: run) { _ in }
        let opened = ContinuousClock.now - begin
        let computation = try computation(plan)
        var timer = BlockTimer(seconds: seconds)
        try computation.repeatWhile { timer.tick() }
        let memory = Self.peakMemory
        let peak = try ProductPeak.flopsPerSecond(plan.precision)
        let start = computation.startTimes
        return BenchmarkResult(
            work: work, run: run, microseconds: timer.blocks.sorted(), steps: timer.steps,
            flops: computation.flops, peak: peak,
            firstStep: [
                ("plan", planned), ("load", opened + start.load), ("build", start.build),
                ("compile", start.compile), ("first_run", timer.first),
            ], peakMemory: memory)
    }

    /// Writes what another program needs to compute the same, and our results, as safetensors: `parameter/<name>` before
    /// the first step, `batch/<field>`, and `losses` (of the batch at the first four steps), or `direction/<name>` and
    /// `hvp/<name>`, `norms`, or `gradient/<name>`. The metadata holds the configuration.
    package func export(to file: String) throws {
        let plan = try executor.trainingPlan(of: run) { _ in }
        let arrays = try computation(plan).arrays()
        try Safetensors.write(
            arrays, metadata: ["configuration": run.configuration.json.text(pretty: false)], to: file)
    }

    private func computation(_ plan: TrainingPlan) throws -> any Computation {
        work == .step ? try TrainingStep(plan) : try BatchDerivative(plan, work)
    }

    /// The most memory the process has held, in bytes.
    private static var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return 1024 * (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
    }
}

/// Something to repeat.
protocol Computation {
    /// Floating-point operations of one time.
    var flops: Double { get }
    var startTimes: StartTimes { get }
    /// Asks before the first time and after each whether to go on.
    func repeatWhile(_ goesOn: () -> Bool) throws
    /// Parameters, batch and results, of the first times only.
    func arrays() throws -> [NamedArray]
}

/// Time by blocks of repetitions, after some that do not count.
struct BlockTimer {
    private static let block: UInt64 = 50_000_000
    private let warmUp: UInt64, total: UInt64
    private var begin: UInt64 = 0, blockBegin: UInt64 = 0
    private var count = 0
    private var isWarm = false
    /// The duration of the first repetition.
    private(set) var first = Duration.zero
    /// Microseconds of a repetition, for each block.
    private(set) var blocks: [Double] = []
    /// Repetitions in all blocks.
    private(set) var steps = 0

    init(seconds: Double) {
        total = UInt64(seconds * 1e9)
        warmUp = min(total / 4, 300_000_000)
    }

    /// To be called before the first repetition and after each; false when there are enough. Reads the clock each time, as
    /// the progress of a run does.
    mutating func tick() -> Bool {
        let now = nanosecondsNow()
        if begin == 0 {
            (begin, blockBegin) = (now, now)
            return true
        }
        count += 1
        guard isWarm else {
            if count == 1 { first = .nanoseconds(Int64(now - begin)) }
            if count > 1, now - begin >= warmUp { (isWarm, begin, blockBegin, count) = (true, now, now, 0) }
            return true
        }
        guard now - blockBegin >= Self.block else { return true }
        blocks.append(Double(now - blockBegin) * 1e-3 / Double(count))
        steps += count
        (blockBegin, count) = (now, 0)
        return now - begin < total || blocks.count < 3
    }
}

/// One update of a session.
private final class TrainingStep: Computation {
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
        if case .diverged(let step, let what) = outcome {
            throw StudyError("the run diverges (\(what) at step \(step)), so its steps cannot be timed; lower the lr")
        }
    }

    func arrays() throws -> [NamedArray] {
        let table = try DataTable(plan.dataset, split: "train")
        guard session.batchSize == table.rows else {
            throw StudyError(
                "the export needs train.batch_size=full, so that every step sees the same rows; it is "
                    + "\(session.batchSize) of \(table.rows)")
        }
        var arrays = session.checkpoint.filter { $0.name.hasPrefix("parameter/") }
            .map { NamedArray($0.name, shape: $0.shape, reading: $0.values, plan.precision) }
        arrays += table.arrays(rows: table.rows)
        var losses: [Double] = []
        var isFirst = true
        try repeatWhile {
            if !isFirst { losses.append(session.batchLoss) }
            isFirst = false
            return losses.count < 4
        }
        return arrays + [NamedArray("losses", shape: [losses.count], .f64(losses))]
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
