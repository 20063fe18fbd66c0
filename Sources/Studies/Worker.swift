import Foundation
import LinearAlgebra
import Manifests
import Training

/// The body of the hidden command `syzygy worker RUN_FOLDER`: one run in its own process.
package struct Worker {
    package var folder: String
    /// Resolves the configuration of `run.json`.
    package var planner: StudyPlanner

    package init(folder: String, planner: StudyPlanner) {
        self.folder = folder
        self.planner = planner
    }

    /// Computes the run with `execute` and keeps `run.json` up to date; returns the exit status.
    package func run(_ execute: (PlannedRun, RunOutput) throws -> Outcome) -> Int32 {
        signal(SIGINT, SIG_IGN)
        signal(SIGTERM) { _ in cancellation.store(true, ordering: .relaxed) }
        // Progress keeps the pipe; whatever else writes to stdout goes to the log.
        let pipe = dup(1)
        dup2(2, 1)
        do {
            var record = try RunRecord.read(folder: folder)
            do {
                try compute(&record, pipe, execute)
            } catch {
                (record.status, record.message) = (.failed, Self.sentence(error))
                report(record.message, to: pipe)
            }
            RunLog().write("\(record.status.rawValue)\(record.message.isEmpty ? "" : ": \(record.message)")")
            record.ended = Timestamp.now()
            try record.write(folder: folder)
            return record.status == .failed ? 1 : 0
        } catch {
            report(Self.sentence(error), to: pipe)
            return 1
        }
    }

    private func compute(
        _ record: inout RunRecord, _ pipe: Int32, _ execute: (PlannedRun, RunOutput) throws -> Outcome
    ) throws {
        let run = try planner.run(of: record, file: folder + "/run.json")
        let train = run.configuration.train
        record.status = .running
        record.host = Host.description(threads: train.threads)
        record.started = Timestamp.now()
        try record.write(folder: folder)
        let output = try RunOutput(
            folder: folder, progressDescriptor: pipe, total: train.steps, logEvery: train.logEvery)
        let start = ContinuousClock.now
        defer {
            record.step = output.step
            record.seconds = (ContinuousClock.now - start) / .seconds(1)
            record.stepsPerSecond = output.stepsPerSecond
        }
        let end = try execute(run, output)
        try output.finish()
        switch end {
        case .finished: record.status = .finished
        case .diverged(let step, let what): (record.status, record.message) = (.diverged, "\(what) at step \(step)")
        case .stopped(let step): (record.status, record.message) = (.interrupted, "stopped at step \(step)")
        }
    }

    private func report(_ sentence: String, to pipe: Int32) {
        RunOutput.send(JSON.object(["error": .string(sentence)]).text(pretty: false) + "\n", to: pipe)
    }

    private static func sentence(_ error: any Error) -> String {
        "\(error)".split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}
