import Foundation
import LinearAlgebra
import Protocols
import Synchronization

/// Set by SIGTERM in a worker: the run ends after the current step and keeps what it has.
let cancellation = Atomic<Bool>(false)

/// Where a run's results go while it is computed: observations, the log, and the progress that the parent shows.
package final class RunOutput {
    package let folder: String
    private let observations: ObservationWriter
    private let log = RunLog()
    private let progressDescriptor: Int32
    private let total: Int
    private let logEvery: Int
    private var clock = StepClock()
    /// The last step done.
    package private(set) var step = 0

    package init(folder: String, progressDescriptor: Int32, total: Int, logEvery: Int) throws(StudyError) {
        self.folder = folder
        self.progressDescriptor = progressDescriptor
        self.total = total
        self.logEvery = logEvery
        observations = try ObservationWriter(path: folder + "/observations.csv")
    }

    package var isCancelled: Bool { cancellation.load(ordering: .relaxed) }

    package func record(_ observation: Observation) { observations.append(observation) }

    package func note(_ sentence: String) { log.write(sentence) }

    /// To be called after every step, with the loss of its batch. Writes out the step's observations, a line of the log when
    /// it is time, and progress ten times a second.
    package func finished(step: Int, loss: Double) throws(StudyError) {
        self.step = step
        if observations.hasUnwritten { try observations.flush() }
        if step % logEvery == 0 || step == total {
            log.write("step \(step) loss \(loss) (\(Int(clock.rate(at: step))) steps/s)")
        }
        if clock.isDue(at: step) || step == total {
            Self.send(RunProgress(step: step, total: total, stepsPerSecond: clock.rate(at: step), loss: loss).line, to: progressDescriptor)
        }
    }

    package func finish() throws(StudyError) { try observations.flush() }

    /// A parent that is gone has nothing to be told; SIGPIPE ends this worker then.
    static func send(_ line: String, to descriptor: Int32) {
        let bytes = Array(line.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}

/// Steps per second, and when to report them.
private struct StepClock {
    private static let interval: UInt64 = 100_000_000
    private let start = StepClock.now()
    private var next: UInt64 = 0

    mutating func isDue(at step: Int) -> Bool {
        let now = Self.now()
        guard now >= next else { return false }
        next = now + Self.interval
        return true
    }

    func rate(at step: Int) -> Double {
        let seconds = Double(Self.now() - start) * 1e-9
        return seconds > 0 ? Double(step) / seconds : 0
    }

    /// Monotonic time in nanoseconds.
    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Lines of `log.txt`, which is the worker's stderr: `2026-11-20T22:41:26Z step 100 loss 0.5`. What plugins print lands between.
struct RunLog {
    func write(_ sentence: String) { RunOutput.send("\(Timestamp.now()) \(sentence)\n", to: 2) }

    /// The last line that is not ours: what the runtime or a plugin said before the end.
    static func lastForeignLine(of file: String) -> String? {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        let lines = String(decoding: data.suffix(1 << 16), as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.last { $0.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*/) == nil }
            .map { String($0.prefix(300)).trimmingCharacters(in: .whitespaces) }
    }
}
