import Foundation
import Manifests
import Studies
import Synchronization
import Testing

/// Runs plans with shell scripts in the place of workers. Serial, because an interruption concerns the whole process.
@Suite("Workers: results, crashes, interruption, reuse", .serialized)
struct StudyRunnerTests {
    private let folder: TemporaryFolder
    private let plan: StudyPlan

    init() throws {
        folder = try TemporaryFolder()
        plan = try Fixtures.plan(Fixtures.study, ["seeds=3"])
    }

    private func runner(_ script: String, isFresh: Bool = false, jobs: Int = 2) throws -> StudyRunner {
        let file = folder.path + "/worker.sh"
        try Data("\(script)\n".utf8).write(to: URL(fileURLWithPath: file))
        var runner = StudyRunner(
            plan: plan, folder: StudyFolder(folder.path + "/out"),
            // Read by a shell: a file that is executed must not be open for writing in any process that another test starts.
            command: WorkerCommand(executable: "/bin/sh", arguments: [file, folder.path + "/started"]), jobs: jobs,
            isFresh: isFresh)
        runner.grace = .milliseconds(100)
        return runner
    }

    private static let finish = #"echo "$2" >> "$1"; sed -i 's/"planned"/"finished"/' "$2/run.json""#

    private func started() throws -> Int {
        try String(contentsOfFile: folder.path + "/started", encoding: .utf8).split(separator: "\n").count
    }

    @Test func finishedRunsAreReused() throws {
        let first = try runner(Self.finish).run(display: QuietDisplay())
        #expect(first.records.map(\.status) == [.finished, .finished, .finished] && first.failed.isEmpty)
        #expect(try started() == 3)
        let second = try runner(Self.finish).run(display: QuietDisplay())
        #expect(second.records == first.records)
        #expect(try started() == 3)
        _ = try runner(Self.finish, isFresh: true).run(display: QuietDisplay())
        #expect(try started() == 6)
    }

    @Test func onlyWhatIsMissingRuns() throws {
        _ = try runner(Self.finish).run(display: QuietDisplay())
        let name = plan.runs[1].name
        try FileManager.default.removeItem(atPath: folder.path + "/out/runs/\(name)")
        _ = try runner(Self.finish).run(display: QuietDisplay())
        #expect(try started() == 4)
        let out = StudyFolder(folder.path + "/out")
        #expect(try out.recorded(out.readStudy()) == plan.runs.map(\.name))
    }

    @Test func crashIsRecordedAndOthersGoOn() throws {
        let crash = """
            case "$2" in *weight_decay0.0001*)
              echo "5 100 50.0 0.25"; echo "widths make no sense" >&2; echo "2026-11-20T22:41:26Z step 5" >&2; kill -SEGV $$;;
            esac
            \(Self.finish)
            """
        let outcome = try runner(crash).run(display: QuietDisplay())
        #expect(outcome.records.map(\.status) == [.finished, .failed, .finished])
        let failed = outcome.records[1]
        #expect(failed.message == "the worker ended with signal 11 (SIGSEGV) after step 5: widths make no sense")
        #expect(failed.step == 5)
        #expect(try RunRecord.read(folder: folder.path + "/out/runs/\(failed.name)") == failed)
        #expect(
            failed.failure
                == .init(end: "signal 11 (SIGSEGV)", log: ["widths make no sense", "2026-11-20T22:41:26Z step 5"]))
        // The next attempt leaves it, unless it is told not to.
        let again = try runner(Self.finish).run(display: QuietDisplay())
        #expect(try started() == 2 && again.records == outcome.records)
        var retrying = try runner(Self.finish)
        retrying.retried = [.failed]
        #expect(try retrying.run(display: QuietDisplay()).failed.isEmpty)
        #expect(try started() == 3)
    }

    @Test func aFailureStopsTheOthersIfItIsToldTo() throws {
        let script = """
            case "$2" in *weight_decay0-*) exit 3;; esac
            echo "$2" >> "$1"; exec tail -f /dev/null
            """
        var runner = try runner(script)
        runner.stopsOnFailure = true
        let outcome = try runner.run(display: QuietDisplay())
        #expect(outcome.stoppedOnFailure && !outcome.wasInterrupted)
        #expect(outcome.records.map(\.status) == [.failed, .interrupted, .planned])
        #expect(outcome.missing == 2)
    }

    /// Each run belongs to one shard, and a shard does nothing else.
    @Test func shards() throws {
        for (index, counts) in [(2, 1), (1, 3)] {
            var runner = try runner(Self.finish)
            runner.shard = Shard("\(index)/2")
            let outcome = try runner.run(display: QuietDisplay())
            #expect(try started() == counts)
            #expect(outcome.missing == 3 - counts)
        }
        #expect(Shard("0/2") == nil && Shard("3/2") == nil && Shard("1") == nil && Shard("1/2/3") == nil)
        #expect(Shard("a/2") == nil && Shard("-1/2") == nil && Shard("2/2")?.description == "2/2")
    }

    /// Runs that train together have one worker, a record each; its end is that of all which it had not concluded.
    @Test func oneWorkerForRunsThatTrainTogether() throws {
        let together = try Fixtures.plan(Fixtures.study, ["seeds=3..4", "train.together=4"])
        let script = #"""
            shift; echo $# >> "$1/../../../counts"
            sed -i 's/"planned"/"finished"/' "$1/run.json"
            [ $# -eq 4 ] && { echo "7 100 50.0 0.25"; kill -SEGV $$; }
            sed -i 's/"planned"/"diverged"/' "$2/run.json"
            """#
        var runner = try runner(script, jobs: 1)
        runner.plan = together
        let outcome = try runner.run(display: QuietDisplay())
        #expect(outcome.records.map(\.status) == [.finished, .failed, .failed, .failed, .finished, .diverged])
        #expect(
            Set(outcome.failed.map(\.message)) == ["the worker ended with signal 11 (SIGSEGV) after step 7"])
        #expect(try String(contentsOfFile: folder.path + "/counts", encoding: .utf8) == "4\n2\n")
        // What failed trains together again.
        runner.retried = [.failed]
        _ = try runner.run(display: QuietDisplay())
        #expect(try String(contentsOfFile: folder.path + "/counts", encoding: .utf8) == "4\n2\n3\n")
    }

    @Test func errorOfAWorkerIsItsMessage() throws {
        let outcome = try runner(#"echo '{"error": "no rows in split train"}'; exit 1"#).run(display: QuietDisplay())
        #expect(outcome.failed.map(\.message) == Array(repeating: "no rows in split train", count: 3))
    }

    @Test func exitWithoutAWord() throws {
        let outcome = try runner("exit 3").run(display: QuietDisplay())
        #expect(
            outcome.failed.map(\.message)
                == Array(repeating: "the worker ended with exit status 3 after step 0", count: 3))
    }

    /// The end of a long log begins within a line of ours, which nobody said.
    @Test func aLongLogIsNotQuotedFromTheMiddleOfALine() throws {
        let script = #"yes "2026-11-20T22:41:26Z step 53100 loss 0.25" | head -n 3000 >&2; exit 3"#
        let outcome = try runner(script).run(display: QuietDisplay())
        #expect(
            outcome.failed.map(\.message)
                == Array(repeating: "the worker ended with exit status 3 after step 0", count: 3))
    }

    /// Several processes share one folder; here they are threads.
    @Test func aRunIsComputedOnceByAll() throws {
        let outcomes = Mutex<[StudyRunner.Outcome]>([])
        let script = #"read line < /dev/null; "# + Self.finish
        let runners = try (0..<3).map { _ in try runner(script, jobs: 1) }
        DispatchQueue.concurrentPerform(iterations: 3) { index in
            guard let outcome = try? runners[index].run(display: QuietDisplay()) else { return }
            outcomes.withLock { $0.append(outcome) }
        }
        // Each waits until all are done.
        #expect(
            outcomes.withLock { $0.map { $0.records.map(\.status) } }
                == Array(repeating: [.finished, .finished, .finished], count: 3))
        #expect(try started() == 3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out/leases").isEmpty)
    }

    /// Runs of a process that is gone are taken over, and what it left half-written is swept out.
    @Test func whatADeadProcessLeftIsTakenOver() throws {
        let out = StudyFolder(folder.path + "/out")
        try out.write(plan)
        let dead = RunHolder(machine: RunHolder.this.machine, host: "here", process: RunHolder.this.process, began: 1)
        guard case .taken = try Leases(out, holder: dead).take(plan.runs[1].name) else { throw Unexpected() }
        let path = out.runFolder(plan.runs[1].name)
        try StudyFolder.create(path)
        try Data("x".utf8).write(to: URL(fileURLWithPath: path + "/.run.json.17.123.tmp"))
        let outcome = try runner(Self.finish).run(display: QuietDisplay())
        #expect(outcome.records.map(\.status) == [.finished, .finished, .finished])
        #expect(!FileManager.default.fileExists(atPath: path + "/.run.json.17.123.tmp"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: out.leasesFolder).isEmpty)
    }

    private struct Unexpected: Error {}

    @Test func aFileInThePlaceOfTheFolder() throws {
        let file = folder.path + "/out"
        try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: StudyError("\(file): the folder cannot be created: a file of this name is in its place")) {
            try runner("").run(display: QuietDisplay())
        }
    }

    /// When the study itself cannot go on, its workers do not stay behind.
    @Test func workersEndWithAStudyThatCannotGoOn() throws {
        let script = """
            trap 'echo ended > "\(folder.path)/first"; exit 1' TERM
            case "$2" in *weight_decay0-*) touch "\(folder.path)/ready"; while :; do :; done;; esac
            until [ -e "\(folder.path)/ready" ]; do :; done
            rm -r "\(folder.path)/out/leases"; : > "\(folder.path)/out/leases"
            """
        var runner = try runner(script)
        runner.grace = .seconds(60)
        let error = #expect(throws: StudyError.self) { try runner.run(display: QuietDisplay()) }
        #expect(
            error?.lines.first?.hasSuffix("the folder cannot be created: a file of this name is in its place")
                ?? false,
            "\(String(describing: error))")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/first"))
    }

    @Test func missingProgram() throws {
        var runner = try runner("")
        runner.command.executable = "/no/such/program"
        #expect(throws: StudyError("/no/such/program cannot be started: No such file or directory")) {
            try runner.run(display: QuietDisplay())
        }
    }

    /// Sends this process SIGINT when a worker has reported step 3.
    private final class InterruptingDisplay: StudyDisplay {
        func begin(plan: StudyPlan, work: StudyRunner.Work, jobs: Int) {}
        func progress(_ active: [(run: PlannedRun, progress: RunProgress)], waiting: Int, elsewhere: Int) {
            if active.contains(where: { $0.progress.step == 3 }) { kill(getpid(), SIGINT) }
        }
        func ended(_ run: PlannedRun, _ record: RunRecord) {}
        func end(_ outcome: StudyRunner.Outcome) {}
    }

    @Test(arguments: ["", "trap '' TERM;"])
    func interruptionKeepsWhatIsFinished(_ trap: String) throws {
        let script = """
            case "$2" in *weight_decay0-*) \(Self.finish); exit 0;; esac
            \(trap) echo "3 100 10.0 0.5"; exec tail -f /dev/null
            """
        let outcome = try runner(script, jobs: 1).run(display: InterruptingDisplay())
        #expect(outcome.wasInterrupted)
        #expect(outcome.records.map(\.status) == [.finished, .interrupted, .planned])
        #expect(outcome.records[1].message == "stopped at step 3")
    }

    @Test func environmentOfWorkers() throws {
        let script = #"env > "$2/environment"; "# + Self.finish
        _ = try runner(script).run(display: QuietDisplay())
        let text = try String(
            contentsOfFile: folder.path + "/out/runs/\(plan.runs[0].name)/environment", encoding: .utf8)
        let lines = Set(text.split(separator: "\n").map(String.init))
        #expect(lines.isSuperset(of: ["OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"]))
    }
}

@Suite("What the terminal says")
struct StudyDisplayTests {
    private static func transcript(isTerminal: Bool) throws -> String {
        var text = ""
        var time = 0.0
        let display = LineDisplay(
            isTerminal: isTerminal,
            now: {
                time += 1; return time
            }, write: { text += $0 })
        let plan = try Fixtures.plan(Fixtures.study, ["seeds=3", "train.steps=4000"])
        display.begin(plan: plan, work: .init(runs: 3, done: 1), jobs: 2)
        display.progress(
            [(plan.runs[1], RunProgress(step: 2000, total: 4000, stepsPerSecond: 9800, loss: 0.02134))], waiting: 1,
            elsewhere: 0)
        var record = RunRecord(run: plan.runs[1], study: "", title: "")
        (record.status, record.step, record.seconds, record.stepsPerSecond) = (.finished, 4000, 0.41, 9756)
        display.ended(plan.runs[1], record)
        (record.step, record.stepsPerSecond) = (1, 0)
        display.ended(plan.runs[1], record)
        (record.status, record.message) = (.diverged, "loss became inf at step 212")
        display.ended(plan.runs[2], record)
        return text
    }

    @Test func plainLines() throws {
        #expect(
            try Self.transcript(isTerminal: false) == """
                wells · 3 runs · 2 jobs · plan: 1 done, 2 to run
                  finished  weight_decay=0.0001 seed=3  4,000 steps  0:00  9.8 k steps/s
                  finished  weight_decay=0.0001 seed=3  1 step  0:00
                  diverged  weight_decay=0.001 seed=3  loss became inf at step 212

                """)
    }

    @Test func redrawnBlock() throws {
        let text = try Self.transcript(isTerminal: true)
        #expect(text.contains("  weight_decay=0.0001 seed=3  █████████░░░░░░░░░  2,000/4,000  9.8 k"))
        #expect(text.contains("  0 of 2 done · eta 0:01\n"))
        #expect(text.contains("\u{1B}[2A\u{1B}[J"))
    }

    @Test func words() {
        #expect([0, 999, 1000, -1_234_567].map(Words.grouped) == ["0", "999", "1,000", "-1,234,567"])
        #expect([7, 723, 3723, .infinity].map(Words.duration) == ["0:07", "12:03", "1:02:03", "?"])
        #expect([0.1234, 9800, 2.5e6].map(Words.rate) == ["0.123 steps/s", "9.8 k steps/s", "2.5 M steps/s"])
        #expect(Words.count(1, "run") == "1 run" && Words.count(1200, "run") == "1,200 runs")
    }
}
