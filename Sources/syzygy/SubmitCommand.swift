import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Studies

struct Submit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compute the runs of a study as an array job of a cluster.",
        discussion: """
            Writes OUT/slurm/job.sh and gives it to sbatch. Each task computes an equal part of the runs; the folder must be one that all \
            nodes see. Before its time is over a task stops, goes back into the queue and goes on from there. 'syzygy status OUT' follows \
            it, 'syzygy report OUT' makes tables and report.
            """)

    @OptionGroup var study: StudyOptions
    @OptionGroup var isolation: IsolationOptions
    @OptionGroup var lock: LockOptions

    @Flag(help: "Submit to Slurm, the only scheduler that is known so far.")
    var slurm = false

    @Option(help: "Tasks of the array (default: one for each program to run, at most 16).")
    var tasks: Int?

    @Option(help: ArgumentHelp("Partition.", valueName: "name"))
    var partition: String?

    @Option(help: ArgumentHelp("Time of a task, as sbatch takes it: 2:00:00, 1-12.", valueName: "time"))
    var time: String?

    @Option(help: ArgumentHelp("Memory of a task: 4G.", valueName: "size"))
    var memory: String?

    @Option(
        help: ArgumentHelp("Processors of a task, and with the threads of a run its runs at once.", valueName: "n"))
    var cpus = 1

    @Option(
        help: ArgumentHelp(
            "Seconds before the end of its time at which a task stops and goes back into the queue.", valueName: "s"))
    var notice = 60

    @Option(
        help: ArgumentHelp(
            "A further option of sbatch, such as --sbatch=--account=theory. Repeatable.", valueName: "option"))
    var sbatch: [String] = []

    @Flag(help: "Write the script and print it; submit nothing.")
    var dryRun = false

    func validate() throws {
        if !slurm { throw ValidationError("which scheduler? --slurm is the only one that is known") }
        if let tasks, tasks < 1 { throw ValidationError("--tasks must be at least 1, got \(tasks)") }
        if cpus < 1 { throw ValidationError("--cpus must be at least 1, got \(cpus)") }
        if notice < 1 { throw ValidationError("--notice must be at least 1 second, got \(notice)") }
        if let bad = sbatch.first(where: { !$0.hasPrefix("-") }) {
            throw ValidationError(
                "--sbatch '\(bad)': expected an option of sbatch, such as --sbatch=--account=theory")
        }
    }

    func run() throws {
        let (plan, folder) = try study.plan()
        let locked = try lock.check(plan, study.plugins)
        let missing = StudyProgress(plan, folder).missing
        guard !missing.isEmpty else { return print("all \(Words.count(plan.runs.count, "run")) have results") }
        let programs = StudyPlan.groups(missing).count
        let threads = plan.runs.map(\.configuration.train.threads).max() ?? 1
        let here = FileManager.default.currentDirectoryPath
        func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        let options = [
            partition.map { "--partition=\($0)" }, time.map { "--time=\($0)" }, memory.map { "--mem=\($0)" },
            "--cpus-per-task=\(cpus)",
        ]
        let job = SlurmJob(
            arguments: [absolute(study.file)] + study.overrides + ["--jobs", String(max(1, cpus / threads))]
                + study.plugins.paths.flatMap { ["--plugin-path", absolute($0)] } + isolation.arguments + locked,
            executable: Installation.executable ?? "syzygy", directory: here,
            folder: StudyFolder(absolute(folder.path)),
            name: "syzygy-\(plan.name)", tasks: min(tasks ?? 16, programs),
            options: options.compactMap(\.self) + sbatch,
            notice: notice)
        try Failure.report(status: .failure) {
            if dryRun {
                try job.write()
                print(job.script, terminator: "")
                return
            }
            let number = try job.submit()
            print(
                "job \(number): \(Words.count(job.tasks, "task")) for \(Words.count(missing.count, "run")); 'syzygy status \(folder.path)' follows it"
            )
        }
    }
}
