import ArgumentParser
import Foundation
import Studies

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how far the runs of a study are, and which processes of which machines compute some.",
        discussion: "Exit status: 0 all runs have results, 1 a run failed, 3 runs are missing.")

    @Argument(help: ArgumentHelp("The folder that 'syzygy run' wrote.", valueName: "out"))
    var folder: String

    func run() throws {
        let status = try Failure.report { try StudyStatus(StudyFolder(folder)) }
        print(status.heading)
        for line in status.lines(in: folder, queue: StudyFolder(folder).slurmWords) { print(line) }
        if status.exitCode != 0 { throw ExitCode(status.exitCode) }
    }
}
