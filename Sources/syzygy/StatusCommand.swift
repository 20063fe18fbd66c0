import ArgumentParser
import Foundation
import Studies

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how far the runs of a study are, and which processes of which machines compute some.",
        discussion: "Exit status: 0 all runs have results, 1 a run failed, 3 runs are missing.")

    @Argument(help: ArgumentHelp("The folder that 'syzygy run' wrote.", valueName: "out"))
    var folder: String

    private static let mostFailures = 10

    func run() throws {
        let status = try Failure.report { try StudyStatus(StudyFolder(folder)) }
        print("\(status.title.isEmpty ? status.name : "\(status.name): \(status.title)")")
        print("\(Words.count(status.runs, "run")) in \(folder): \(status.words)")
        if let queue = StudyFolder(folder).slurmWords { print(queue) }
        let width = status.active.map(\.label.count).max() ?? 0
        for run in status.active {
            let progress = run.lease.progress
            let words = [
                "  running  \(run.label.padded(width))",
                run.total > 0
                    ? "\(Words.grouped(progress.step))/\(Words.grouped(run.total))"
                    : Words.count(progress.step, "step"),
                progress.stepsPerSecond > 0 ? Words.rate(progress.stepsPerSecond) : nil,
                progress.loss.isFinite ? "loss \(Words.short(progress.loss))" : nil,
                "\(run.lease.holder.host), process \(run.lease.holder.process)",
            ]
            print(words.compactMap(\.self).joined(separator: "  "))
        }
        for run in status.failed.prefix(Self.mostFailures) { print("  failed  \(run.label)  \(run.message)") }
        if status.failed.count > Self.mostFailures {
            print("  and \(status.failed.count - Self.mostFailures) more failed")
        }
        if let remaining = status.remaining { print("about \(Words.duration(remaining)) left") }
        if status.count(.running) + status.waiting > 0 { throw ExitCode(3) }
        if !status.failed.isEmpty { throw ExitCode(1) }
    }
}
