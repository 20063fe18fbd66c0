import ArgumentParser
import Foundation
import PluginHost
import Studies

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compute the runs of a study that have no result yet, then its tables and report.",
        discussion: """
            Exit status: 0 all runs done (and all claims hold, with --check), 1 a run failed or a claim does not hold, \
            64 wrong usage, study or manifest, 130 interrupted. A run that diverges is a result, not a failure. The first Ctrl-C lets \
            runs write where they are, from where the same command goes on; the second ends everything at once. The same command \
            in several terminals or on several machines with one folder shares the runs.
            """)

    @OptionGroup var study: StudyOptions

    @Option(help: "Runs computed at once (default: the number of cores, divided by the threads of a run).")
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "Compute a part of the runs only: 3/20 is the third of twenty equal parts, for machines that share the folder.",
            valueName: "k/n"))
    var shard: Shard?

    @Option(
        help: ArgumentHelp("Compute runs again that ended so: failed, diverged. Repeatable.", valueName: "status"))
    var retry: [RetriedStatus] = []

    @Flag(help: "When a run fails, stop the others and exit.")
    var stopOnFailure = false

    @Option(
        help: ArgumentHelp(
            "Seconds between checkpoints of a run, from which it goes on after a crash or power failure.",
            valueName: "s"))
    var checkpointEvery = 30.0

    @OptionGroup var order: OrderOptions
    @OptionGroup var isolation: IsolationOptions
    @OptionGroup var lock: LockOptions

    @Flag(help: "Fail unless every claim of the study holds.")
    var check = false

    @Flag(help: "Compute finished runs again.")
    var fresh = false

    @Flag(help: "Print errors only.")
    var quiet = false

    func validate() throws {
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1, got \(jobs)") }
        if !(checkpointEvery >= 0) {
            throw ValidationError("--checkpoint-every must be at least 0 seconds, got \(checkpointEvery)")
        }
    }

    func run() throws {
        let (plan, folder) = try study.plan()
        let locked = try lock.check(plan, study.plugins)
        let options = study.plugins.arguments + isolation.arguments + locked
        let command = WorkerCommand(
            arguments: ["worker", "--checkpoint-every", String(checkpointEvery)] + options,
            pairArguments: ["pair"] + options)
        let threads = plan.runs.map(\.configuration.train.threads).max() ?? 1
        var runner = StudyRunner(
            plan: plan, folder: folder, command: command,
            jobs: jobs ?? min(max(1, Host.cores / threads), max(1, plan.runs.count)), isFresh: fresh)
        runner.retried = Set(retry.map(\.status))
        (runner.shard, runner.stopsOnFailure, runner.order) = (shard, stopOnFailure, order.order)
        let outcome = try Failure.report(status: .failure) {
            try runner.run(display: quiet ? QuietDisplay() : LineDisplay())
        }
        for record in outcome.failed { Failure.say("run \(record.name) failed: \(record.message)") }
        for sentence in outcome.failedPairs { Failure.say(sentence) }
        if outcome.wasInterrupted {
            Failure.say("interrupted; finished runs are kept, the same command computes the rest")
            throw ExitCode(130)
        }
        guard outcome.missing == 0 else {
            if outcome.stoppedOnFailure { Failure.say("stopped after a failure; the same command computes the rest") }
            if !quiet {
                let count = outcome.records.count - outcome.missing
                print(
                    "\(Words.grouped(count)) of \(Words.count(outcome.records.count, "run")) have results; 'syzygy report \(folder.path)' makes tables and report of them"
                )
            }
            throw ExitCode(outcome.failed.isEmpty ? 0 : 1)
        }
        let results = try Results(folder)
        if !quiet { results.printTable() }
        try results.write()
        let holds = results.printClaims(failuresOnly: quiet)
        if !quiet { print("report: \(folder.reportFile)") }
        if !outcome.failed.isEmpty || !outcome.failedPairs.isEmpty || (check && !holds) { throw ExitCode(1) }
    }
}

/// The order in which runs start.
struct OrderOptions: ParsableArguments {
    @Option(
        name: .customLong("order"),
        help: ArgumentHelp(
            "Start runs in random order, so that a sweep which is stopped has points everywhere, or in that of the grid.",
            valueName: "random|grid"))
    var kind = StudyOrder.Kind.random

    @Option(help: ArgumentHelp("Another random order.", valueName: "n"))
    var sweepSeed = 0

    var order: StudyOrder { StudyOrder(kind, sweepSeed: sweepSeed) }
}

extension StudyOrder.Kind: ExpressibleByArgument {}

enum RetriedStatus: String, ExpressibleByArgument, CaseIterable {
    case failed, diverged

    var status: RunRecord.Status { self == .failed ? .failed : .diverged }
}

extension Shard: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
    public static var allValueStrings: [String] { ["1/2"] }
}

/// `syzygy worker RUN_FOLDER…`: a run of a study, or several that train together, started by `syzygy run`.
struct WorkerProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

    @OptionGroup var plugins: PluginOptions
    @OptionGroup var isolation: IsolationOptions
    /// The lock that libraries must match.
    @Option var lock: String?
    @Option var checkpointEvery = Double.infinity
    @Argument var folders: [String]

    func run() throws {
        // The nursery knows the manifests, and has one thread.
        let isIsolated = isolation.isolation.mode != .none
        let records = folders.compactMap { try? RunRecord.read(folder: $0) }
        let registry = Registry(
            paths: Registry.searchPath(options: plugins.paths),
            only: records.count == folders.count ? Set(records.flatMap { $0.plugins.map(\.id) }) : nil,
            startsThreads: !isIsolated)
        if isIsolated, try Nursery.fork(knowing: registry) { return }
        let planner = try Failure.report { try StudyPlanner(registry: registry) }
        let locked = try Failure.report { try lock.map { try LockFile(reading: $0) } }
        let executor = RunExecutor(registry: registry, isolation: isolation.isolation, lock: locked)
        let worker = Worker(
            folders: folders, planner: planner, isolation: isolation.isolation, checkpointEvery: checkpointEvery)
        throw ExitCode(worker.run(executor.run))
    }
}

/// `syzygy pair FILE RUN_FOLDER RUN_FOLDER`: what probes measure of two finished runs, started by `syzygy run`.
struct PairProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pair", shouldDisplay: false)

    @OptionGroup var plugins: PluginOptions
    @OptionGroup var isolation: IsolationOptions
    /// The lock that libraries must match.
    @Option var lock: String?
    @Argument var file: String
    @Argument var folders: [String]

    func run() throws {
        let registry = plugins.registry
        let planner = try Failure.report { try StudyPlanner(registry: registry) }
        let locked = try Failure.report { try lock.map { try LockFile(reading: $0) } }
        let executor = RunExecutor(registry: registry, isolation: isolation.isolation, lock: locked)
        throw ExitCode(PairWorker(file: file, folders: folders, planner: planner).run(executor))
    }
}

/// Which code of plugins runs in processes of its own.
struct IsolationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Which components run in a process of their own, where a crash or an endless loop costs their values or their run \
            only: auto (those of plugins that neither ship with this installation nor have passed 'plugin validate'), probes \
            (datasets and probes of all plugins), all, none.
            """, valueName: "mode"))
    var isolate = Isolation.Mode.auto

    @Option(help: ArgumentHelp("Seconds that one call in such a process may take.", valueName: "s"))
    var deadline = 60

    @Option(name: .customLong("plugin-memory"), help: ArgumentHelp("Memory that it may use.", valueName: "MiB"))
    var memory = 4096

    func validate() throws {
        if deadline < 1 { throw ValidationError("--deadline must be at least 1 second, got \(deadline)") }
        if memory < 64 { throw ValidationError("--plugin-memory must be at least 64 MiB, got \(memory)") }
    }

    var isolation: Isolation { Isolation(mode: isolate, seconds: deadline, megabytes: memory) }

    var arguments: [String] {
        ["--isolate", isolate.rawValue, "--deadline", String(deadline), "--plugin-memory", String(memory)]
    }
}

extension Isolation.Mode: ExpressibleByArgument {}

/// `syzygy sandbox`: makes processes that run code of plugins for the process that started it.
struct SandboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sandbox", shouldDisplay: false)

    func run() throws {
        let server = try Failure.report { try Nursery.serve() }
        server?.run()
    }
}
