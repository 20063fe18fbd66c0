import ArgumentParser
import Foundation
import PluginHost
import Studies

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compute the runs of a study that have no result yet, then its tables and report.",
        discussion: """
            Exit status: 0 all runs done (and all claims hold, with --check), 1 a run failed or a claim does not hold, \
            64 wrong usage, study or manifest, 130 interrupted. A run that diverges is a result, not a failure.
            """)

    @OptionGroup var study: StudyOptions

    @Option(help: "Runs computed at once (default: the number of cores).")
    var jobs: Int?

    @Flag(help: "Fail unless every claim of the study holds.")
    var check = false

    @Flag(help: "Compute finished runs again.")
    var fresh = false

    @Flag(help: "Print errors only.")
    var quiet = false

    func validate() throws {
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1, got \(jobs)") }
    }

    func run() throws {
        let (plan, folder) = try study.plan()
        let command = WorkerCommand(arguments: ["worker"] + study.plugins.arguments)
        let runner = StudyRunner(
            plan: plan, folder: folder, command: command, jobs: jobs ?? min(Host.cores, max(1, plan.runs.count)),
            isFresh: fresh)
        let outcome = try Failure.report(status: .failure) {
            try runner.run(display: quiet ? QuietDisplay() : LineDisplay())
        }
        for record in outcome.failed { Failure.say("run \(record.name) failed: \(record.message)") }
        if outcome.wasInterrupted {
            Failure.say("interrupted; finished runs are kept, the same command computes the rest")
            throw ExitCode(130)
        }
        let results = try Results(folder)
        if !quiet { results.printTable() }
        try results.write()
        let holds = results.printClaims(failuresOnly: quiet)
        if !quiet { print("report: \(folder.reportFile)") }
        if !outcome.failed.isEmpty || (check && !holds) { throw ExitCode(1) }
    }
}

/// `syzygy worker RUN_FOLDER…`: a run of a study, or several that train together, started by `syzygy run`.
struct WorkerProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

    @OptionGroup var plugins: PluginOptions
    @Argument var folders: [String]

    func run() throws {
        let registry = plugins.registry
        let planner = try Failure.report { try StudyPlanner(registry: registry) }
        let executor = RunExecutor(registry: registry)
        throw ExitCode(Worker(folders: folders, planner: planner).run(executor.run))
    }
}
