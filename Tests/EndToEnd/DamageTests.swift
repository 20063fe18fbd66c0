import Foundation
import Testing

/// Disks that are full or read-only, files that are damaged: a clear outcome each, and nothing lost.
@Suite("Damage") struct DamageTests {
    private static let study = """
        study: damaged
        dataset: {plugin: digits, train_rows: 300, test_rows: 101}
        model: {plugin: mlp, widths: [17], activation: tanh}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
        train: {steps: 30000, batch_size: 32, log_every: 1000000}
        probes:
          test: {plugin: performance, split: test, at: {every: 500}}
        seeds: 5

        """

    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
    }

    private func start(
        _ out: String, _ more: [String] = [], interrupt: ((Process) -> Void)? = nil
    ) throws -> Tool.Result {
        try Tool.run(
            ["run", "s.yaml", "--out", out, "--checkpoint-every", "0"] + more, in: scratch, interrupt: interrupt)
    }

    private func bytes(_ file: String) -> Data? { FileManager.default.contents(atPath: "\(scratch.path)/\(file)") }

    /// The folder of the only run of `out`, relative.
    private func run(_ out: String) throws -> String {
        "\(out)/runs/\(try #require(try scratch.names("\(out)/runs").first))"
    }

    /// Bytes of what the run has measured so far.
    private func measured() -> Int {
        guard let name = try? scratch.names("parts/runs").first else { return 0 }
        return bytes("parts/runs/\(name)/observations.csv")?.count ?? 0
    }

    /// A run that was killed behind its checkpoint, and one that was not.
    private func killed() throws -> String {
        #expect(try start("whole").status == 0)
        _ = try start("parts") { process in
            while process.isRunning, measured() < 600 { usleep(1000) }
            kill(process.processIdentifier, SIGKILL)
        }
        let folder = try run("parts")
        #expect(bytes("\(folder)/checkpoint.safetensors") != nil)
        return folder
    }

    private func expectTheSame(_ folder: String) throws {
        for file in ["observations.csv", "checkpoint.safetensors"] {
            #expect(bytes("\(folder)/\(file)") == bytes("\(try run("whole"))/\(file)"), "\(file)")
        }
    }

    @Test func aDamagedCheckpointIsNotBelieved() throws {
        let folder = try killed(), file = "\(folder)/checkpoint.safetensors"
        var content = try #require(bytes(file))
        content[content.count - 3] ^= 1
        try content.write(to: URL(fileURLWithPath: "\(scratch.path)/\(file)"))
        let rest = try start("parts")
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(
            rest.output.contains("\(file): the values are not those whose digest it has; the run begins anew"),
            "\(rest.output)")
        try expectTheSame(folder)
    }

    /// A power failure may lose what was written last.
    @Test(arguments: [true, false]) func observationsThatLackTheirEnd(isCut: Bool) throws {
        let folder = try killed(), file = "\(folder)/observations.csv"
        var content = try #require(bytes(file))
        if isCut { content = content.prefix(100) } else { content[90] ^= 1 }
        try content.write(to: URL(fileURLWithPath: "\(scratch.path)/\(file)"))
        let rest = try start("parts")
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(rest.output.contains("\(file): does not begin with the "), "\(rest.output)")
        #expect(rest.output.contains("; the run begins anew\n"))
        try expectTheSame(folder)
    }

    @Test func aFinishedRunWithoutAllItsObservationsIsComputedAgain() throws {
        #expect(try start("whole").status == 0 && start("parts").status == 0)
        let folder = try run("parts"), file = "\(scratch.path)/\(folder)/observations.csv"
        #expect(truncate(file, 200) == 0)
        let plan = try Tool.run(["plan", "s.yaml", "--out", "parts"], in: scratch)
        #expect(plan.output.contains("0 done"), "\(plan.output)")
        #expect(try start("parts").status == 0)
        try expectTheSame(folder)
        // So is one without its record.
        #expect(truncate("\(scratch.path)/\(folder)/run.json", 0) == 0)
        #expect(try start("parts").status == 0)
        try expectTheSame(folder)
    }

    /// A number that was changed by hand, or by the disk, gets into no table.
    @Test func observationsThatTheRunDidNotWrite() throws {
        #expect(try start("parts", ["train.steps=600"]).status == 0)
        let file = "\(try run("parts"))/observations.csv", path = "\(scratch.path)/\(file)"
        let text = try scratch.read(file)
        let last = text.lastIndex { $0.isNumber }
        let digit = try #require(last)
        let other = text.replacingCharacters(in: digit...digit, with: text[digit] == "7" ? "8" : "7")
        try Data(other.utf8).write(to: URL(fileURLWithPath: path))
        for command in ["table", "report"] {
            let result = try Tool.run([command, "parts"], in: scratch)
            #expect(result.status != 0)
            #expect(
                result.errors.hasPrefix("parts/runs/") && result.errors.contains("is not what the run wrote"),
                "\(result.errors)")
        }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try Tool.run(["table", "parts"], in: scratch).status == 0)
        try FileManager.default.removeItem(atPath: path)
        #expect(try Tool.run(["table", "parts"], in: scratch).errors.hasPrefix("parts/runs/"))
        #expect(try start("parts", ["train.steps=600"]).status == 0)
        #expect(try scratch.read(file) == text)
    }

    private static let faketime = "/usr/bin/faketime"

    /// Leases and checkpoints compare no times of the day.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: faketime), "no faketime"))
    func aClockThatIsSetBack() throws {
        let folder = try killed()
        let environment = ProcessInfo.processInfo.environment.merging(["FAKETIME_DONT_FAKE_MONOTONIC": "1"]) { $1 }
        let words = ["-f", "-1d", Tool.executable.path, "run", "s.yaml", "--out", "parts"]
        let rest = try Tool.run(
            words, with: URL(fileURLWithPath: Self.faketime), in: scratch, environment: environment)
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(try scratch.read("\(folder)/log.txt").contains("goes on from step "))
        try expectTheSame(folder)
        #expect(try start("parts").output.contains("plan: 1 done, 0 to run"))
    }

    @Test func aFolderInWhichNothingCanBeWritten() throws {
        let result = try start("/proc/studies")
        #expect(result.status == 1)
        #expect(result.errors.hasPrefix("/proc/studies: the folder cannot be created: "), "\(result.errors)")
    }

    private static let canMount: Bool = {
        guard let scratch = try? Scratch() else { return false }
        let script = "mkdir m && mount -t tmpfs none m"
        return
            (try? Tool.run(["-m", "sh", "-c", script], with: URL(fileURLWithPath: "/usr/bin/unshare"), in: scratch))?
            .status == 0
    }()

    private func mounted(_ script: String) throws -> Tool.Result {
        try scratch.write(script, to: "script.sh")
        return try Tool.run(
            ["-m", "sh", "script.sh", Tool.executable.path], with: URL(fileURLWithPath: "/usr/bin/unshare"),
            in: scratch)
    }

    @Test(.enabled(if: canMount, "file systems cannot be mounted here")) func aReadOnlyFolder() throws {
        let result = try mounted(
            """
            mkdir out && mount -t tmpfs none out && "$1" run s.yaml train.steps=500 --out out --quiet || exit 9
            # The kernel takes a moment to forget what ended processes wrote.
            for i in $(seq 300); do mount -o remount,ro out 2>/dev/null && break; sleep 0.1; done
            "$1" run s.yaml train.steps=500 --out out --quiet; echo "status $?"
            "$1" run s.yaml train.steps=600 --out out --quiet; echo "status $?"
            "$1" plan s.yaml train.steps=500 --out out | tail -n 2
            """)
        #expect(result.status == 0)
        #expect(result.output.components(separatedBy: "status 1").count == 3, "\(result.output)")
        #expect(result.errors.contains("Read-only file system"), "\(result.errors)")
        #expect(result.output.contains("1 done, 0 to run") || result.output.contains("done  "), "\(result.output)")
    }

    /// The disk becomes full while a run writes its arrays; with room it goes on.
    @Test(.enabled(if: canMount, "file systems cannot be mounted here")) func aFullDisk() throws {
        let keys = "'record={quantities: [layer.weight], at: {every: 100}}' train.steps=6000 seeds=5..7"
        let result = try mounted(
            """
            mkdir out && mount -t tmpfs -o size=1200k none out || exit 9
            "$1" run s.yaml \(keys) --out out --jobs 1 --quiet; echo "status $?"
            grep -h '"status"' out/runs/*/run.json | sort | uniq -c
            mount -o remount,size=100m out
            "$1" run s.yaml \(keys) --out out --jobs 1 --quiet || exit 9
            "$1" run s.yaml \(keys) --out whole --jobs 1 --quiet || exit 9
            diff -r -x log.txt -x run.json -x report.html -x leases out whole && echo same
            """)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(
            result.output.contains("status 1") && result.output.contains("same"), "\(result.output)\(result.errors)")
        #expect(result.errors.contains("No space left on device"), "\(result.errors)")
        #expect(!result.output.contains("failed"), "no run is to blame: \(result.output)")
    }
}
