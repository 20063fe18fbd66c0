import Foundation
import Manifests
import Testing

/// Kills everything a study consists of, at random moments, and lets it go on.
@Suite("Killed again and again") struct KillTests {
    private static let study = """
        study: killed
        dataset: {plugin: digits, train_rows: 300, test_rows: 101}
        model: {plugin: mlp, widths: [17], activation: tanh}
        loss: {plugin: cross_entropy}
        regularizers:
          syre: {plugin: anchored_l2, weight_decay: 0.01}
        optimizer: {plugin: adam, lr: 1e-3}
        train: {steps: 12000, batch_size: 32}
        probes:
          test: {plugin: performance, split: test, at: {every: 500}}
          ema: {plugin: weight_average, at: {every: 2000}, update: {every: 9}}
        record: {quantities: [layer.weight], at: {every: 4000}}
        stop:
          settled: {when: test.loss, within: 1e-3, over: 3}
        sweep:
          regularizers.syre.weight_decay: [0, 0.01]
        seeds: 0..19

        """

    /// `SYZYGY_KILLS=200 ./dev test` is what the documentation speaks of.
    private static let kills = ProcessInfo.processInfo.environment["SYZYGY_KILLS"].flatMap { Int($0) } ?? 30

    private static func processes(_ scratch: Scratch) -> [pid_t] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { pid_t($0) }.filter { process in
            let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            return words.range(of: Data(scratch.path.utf8)) != nil && words.range(of: Data("worker".utf8)) != nil
        }
    }

    /// Of finished runs: all that must never change again.
    private static func finished(_ scratch: Scratch) throws -> [String: [Data]] {
        var found: [String: [Data]] = [:]
        for name in (try? scratch.names("parts/runs")) ?? [] {
            let path = "\(scratch.path)/parts/runs/\(name)/"
            guard let record = FileManager.default.contents(atPath: path + "run.json"),
                record.range(of: Data("\"finished\"".utf8)) != nil
            else { continue }
            found[name] =
                [record]
                + ["observations.csv", "checkpoint.safetensors"].compactMap {
                    FileManager.default.contents(atPath: path + $0)
                }
        }
        return found
    }

    @Test(arguments: [1, 4]) func nothingIsLostAndNothingDiffers(together: Int) throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let out = scratch.path + "/parts"
        func arguments(_ out: String) -> [String] {
            [
                "run", "s.yaml", "train.together=\(together)", "train.log_every=100000", "--quiet", "--retry",
                "failed",
                "--checkpoint-every", "0.02", "--out", out,
            ]
        }
        let whole = try Tool.run(arguments(scratch.path + "/whole"), in: scratch)
        #expect(whole.status == 0, "\(whole.errors)")

        var random = SystemRandomNumberGenerator()
        var kept: [String: [Data]] = [:]
        var kills = 0
        while kills < Self.kills / 2 {
            var isOver = false
            _ = try Tool.run(arguments(out), in: scratch) { process in
                // A worker now and then, and at last the process that would have recorded it.
                while process.isRunning {
                    usleep(UInt32.random(in: 0..<400_000, using: &random))
                    let workers = Self.processes(scratch)
                    kills += 1
                    if Bool.random(using: &random), let worker = workers.randomElement(using: &random) {
                        kill(worker, SIGKILL)
                    } else {
                        if Bool.random(using: &random) { for worker in workers { kill(worker, SIGKILL) } }
                        kill(process.processIdentifier, SIGKILL)
                        break
                    }
                }
                isOver = !process.isRunning && kills == 0
            }
            let now = try Self.finished(scratch)
            for (name, files) in kept { #expect(now[name] == files, "\(name) changed after it had finished") }
            kept = now
            if kept.count == 40 || isOver { break }
        }
        let rest = try Tool.run(arguments(out), in: scratch)
        #expect(rest.status == 0, "\(rest.errors)")
        for (name, files) in kept { #expect(try Self.finished(scratch)[name] == files) }

        let names = try scratch.names("whole/runs")
        #expect(names.count == 40)
        #expect(try scratch.names("parts/runs") == names)
        func bytes(_ path: String) -> Data? { FileManager.default.contents(atPath: scratch.path + "/" + path) }
        var ends: Set<Int> = []
        for name in names {
            // A rule remembers what it has seen.
            func end(_ study: String) throws -> [JSON?] {
                let record = try StrictJSON.read("\(scratch.path)/\(study)/runs/\(name)/run.json").root
                return [record["status"], record["step"], record["message"]]
            }
            let expected = try end("whole")
            #expect(try end("parts") == expected)
            ends.insert(expected[1]?.int ?? 0)
            let files = try FileManager.default.subpathsOfDirectory(atPath: "\(scratch.path)/whole/runs/\(name)")
                .sorted()
            let parts = try FileManager.default.subpathsOfDirectory(atPath: "\(scratch.path)/parts/runs/\(name)")
                .sorted()
            #expect(files == parts)
            for file in files where file != "log.txt" && file != "run.json" && file != "arrays" {
                let expected = try #require(bytes("whole/runs/\(name)/\(file)"), "\(file)")
                #expect(expected == bytes("parts/runs/\(name)/\(file)"), "\(name)/\(file)")
            }
        }
        #expect(ends.count > 3 && ends.contains(12000), "\(ends)")
        #expect(bytes("whole/table.csv") == bytes("parts/table.csv"))
        let left = try scratch.names("parts/leases").map {
            "\($0): \((try? scratch.read("parts/leases/\($0)")) ?? "")"
        }
        #expect(left.isEmpty, "\(left)")
    }

    /// A process that is killed after the last checkpoint of a run that a rule ended, and before its record.
    @Test(arguments: [1, 4]) func aRunThatHadEndedDoesNotGoOn(together: Int) throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let arguments = ["run", "s.yaml", "train.together=\(together)", "seeds=0..3", "--quiet", "--out", "out"]
        #expect(try Tool.run(arguments, in: scratch).status == 0)
        func state() throws -> [String: [String]] {
            var state: [String: [String]] = [:]
            for name in try scratch.names("out/runs") {
                let record = try StrictJSON.read("\(scratch.path)/out/runs/\(name)/run.json").root
                let files = ["checkpoint.safetensors", "observations.csv"].map { file in
                    FileManager.default.contents(atPath: "\(scratch.path)/out/runs/\(name)/\(file)")?
                        .base64EncodedString()
                        ?? "none"
                }
                state[name] = files + ["status", "step", "message"].map { record[$0]?.plain ?? "none" }
            }
            return state
        }
        let before = try state()
        #expect(before.values.contains { $0[4].contains("stopped by") })
        for name in before.keys {
            let file = "out/runs/\(name)/run.json"
            let text = try scratch.read(file)
            try scratch.write(text.replacing(#""status": "finished""#, with: #""status": "running""#), to: file)
            #expect(try scratch.read(file) != text)
        }
        #expect(try Tool.run(arguments, in: scratch).status == 0)
        #expect(try state() == before)
    }

    /// Also at the step at which a rule ends one of them.
    @Test func runsThatTrainTogetherKeepWhatTheyKeepAlone() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        func checkpoints(together: Int) throws -> [String: [String]] {
            let out = "out\(together)"
            let ended = try Tool.run(
                [
                    "run", "s.yaml", "train.together=\(together)", "checkpoints={every: 500}", "seeds=0..3",
                    "--quiet",
                    "--out", out,
                ], in: scratch)
            #expect(ended.status == 0, "\(ended.errors)")
            // Names begin with a digest, which may differ.
            return Dictionary(
                uniqueKeysWithValues: try scratch.names("\(out)/runs").map { name in
                    (String(name.drop { $0 != "-" }), try scratch.names("\(out)/runs/\(name)/checkpoints"))
                })
        }
        let alone = try checkpoints(together: 1)
        #expect(Set(alone.values.map(\.count)).count > 1)
        #expect(try checkpoints(together: 4) == alone)
    }
}
