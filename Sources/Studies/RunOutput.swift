import Foundation
import LinearAlgebra
import PluginHost
import Protocols
import Synchronization

/// Set by SIGTERM in a worker: the run ends after the current step and keeps what it has.
let cancellation = Atomic<Bool>(false)

/// Where a run's results go while it is computed: observations, the log, and the progress that the parent shows.
package final class RunOutput {
    package let folder: String
    private let observations: ObservationWriter
    private let log: RunLog
    private let progressDescriptor: Int32
    private let total: Int
    private let logEvery: Int
    private var clock: StepClock
    /// Where the run goes on; nil: it begins.
    private(set) var checkpoint: Checkpoint.Content?
    /// The last step done.
    package private(set) var step = 0
    /// The libraries that the run's plugins brought, each once.
    package private(set) var libraries: [LoadedFile] = []
    /// What plugins that are loaded together share by mistake.
    package private(set) var collisions: [String] = []

    /// The log is stderr, or a file of its own for a run that trains in the process of another.
    /// - Parameters:
    ///   - checkpoint: from which the run goes on; nil: it begins.
    ///   - checkpointEvery: seconds.
    init(
        folder: String, progressDescriptor: Int32, total: Int, logEvery: Int, checkpoint: Checkpoint.Content? = nil,
        checkpointEvery: Double = .infinity, hasOwnLog: Bool = false
    ) throws(StudyError) {
        (self.folder, self.checkpoint) = (folder, checkpoint)
        clock = StepClock(checkpointEvery: checkpointEvery)
        log = hasOwnLog ? try RunLog(path: folder + "/log.txt") : RunLog()
        self.progressDescriptor = progressDescriptor
        self.total = total
        self.logEvery = logEvery
        observations = try ObservationWriter(
            path: folder + "/observations.csv", resumingAt: checkpoint?.observations)
        if let checkpoint {
            step = checkpoint.step
            log.write("goes on from step \(checkpoint.step)")
        }
    }

    package var isCancelled: Bool { cancellation.load(ordering: .relaxed) }

    package func record(_ observation: Observation) { observations.append(observation) }

    package func note(_ sentence: String) { log.write(sentence) }

    package func opened(_ library: LoadedFile) { if !libraries.contains(library) { libraries.append(library) } }

    package func note(collisions found: [String]) {
        for collision in found { note(collision) }
        collisions += found
    }

    /// To be called after every step and its observations, with the loss of its batch. Writes out the observations, a line of the
    /// log when it is time, and progress ten times a second.
    package func finished(step: Int, loss: Double) throws(StudyError) {
        clock.tick(trained: step > self.step && !observations.hasUnwritten)
        self.step = step
        if observations.hasUnwritten { try observations.flush() }
        if step % logEvery == 0 || step == total { logStep(loss) }
        if clock.isDue || step == total {
            clock.reported()
            let progress = RunProgress(step: step, total: total, stepsPerSecond: clock.rate, loss: loss)
            Self.send(progress.line, to: progressDescriptor)
        }
    }

    /// The same for a run whose steps another one counts: what it measured is written out, its log kept.
    package func follow(_ leader: RunOutput, loss: Double) throws(StudyError) {
        ended(step: leader.step, leader)
        if observations.hasUnwritten { try observations.flush() }
        if step % logEvery == 0 || step == total { logStep(loss) }
    }

    private func logStep(_ loss: Double) {
        // Before the first step no batch has a loss.
        log.write(step == 0 ? "step 0" : "step \(step) loss \(loss) (\(Int(stepsPerSecond)) steps/s)")
    }

    /// Says which step was the run's last: its leader may have gone on.
    package func ended(step: Int, _ leader: RunOutput) {
        self.step = step
        if leader !== self { rate = leader.stepsPerSecond }
    }

    /// Updates per second of training; the time of observations does not count.
    package var stepsPerSecond: Double { rate ?? clock.rate }
    /// Of the run that counts the steps, if that is another.
    private var rate: Double?

    package func finish() throws(StudyError) { try observations.flush() }

    /// The observations on disk.
    package var position: ObservationWriter.Position { observations.position }

    /// It is time to write one.
    var isCheckpointDue: Bool { clock.isCheckpointDue }

    /// Writes a checkpoint of the run's last step, whose observations are on disk, with `write`; the next comes so much later that
    /// they take a fiftieth of the time.
    func checkpoint(_ write: () throws -> Void) rethrows {
        let start = nanosecondsNow()
        try write()
        clock.checkpointed(in: nanosecondsNow() - start)
    }

    /// Of a checkpoint that the study keeps.
    func checkpointFile(step: Int) throws(StudyError) -> String {
        try StudyFolder.create(folder + "/checkpoints")
        return "\(folder)/checkpoints/\(Checkpoint.name(step: step))"
    }

    /// `anew`: tensors that the other run does not have.
    func note(forked anew: [String], from run: PlannedRun) {
        guard let fork = run.configuration.fork else { return }
        log.write("goes on from step \(fork.step) of \(fork.run ?? fork.study)")
        if !anew.isEmpty { log.write("begins anew: \(anew.joined(separator: ", "))") }
    }

    /// What was read of it is no longer needed.
    func hasResumed() { checkpoint = nil }

    /// A parent that is gone has nothing to be told; SIGPIPE ends this worker then.
    static func send(_ line: String, to descriptor: Int32) {
        let bytes = Array(line.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}

/// Monotonic time in nanoseconds.
func nanosecondsNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Counts training steps and their time, and says when to report.
private struct StepClock {
    private static let interval: UInt64 = 100_000_000
    private var last = nanosecondsNow()
    private var next: UInt64 = 0
    private var steps = 0
    private var nanoseconds: UInt64 = 0
    private let checkpointInterval: UInt64
    private var nextCheckpoint: UInt64

    init(checkpointEvery seconds: Double) {
        checkpointInterval = UInt64(min(seconds, 1e9) * 1e9)
        nextCheckpoint = last + checkpointInterval
    }

    var isCheckpointDue: Bool { last >= nextCheckpoint }
    mutating func checkpointed(in duration: UInt64) {
        last = nanosecondsNow()
        nextCheckpoint = last + max(checkpointInterval, 50 * duration)
    }

    /// Ends a step; one with observations is left out, since its time is mostly theirs.
    mutating func tick(trained: Bool) {
        let now = nanosecondsNow()
        if trained {
            steps += 1
            nanoseconds += now - last
        }
        last = now
    }

    var isDue: Bool { last >= next }
    mutating func reported() { next = last + Self.interval }

    var rate: Double { nanoseconds > 0 ? Double(steps) / (Double(nanoseconds) * 1e-9) : 0 }
}

/// Lines of `log.txt`: `2026-11-20T22:41:26Z step 100 loss 0.5`. That of a worker's first run is its stderr: what plugins print lands
/// between.
final class RunLog {
    private let descriptor: Int32

    init() { descriptor = 2 }

    init(path: String) throws(StudyError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StudyError("\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor > 2 { close(descriptor) } }

    func write(_ sentence: String) { RunOutput.send("\(Timestamp.now()) \(sentence)\n", to: descriptor) }

    /// What the runtime or a plugin said before the end: where a crash was, else the last line that is not ours.
    static func lastWords(of file: String) -> String? {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        let end = data.suffix(1 << 16)
        // The end of a long log begins within a line.
        let whole = end.count < data.count ? end.drop { $0 != UInt8(ascii: "\n") } : end
        let lines = String(decoding: whole, as: UTF8.self).split(whereSeparator: \.isNewline)
        if let crash = crash(lines) { return crash }
        return lines.last { $0.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*/) == nil }
            .map { String($0.prefix(300)).trimmingCharacters(in: .whitespaces) }
    }

    /// The last lines, each cut where it is too long.
    static func lastLines(_ count: Int, of file: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: file) else { return [] }
        let lines = String(decoding: data.suffix(1 << 16), as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.suffix(count).map { String($0.prefix(300)) }
    }

    /// `Bad pointer dereference at 0x8, in measure of libmine.so`, from the report of Swift's runtime: the innermost function that
    /// is not of the C library.
    private static func crash(_ lines: [Substring]) -> String? {
        guard let start = lines.lastIndex(where: { $0.hasPrefix("*** Program crashed: ") }),
            let what = lines[start].firstMatch(of: /crashed: (.*?)( \*\*\*)?$/)?.1
        else { return nil }
        let frames = lines[start...].compactMap { $0.firstMatch(of: /^\s*\d+ .*0x[0-9a-f]+ (.+) \+ \d+ in (\S+)/) }
        let place = frames.first { !$0.2.hasPrefix("libc.so") && !$0.2.hasPrefix("ld-linux") }
        return what + (place.map { ", in \($0.1) of \($0.2)" } ?? "")
    }
}
