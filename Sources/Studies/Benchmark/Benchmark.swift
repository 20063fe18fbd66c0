import ArrayFiles
import Engine
import Foundation
import LinearAlgebra
import Observing
import Training

/// Times one computation of a run, or of runs that train together, along the path of `syzygy run`, without observations.
package struct Benchmark {
    private let runs: [PlannedRun]
    private let work: Workload.Work
    private let executor: RunExecutor

    /// - Parameter runs: one, or several that one program trains.
    package init(_ runs: [PlannedRun], work: Workload.Work, executor: RunExecutor) {
        self.runs = runs.map { run in
            var run = run
            run.configuration.probes = []
            run.configuration.record = nil
            run.configuration.train.steps = .max
            return run
        }
        (self.work, self.executor) = (work, executor)
    }

    /// Repeats the computation for about `seconds` after warming up, then measures what the machine's products can do.
    /// `planned` is the time that reading manifests and the study has taken.
    package func measure(seconds: Double, planned: Duration) throws -> BenchmarkResult {
        let begin = ContinuousClock.now
        let plans = try plans()
        let opened = ContinuousClock.now - begin
        let computation = try computation(plans)
        var timer = BlockTimer(seconds: seconds)
        try computation.repeatWhile { timer.tick() }
        let memory = Self.peakMemory
        let peak = try ProductPeak.flopsPerSecond(plans[0].precision)
        let start = computation.startTimes
        return BenchmarkResult(
            work: work, run: runs[0], copies: runs.count, microseconds: timer.blocks.sorted(), steps: timer.steps,
            flops: computation.flops, peak: peak,
            firstStep: [
                ("plan", planned), ("load", opened + start.load), ("build", start.build),
                ("compile", start.compile), ("first_run", timer.first),
            ], peakMemory: memory)
    }

    /// The median time of a step after warming up.
    package func secondsPerStep(seconds: Double) throws -> Double {
        let computation = try computation(try plans())
        var timer = BlockTimer(seconds: seconds)
        try computation.repeatWhile { timer.tick() }
        let sorted = timer.blocks.sorted()
        return sorted[sorted.count / 2] * 1e-6
    }

    /// Writes what another program needs to compute the same, and our results, as safetensors: `parameter/<name>` before
    /// the first step, `batch/<field>`, and `losses` (of the batch at the first four steps, `[4]`), or `direction/<name>` and
    /// `hvp/<name>`, `norms`, or `gradient/<name>`. Of runs together all have a first axis for the run, losses a second
    /// one. The metadata holds the configuration.
    package func export(to file: String) throws {
        let arrays = try computation(try plans()).arrays()
        let configuration = runs[0].configuration.json.text(pretty: false)
        try Safetensors.write(arrays, metadata: ["configuration": configuration], to: file)
    }

    private func plans() throws -> [TrainingPlan] {
        guard work == .step || runs.count == 1 else {
            throw StudyError("\(work.rawValue) is timed for one run; set train.together=1")
        }
        return try executor.trainingPlans(of: runs) { _, _ in }
    }

    private func computation(_ plans: [TrainingPlan]) throws -> any Computation {
        if plans.count > 1 { return try ReplicaSteps(plans) }
        return work == .step ? try TrainingSteps(plans[0]) : try BatchDerivative(plans[0], work)
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
