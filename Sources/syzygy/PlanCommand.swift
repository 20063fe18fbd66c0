import ArgumentParser
import Foundation
import Manifests
import OrderedCollections
import PluginHost
import Studies

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Show what 'syzygy run' would do: every value with its origin, the probes' steps, the settings, the time.",
        discussion: """
            The time is that of finished runs of the folder: of the same setting, else of all, in proportion to their steps. \
            --time measures it: it trains the first runs of up to 4 settings for half a second each, in this process.
            """)

    /// Settings of a page; of more, those that are done are left out.
    private static let mostSettings = 40
    private static let mostTimed = 4

    @OptionGroup var study: StudyOptions

    @Option(help: "Runs computed at once (default: the number of cores).")
    var jobs: Int?

    @Flag(help: "List every run, not only every setting.")
    var runs = false

    @Flag(help: "Train some runs for half a second each to estimate the time.")
    var time = false

    func validate() throws {
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1, got \(jobs)") }
    }

    func run() throws {
        let (plan, folder) = try study.plan()
        guard let first = plan.runs.first else { return }
        let progress = StudyProgress(plan, folder)
        let measured = time ? try measure(progress) : []
        print(plan.title.isEmpty ? plan.name : "\(plan.name): \(plan.title)")
        print()
        printValues(progress)
        if !first.configuration.probes.isEmpty { print() }
        for probe in first.configuration.probes {
            let steps = probe.sighting.steps.map(Words.grouped).joined(separator: " ")
            print("probe \(probe.key) at \(Words.count(probe.sighting.steps.count, "step")): \(steps)")
        }
        print()
        if runs {
            for run in plan.runs { print("  \(word(progress.status(run)).padded(7))  \(run.name)  \(run.label)") }
            print()
        } else if progress.settings.count > 1 {
            printSettings(progress)
            print()
        }
        printTotals(progress, folder, measured)
    }

    private func word(_ status: RunRecord.Status?) -> String {
        switch status {
        case nil, .planned, .interrupted: "to run"
        case .finished, .diverged: "done"
        case .running, .failed: status?.rawValue ?? ""
        }
    }

    // MARK: - Settings

    /// One row for each setting: what it sweeps, and how many of its seeds are how far.
    private func printSettings(_ progress: StudyProgress) {
        let all = progress.settings
        let isShort = all.count <= Self.mostSettings
        let shown = isShort ? all : Array(all.filter { !$0.isDone }.prefix(Self.mostSettings))
        let names = SweepNames(progress.plan.axes.keys)
        let columns: [(String, (StudyProgress.Setting) -> Int)] = [
            ("done", \.done), ("running", \.running), ("failed", \.failed), ("to run", \.missing),
        ]
        if !shown.isEmpty {
            let labels = shown.map { names.label($0.runs[0].swept) }
            let width = labels.map(\.count).max() ?? 0
            print("  \("setting".padded(width))  \(columns.map { $0.0.leftPadded(7) }.joined(separator: " "))")
            for (setting, label) in zip(shown, labels) {
                let counts = columns.map { column -> String in
                    let count = column.1(setting)
                    return (count == 0 ? "·" : String(count)).leftPadded(7)
                }
                print("  \(label.padded(width))  \(counts.joined(separator: " "))")
            }
        }
        guard !isShort else { return }
        let done = all.filter(\.isDone).count
        let rest = all.count - done - shown.count
        let words = [
            rest > 0 ? "\(Words.count(rest, "more setting")) to run" : nil,
            done > 0 ? "\(Words.count(done, "setting")) done" : nil,
        ].compactMap(\.self)
        print("  \(shown.isEmpty ? "" : "and ")\(words.joined(separator: ", ")); --runs lists every run")
    }

    // MARK: - Totals

    private func printTotals(
        _ progress: StudyProgress, _ folder: StudyFolder, _ measured: [(runs: [PlannedRun], secondsPerStep: Double)]
    ) {
        let plan = progress.plan, missing = progress.missing
        let what =
            plan.seeds.count > 1 && progress.settings.count > 1
            ? " (\(Words.count(progress.settings.count, "setting")), \(Words.count(plan.seeds.count, "seed")))" : ""
        print(
            "\(Words.count(plan.runs.count, "run"))\(what) in \(folder.path): \(Words.grouped(progress.done)) done, \(Words.grouped(missing.count)) to run"
        )
        guard !missing.isEmpty else { return }
        let groups = StudyPlan.groups(missing)
        if missing.contains(where: { $0.configuration.train.together > 1 }) {
            print(
                "training together: \(Words.count(groups.count, "program")) of at most \(groups.map(\.count).max() ?? 0) runs"
            )
        }
        let jobs = min(jobs ?? Host.cores, groups.count)
        let estimate =
            progress.estimate(jobs: jobs, measured: measured) ?? progress.estimate(jobs: jobs)
        guard let estimate else {
            return print("time: unknown, for no run of this folder has finished; --time measures some steps")
        }
        print("time: about \(Words.duration(estimate.seconds)) with \(Words.count(jobs, "job")), \(estimate.basis)")
    }

    /// Seconds of a step of the programs of some settings, spread over the plan.
    private func measure(
        _ progress: StudyProgress
    ) throws -> [(runs: [PlannedRun], secondsPerStep: Double)] {
        let groups = StudyPlan.groups(progress.missing).filter { $0[0].configuration.training != nil }
        let settings = OrderedDictionary(grouping: groups, by: { $0[0].swept }).values.compactMap(\.first)
        guard let first = settings.first else { return [] }
        return try Failure.report(status: .failure) {
            try WorkerEnvironment.enter(threads: first[0].configuration.train.threads)
            let executor = RunExecutor(registry: study.plugins.registry)
            let count = min(Self.mostTimed, settings.count)
            return try (0..<count).map { i in
                let group = settings[count == 1 ? 0 : i * (settings.count - 1) / (count - 1)]
                let benchmark = Benchmark(group, work: .step, executor: executor)
                return (group, try benchmark.secondsPerStep(seconds: 0.5))
            }
        }
    }

    // MARK: - Values

    /// `optimizer.lr  0.1  file`; a key that is swept, or refers to one, shows all its values, and one that some settings lack, how many
    /// have it.
    private func printValues(_ progress: StudyProgress) {
        let settings = progress.settings.map { $0.runs[0] }
        var rows: OrderedDictionary<String, (values: OrderedSet<JSON>, count: Int, origin: Origin)> = [:]
        for run in settings {
            for (key, origin) in run.origins {
                let value = run.configuration.json.value(at: key) ?? .null
                rows[key, default: ([], 0, origin)].values.append(value)
                rows[key]?.count += 1
            }
        }
        let lines = rows.map { key, row in
            let some =
                row.count < settings.count ? "  (\(row.count) of \(Words.count(settings.count, "setting")))" : ""
            return (key, Self.text(row.values.elements), row.origin.description + some)
        }
        let keyWidth = lines.map(\.0.count).max() ?? 0
        let valueWidth = min(60, lines.map(\.1.count).max() ?? 0)
        for (key, value, origin) in lines {
            print("  \(key.padded(keyWidth))  \(value.padded(valueWidth))  \(origin)")
        }
    }

    private static func text(_ values: [JSON]) -> String {
        let words = values.prefix(8).map { $0.text(pretty: false) }.joined(separator: ", ")
        guard values.count > 8, let last = values.last else { return words }
        return "\(words), … \(last.text(pretty: false)) (\(Words.grouped(values.count)) values)"
    }
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
