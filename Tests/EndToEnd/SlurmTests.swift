import Foundation
import Manifests
import Testing

/// A cluster of one node on this machine, for as long as a test needs it: munge for its messages, a controller and a daemon, all in a
/// folder of their own.
private final class Cluster {
    let environment: [String: String]
    private let scratch: Scratch
    private let folder: String

    static let canStart: Bool =
        getuid() == 0
        && ["slurmctld", "slurmd", "munged", "sbatch", "squeue"].allSatisfy { name in
            ["/usr/bin", "/usr/sbin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }

    init(_ scratch: Scratch) throws {
        self.scratch = scratch
        folder = scratch.path + "/slurm"
        let host = ProcessInfo.processInfo.hostName
        let port = Int.random(in: 20000..<30000)
        for name in ["state", "spool", "log", "run"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try scratch.write(
            """
            ClusterName=one
            SlurmctldHost=\(host)(127.0.0.1)
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            AuthInfo=socket=\(folder)/run/munge
            CredType=cred/munge
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            ReturnToService=2
            SlurmctldPort=\(port)
            SlurmdPort=\(port + 1)
            StateSaveLocation=\(folder)/state
            SlurmdSpoolDir=\(folder)/spool
            SlurmctldPidFile=\(folder)/run/ctld
            SlurmdPidFile=\(folder)/run/d
            SlurmctldLogFile=\(folder)/log/ctld
            SlurmdLogFile=\(folder)/log/d
            KillWait=5
            SchedulerParameters=sched_interval=1,batch_sched_delay=0
            NodeName=\(host) NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
            PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
            """, to: "slurm/slurm.conf")
        try scratch.write(String(repeating: UUID().uuidString, count: 10), to: "slurm/key")
        chmod("\(folder)/key", 0o400)
        chmod("\(folder)/run", 0o755)
        environment = ProcessInfo.processInfo.environment.merging(["SLURM_CONF": "\(folder)/slurm.conf"]) { $1 }
        // Sessions of their own without our descriptors, since who waits for a process of Foundation waits for all that have these; and
        // none outlives a test that was killed for long.
        try scratch.write(
            """
            for fd in /proc/self/fd/*; do fd=${fd##*/}; [ $fd -lt 3 ] || eval "exec $fd>&-"; done
            serve() {
                setsid timeout --signal=KILL 900 "$@" </dev/null >/dev/null 2>&1 &
                echo $! >>run/services
            }
            serve munged --foreground --force --key-file="$PWD/key" --socket="$PWD/run/munge" --pid-file="$PWD/run/munged" \\
                --log-file="$PWD/log/munged" --seed-file="$PWD/run/seed"
            for i in $(seq 300); do [ -S run/munge ] && break; sleep 0.1; done
            serve slurmctld -D -i
            serve slurmd -D
            """, to: "slurm/services.sh")
        let started = try command(["sh", "-c", "cd slurm && bash services.sh"])
        #expect(started.status == 0, "\(started.errors)")
        // What a machine has to allow is seen by a job that does nothing: cgroups, users, addresses.
        try wait(for: "a node that is idle", minutes: 1) {
            try command(["sinfo", "--noheader", "--format=%t"]).output == "idle\n"
        }
        let nothing = try command(["sbatch", "--output=slurm/nothing", "--wrap=echo done"])
        #expect(nothing.status == 0, "\(nothing.errors)")
        try wait(for: "a job that does nothing", minutes: 1) { (try? scratch.read("slurm/nothing")) == "done\n" }
    }

    deinit {
        let services = (try? String(contentsOfFile: folder + "/run/services", encoding: .utf8)) ?? ""
        for group in services.split(whereSeparator: \.isNewline).compactMap({ pid_t($0) }).reversed() {
            kill(-group, SIGKILL)
        }
    }

    func command(_ words: [String]) throws -> Tool.Result {
        try Tool.run(words, with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch, environment: environment)
    }

    /// Asks until it holds; says what the services logged where it never does.
    func wait(for what: String, minutes: Double = 5, _ holds: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(60 * minutes)
        while try !holds() {
            guard ContinuousClock.now < end else {
                let logs = ["munged", "ctld", "d"].map { name in
                    let log = (try? scratch.read("slurm/log/\(name)")) ?? "nothing"
                    return "\(name): \(log.split(separator: "\n").suffix(10).joined(separator: "\n"))"
                }
                throw WaitedInVain(what: what, logs: logs.joined(separator: "\n"))
            }
            usleep(200_000)
        }
    }
}

private struct WaitedInVain: Error { var what, logs: String }

@Suite("A real Slurm", .serialized) struct SlurmTests {
    private static let study = """
        study: cluster
        dataset: {plugin: digits, train_rows: 300, test_rows: 101}
        model: {plugin: mlp, widths: [17], activation: tanh}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
        train: {steps: 200000, batch_size: 32}
        probes:
          test: {plugin: performance, split: test, at: {every: 40000}}
        seeds: 0..3

        """

    /// An array of two tasks; one gets the signal that a task gets before its time is over, goes back into the queue and goes on.
    @Test(.enabled(if: Cluster.canStart, "no slurm-wlm and munge, or not root"))
    func anArrayJob() throws {
        let scratch = try Scratch()
        let cluster: Cluster
        do {
            cluster = try Cluster(scratch)
        } catch let error as WaitedInVain {
            try Test.cancel("Slurm does not serve here; waited for \(error.what)\n\(error.logs)")
        }
        try scratch.write(Self.study, to: "s.yaml")
        func syzygy(_ words: [String]) throws -> Tool.Result {
            try cluster.command([Tool.executable.path] + words)
        }
        let whole = try syzygy(["run", "s.yaml", "--out", "whole", "--quiet"])
        #expect(whole.status == 0, "\(whole.errors)")
        let submitted = try syzygy([
            "submit", "--slurm", "s.yaml", "--out", "parts", "--tasks", "2", "--time", "5", "--memory", "100M",
            "--partition",
            "main", "--sbatch=--comment=test",
        ])
        #expect(submitted.status == 0, "\(submitted.errors)")
        let job = try #require(submitted.output.firstMatch(of: /^job (\d+): 2 tasks for 4 runs;/)?.1)
        try cluster.wait(for: "a run at work") {
            let status = try syzygy(["status", "parts"])
            return status.output.contains("Slurm job \(job), 2 tasks: ") && status.output.contains("  running  seed=")
        }
        let stopped = try cluster.command(["scancel", "--batch", "--signal=TERM", "\(job)_1"])
        #expect(stopped.status == 0, "\(stopped.errors)")
        try cluster.wait(for: "a task that is back in the queue") {
            let state = ["squeue", "--jobs=\(job)_1", "--noheader", "--format=%T %r"]
            return try cluster.command(state).output == "PENDING BeginTime\n"
        }
        // It would wait for two minutes. Not at once: a node starts no job again in the second in which it ended it.
        let soon = try cluster.command(["scontrol", "update", "JobId=\(job)_1", "StartTime=now+5"])
        #expect(soon.status == 0, "\(soon.errors)")
        try cluster.wait(for: "results of all runs") { try syzygy(["status", "parts"]).status == 0 }
        let log = try scratch.read("parts/slurm/\(job)_1.log")
        #expect(log.contains("interrupted; finished runs are kept"), "\(log)")
        #expect(try syzygy(["report", "parts"]).status == 0)
        #expect(try scratch.read("parts/table.csv") == scratch.read("whole/table.csv"))
        let again = try syzygy(["submit", "--slurm", "s.yaml", "--out", "parts"])
        #expect(again.output == "all 4 runs have results\n")
    }

    /// What is submitted, and what is refused, needs no cluster.
    @Test func theScript() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "a study.yaml")
        let result = try Tool.run(
            [
                "submit", "--slurm", "a study.yaml", "optimizer.lr=[0.1, 0.2]", "--out", "out", "--tasks", "3",
                "--time",
                "2:00:00", "--memory", "4G", "--cpus", "4", "--notice", "90", "--sbatch=--account=theory",
                "--dry-run",
            ], in: scratch)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try scratch.read("out/slurm/job.sh") == result.output)
        for line in [
            "#SBATCH --job-name=syzygy-cluster", "#SBATCH --array=1-3", "#SBATCH --time=2:00:00", "#SBATCH --mem=4G",
            "#SBATCH --cpus-per-task=4", "#SBATCH --requeue", "#SBATCH --signal=B:TERM@90",
            "#SBATCH --account=theory",
        ] {
            #expect(result.output.contains(line + "\n"), "\(line)")
        }
        #expect(result.output.contains("/a study.yaml' 'optimizer.lr=[0.1, 0.2]' --jobs 4 "), "\(result.output)")
        #expect(result.output.contains(#" --shard "$SLURM_ARRAY_TASK_ID/3" --quiet &"#))
        let none = try Tool.run(["submit", "a study.yaml"], in: scratch)
        #expect(none.status == 64 && none.errors.contains("--slurm is the only one that is known"), "\(none.errors)")
        let bare = try Tool.run(["submit", "--slurm", "a study.yaml", "--sbatch", "account"], in: scratch)
        #expect(bare.status == 64 && bare.errors.contains("expected an option of sbatch"), "\(bare.errors)")
    }
}
