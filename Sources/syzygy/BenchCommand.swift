import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Studies

/// `syzygy bench-plugins DIR`: what calls of plugins cost, for `./dev bench plugins`.
struct PluginBench: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bench-plugins", shouldDisplay: false)

    @ArgumentParser.Argument var folder: String

    func run() throws {
        try Failure.report(status: .failure) { print(try HostBenchmark.run(folder: folder).text(pretty: true)) }
    }
}

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Time the training step of a workload, or of a study's first run or first runs that train together.",
        discussion: """
            A workload is a name, such as mlp-mid, of Tests/Benchmarks/workloads.json. Times are medians over blocks of \
            steps after warming up, without observations. The peak is that of a large matrix product in the same process. \
            All plugins run in this process: what isolation costs, ./dev bench plugins measures.
            """)

    @ArgumentParser.Argument(
        help: ArgumentHelp("A workload's name, or a study, YAML or JSON.", valueName: "workload|study.yaml"))
    var name: String

    @ArgumentParser.Argument(
        help: ArgumentHelp("Values instead of the file's: train.batch_size=16.", valueName: "key=value"))
    var overrides: [String] = []

    @Option(help: "Threads of the run (default: the study's train.threads).")
    var threads: Int?

    @Option(help: "How long to measure.")
    var seconds = 2.0

    @Option(help: ArgumentHelp("What to time instead of the workload's own: \(Bench.works).", valueName: "work"))
    var of: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Time nothing; write parameters, batch and results of the first steps (safetensors), for comparison.",
            valueName: "file"))
    var export: String?

    @OptionGroup var plugins: PluginOptions

    private static let works = Workload.Work.allCases.map(\.rawValue).joined(separator: ", ")

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, got \(threads)") }
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds must be above 0 and at most 3600, got \(seconds)")
        }
        if let of, Workload.Work(rawValue: of) == nil {
            let names = Workload.Work.allCases.map(\.rawValue)
            throw ValidationError("--of \(of): unknown\(Nearest.hint(for: of, among: names))")
        }
    }

    func run() throws {
        let begin = ContinuousClock.now
        let workload = try Failure.report { try Workload(named: name) }
        let registry = plugins.registry
        let plan = try StudyOptions.plan(
            workload.file, workload.overrides + overrides + (threads.map { ["train.threads=\($0)"] } ?? []), registry)
        guard let runs = StudyPlan.groups(plan.runs).first else { return }
        let planned = ContinuousClock.now - begin
        try Failure.report(status: .failure) {
            try WorkerEnvironment.enter(threads: runs[0].configuration.train.threads)
            let benchmark = Benchmark(
                runs, work: of.flatMap(Workload.Work.init) ?? workload.work, executor: RunExecutor(registry: registry)
            )
            if let export { return try benchmark.export(to: export) }
            let result = try benchmark.measure(seconds: seconds, planned: planned)
            print(
                json ? result.json(workload: workload.name).text(pretty: true) : result.text(workload: workload.name))
        }
    }
}
