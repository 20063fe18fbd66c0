import Foundation
import Manifests
import Testing

private let small = """
    study: small
    dataset: {plugin: digits, train_rows: 300, test_rows: 101}
    model: {plugin: mlp, widths: [17], activation: tanh}
    loss: {plugin: cross_entropy}
    regularizers:
      l2: {plugin: l2, weight_decay: 1e-3}
    optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
    train: {steps: 60, batch_size: 32}
    probes:
      crh: {plugin: alignment, variant: [raw, normalized], at: {log: 5}}
      nc: {plugin: neural_collapse, at: last}
      test: {plugin: performance, split: test, at: {log: 5}}
    record: {quantities: [layer.input, layer.output_grad, layer.weight, head.input, head.weight, head.bias, model.output, labels], at: last}
    sweep:
      regularizers.l2.weight_decay: [0, 1e-2]
    seeds: 3..4
    claims:
      - say: Training helps
        that: {mean: test.accuracy, at: last}
        exceeds: {mean: test.accuracy, at: first}
        by: 0.3
    """

@Suite struct StudyTests {
    /// S-CRH-1: every number of the closed form, with the stated tolerances (the claims of the study).
    @Test func theLinearNetworkReachesItsClosedForm() throws {
        let scratch = try Scratch()
        let result = try Tool.run(
            ["run", Tool.root + "/Plugins/Alignment/studies/linear-balance.yaml", "--check", "--out", "out"],
            in: scratch)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(!result.output.contains("FAIL"))
        // Singular values of the first layer: sqrt(S - weight_decay), S = logspace(4 → 0.5, 8), the rest 0.
        for name in try scratch.names("out/runs") {
            let record = try scratch.read("out/runs/\(name)/observations.csv")
            let weightDecay = try #require(
                Double(name.components(separatedBy: "weight_decay")[1].components(separatedBy: "-s")[0]))
            let lines = record.components(separatedBy: "\n").filter {
                $0.hasPrefix("10000,ranks,singular_values,fc1,")
            }
            let measured = lines.compactMap { Double($0.components(separatedBy: ",")[5]) }
            #expect(measured.count == 20)
            for (i, value) in measured.enumerated() {
                let teacher: Double = 4 * pow(0.125, Double(i) / 7)
                let expected: Double = i < 8 ? (teacher - weightDecay).squareRoot() : 0
                #expect(abs(value - expected) < 1e-6, "\(name): singular value \(i)")
            }
        }
    }

    @Test func aFailingClaimFailsTheCommandOnlyWithCheck() throws {
        let scratch = try Scratch()
        try scratch.write(small.replacingOccurrences(of: "by: 0.3", with: "by: 3"), to: "s.yaml")
        let plain = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(plain.status == 0, "\(plain.errors)")
        let checked = try Tool.run(["run", "s.yaml", "--out", "out", "--check"], in: scratch)
        #expect(checked.status == 1)
        #expect(checked.output.contains("FAIL  Training helps:"))
        try scratch.write(small, to: "s.yaml")
        let holds = try Tool.run(["run", "s.yaml", "--out", "out", "--check"], in: scratch)
        #expect(holds.status == 0, "\(holds.output)\(holds.errors)")
    }

    /// Two runs of one study in two folders, one or two at a time: the same bytes but for times.
    @Test func sameSeedSameFiles() throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        for (out, jobs) in [("a", "1"), ("b", "2")] {
            let result = try Tool.run(["run", "s.yaml", "--out", out, "--jobs", jobs], in: scratch)
            #expect(result.status == 0, "\(result.errors)")
        }
        let names = try scratch.names("a/runs")
        #expect(names.count == 4)
        #expect(try scratch.names("b/runs") == names)
        func bytes(_ path: String) -> Data? { FileManager.default.contents(atPath: scratch.path + "/" + path) }
        for name in names {
            for file in ["observations.csv", "checkpoint.safetensors", "arrays/step-00000060.npz"] {
                let first = try #require(bytes("a/runs/\(name)/\(file)"))
                #expect(first == bytes("b/runs/\(name)/\(file)"), "\(name)/\(file)")
            }
            #expect(try untimed("a/runs/\(name)/run.json", scratch) == untimed("b/runs/\(name)/run.json", scratch))
        }
        #expect(bytes("a/table.csv") == bytes("b/table.csv"))
    }

    private func untimed(_ path: String, _ scratch: Scratch) throws -> NSDictionary {
        let object = try JSONSerialization.jsonObject(with: Data(try scratch.read(path).utf8))
        let record = try #require(object as? [String: Any])
        let times = ["started", "ended", "seconds", "steps_per_second", "host"]
        return record.filter { !times.contains($0.key) } as NSDictionary
    }

    /// The records of real runs, finished and diverged, follow `Schemas/run.schema.json`; a record with anything missing
    /// does not.
    @Test func recordsFollowTheirSchema() throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        let arguments = ["run", "s.yaml", "--out", "out", "seeds=3", "optimizer.lr=[0.05, 1e30]"]
        let result = try Tool.run(arguments + ["regularizers.l2.weight_decay=0.01"], in: scratch)
        #expect(result.status == 0, "\(result.errors)")
        let schema = try Installation.schema("run.schema.json")
        var ends: Set<String> = []
        for name in try scratch.names("out/runs") {
            let record = try StrictJSON.read("\(scratch.path)/out/runs/\(name)/run.json")
            #expect(schema.problems(in: record).map(\.sentence) == [])
            ends.insert(record.root["status"]?.string ?? "")
            let digits = record.root["plugins"]?.array?.first { $0["id"]?.string == "syzygy.digits" }
            #expect(digits?["files_sha256"]?["digits.bin"]?.string?.count == 64)
            for key in try #require(record.root.object).keys where key != "observations" {
                var broken = record
                var members = try #require(record.root.object)
                members[key] = nil
                broken.root = .object(members)
                #expect(schema.problems(in: broken).map(\.sentence) == ["missing key '\(key)' at the top level"])
            }
        }
        #expect(ends == ["finished", "diverged"])
    }

    /// Runs that train together have the folders, records and observations of runs alone, and their numbers up to rounding; one that
    /// diverges is a result among them.
    @Test func runsThatTrainTogether() throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        let options = [
            "train.precision=f64", "optimizer.lr=[0.05, 1e200]", "seeds=3..5", "regularizers.l2.weight_decay=0.01",
        ]
        for (out, more) in [("alone", []), ("together", ["train.together=4"])] {
            let result = try Tool.run(["run", "s.yaml", "--out", out] + options + more, in: scratch)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("diverged"))
        }
        let plan = try Tool.run(["plan", "s.yaml", "--out", "new", "train.together=4"] + options, in: scratch)
        #expect(plan.output.contains("training together: 2 programs of at most 4 runs"), "\(plan.output)")
        /// By swept values and seed.
        func folders(_ out: String) throws -> [String: String] {
            try Dictionary(
                uniqueKeysWithValues: scratch.names("\(out)/runs").map { ($0.drop { $0 != "-" }.description, $0) })
        }
        let (alone, together) = (try folders("alone"), try folders("together"))
        #expect(alone.count == 6 && Set(alone.keys) == Set(together.keys))
        for (label, name) in alone {
            let other = try #require(together[label])
            let records = try [("alone", name), ("together", other)].map { out, name in
                try StrictJSON.parse(scratch.read("\(out)/runs/\(name)/run.json"), file: name).root
            }
            for key in ["status", "message", "step", "seed"] {
                #expect(records[0][key] == records[1][key], "\(label) \(key)")
            }
            #expect(records[0]["status"]?.string == (label.contains("lr0.05") ? "finished" : "diverged"))
            func rows(_ out: String, _ name: String) throws -> [[Substring]] {
                try scratch.read("\(out)/runs/\(name)/observations.csv").split(separator: "\n").dropFirst().map {
                    $0.split(separator: ",", omittingEmptySubsequences: false)
                }
            }
            let (mine, theirs) = (try rows("alone", name), try rows("together", other))
            #expect(mine.map { $0.prefix(5) } == theirs.map { $0.prefix(5) } && mine.count > 20)
            for (a, b) in zip(mine, theirs) {
                let (x, y) = (Double(a[5]), Double(b[5]))
                #expect(x == y || abs((x ?? 0) - (y ?? 1)) < 1e-8 * max(1, abs(x ?? 0)), "\(a) \(b)")
            }
            // Its files are its own, its log too.
            #expect(try scratch.names("together/runs/\(other)") == scratch.names("alone/runs/\(name)"))
            #expect(try scratch.read("together/runs/\(other)/log.txt").contains(" step 0\n"))
        }
    }

    /// A run that is interrupted goes on to the same bits, alone or with others.
    @Test(arguments: [1, 2]) func interruptedRunsGoOn(together: Int) throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        let arguments = [
            "seeds=3..4", "train.together=\(together)", "train.steps=8000", "train.log_every=1",
            "regularizers.syre={plugin: anchored_l2, weight_decay: 0.01}", "regularizers.l2.weight_decay=0.01",
            "optimizer={plugin: adam}",
            "probes={test: {plugin: performance, split: test, at: {every: 500}}, "
                + "ema: {plugin: weight_average, at: {every: 1000}, update: {every: 9}}}",
            "record={quantities: [layer.weight], at: {every: 3000}}",
        ]
        func start(_ out: String, interrupt: ((Process) -> Void)? = nil) throws -> Tool.Result {
            try Tool.run(
                ["run", "s.yaml", "--out", out, "--jobs", "1"] + arguments, in: scratch, interrupt: interrupt)
        }
        func bytes(_ path: String) -> Data? { FileManager.default.contents(atPath: scratch.path + "/" + path) }
        let whole = try start("whole")
        #expect(whole.status == 0, "\(whole.errors)")
        let interrupted = try start("parts") { process in
            func isTraining() -> Bool {
                let logs = ((try? scratch.names("parts/runs")) ?? []).compactMap {
                    try? scratch.read("parts/runs/\($0)/log.txt")
                }
                return logs.contains { $0.contains(" step 700 ") }
            }
            while process.isRunning, !isTraining() { usleep(5000) }
            process.interrupt()
        }
        #expect(interrupted.status == 130)
        let rest = try start("parts")
        #expect(rest.status == 0, "\(rest.errors)")
        let names = try scratch.names("whole/runs")
        #expect(names == (try scratch.names("parts/runs")) && names.count == 2)
        var resumed = 0
        for name in names {
            for file in ["checkpoint.safetensors", "observations.csv"] {
                let whole = try #require(bytes("whole/runs/\(name)/\(file)"))
                #expect(whole == bytes("parts/runs/\(name)/\(file)"), "\(name)/\(file)")
            }
            #expect(try scratch.names("whole/runs/\(name)/arrays") == scratch.names("parts/runs/\(name)/arrays"))
            if try scratch.read("parts/runs/\(name)/log.txt").contains(" goes on from step ") { resumed += 1 }
        }
        #expect(resumed == together)
    }

    /// A second call computes nothing; a longer list of seeds computes what is missing.
    /// Two threads divide the work in one way only.
    @Test(arguments: ["f32", "f64"]) func twoThreadsGiveTheSameBits(precision: String) throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        let options = [
            "train.threads=2", "train.precision=\(precision)", "model.widths=[[300]]", "seeds=3",
            "regularizers.l2.weight_decay=0.01",
        ]
        for out in ["a", "b"] {
            // Threads that spin while they wait would fight with the other tests for the cores.
            let result = try Tool.run(
                ["OMP_WAIT_POLICY=passive", Tool.executable.path, "run", "s.yaml", "--out", out] + options,
                with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
            #expect(result.status == 0, "\(result.errors)")
        }
        let name = try #require(try scratch.names("a/runs").first)
        for file in ["observations.csv", "checkpoint.safetensors"] {
            let bytes = ["a", "b"].map {
                FileManager.default.contents(atPath: scratch.path + "/\($0)/runs/\(name)/\(file)")
            }
            #expect(bytes[0] != nil && bytes[0] == bytes[1], "\(file)")
        }
    }

    @Test func finishedRunsAreKept() throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        _ = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        func starts() throws -> [String: String] {
            try scratch.names("out/runs").reduce(into: [:]) { result, name in
                let record = try scratch.read("out/runs/\(name)/run.json")
                result[name] = record.split(separator: "\n").first { $0.contains("\"started\"") }.map(String.init)
            }
        }
        let first = try starts()
        let plan = try Tool.run(["plan", "s.yaml", "--out", "out", "seeds=3..5"], in: scratch)
        #expect(plan.status == 0 && plan.output.contains("4 done, 2 to run"), "\(plan.output)\(plan.errors)")
        let more = try Tool.run(["run", "s.yaml", "--out", "out", "seeds=3..5"], in: scratch)
        #expect(more.status == 0, "\(more.errors)")
        let second = try starts()
        #expect(second.count == 6)
        for (name, start) in first { #expect(second[name] == start) }
    }

    /// The alignments and neural-collapse numbers of a run, recomputed by NumPy from its recorded arrays, agree to 1e-9.
    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy")) func numPyAgrees() throws {
        let scratch = try Scratch()
        try scratch.write(small, to: "s.yaml")
        _ = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        let python = try #require(Tool.python)
        for name in try scratch.names("out/runs") {
            for script in ["alignment.py", "neural_collapse.py"] {
                let result = try Tool.run(
                    [Tool.root + "/Tests/References/" + script, "out/runs/" + name], with: python, in: scratch)
                #expect(result.status == 0, "\(script) \(name): \(result.output)\(result.errors)")
                #expect(result.output.contains(" 0 disagree"))
            }
        }
        // One changed number is noticed.
        let name = try #require(try scratch.names("out/runs").first)
        let path = "out/runs/\(name)/observations.csv"
        let lines = try scratch.read(path).components(separatedBy: "\n").map { line -> String in
            guard line.hasPrefix("60,crh,forward_rga.raw.alpha,head") else { return line }
            var cells = line.components(separatedBy: ",")
            cells[5] = String((Double(cells[5]) ?? 0) + 1e-7)
            return cells.joined(separator: ",")
        }
        try scratch.write(lines.joined(separator: "\n"), to: path)
        let broken = try Tool.run(
            [Tool.root + "/Tests/References/alignment.py", "out/runs/" + name], with: python, in: scratch)
        #expect(broken.status == 1)
    }

    /// 200 steps of a network in f64, done again by NumPy from the same parameters and batches: parameters and velocities agree
    /// to 1e-10.
    @Test(
        .enabled(if: Tool.python != nil, "no python3 with numpy"),
        arguments: [
            "optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}",
            "optimizer: {plugin: sharpness_aware, lr: 0.05, momentum: 0.9, rho: 0.2}",
            "optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}\nrule: {plugin: feedback_alignment}",
            "optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}\nrule: {plugin: sign_symmetry, scale: 0.7}",
        ])
    func numPyTrainsTheSameNetwork(training: String) throws {
        let scratch = try Scratch()
        try scratch.write(
            """
            study: again
            dataset: {plugin: digits, standardize: true}
            model: {plugin: mlp, widths: [128, 128], activation: tanh}
            loss: {plugin: cross_entropy}
            regularizers:
              l2: {plugin: l2, weight_decay: 1e-3}
            \(training)
            train: {steps: 200, batch_size: 64, precision: f64}
            record: {quantities: [layer.input, layer.weight, layer.bias, labels], at: first}
            seeds: [6]
            """, to: "s.yaml")
        let result = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(result.status == 0, "\(result.errors)")
        let python = try #require(Tool.python)
        let name = try #require(try scratch.names("out/runs").first)
        let script = Tool.root + "/Tests/References/training.py"
        let again = try Tool.run([script, "out/runs/" + name], with: python, in: scratch)
        #expect(
            again.status == 0 && again.output.contains(" 0 disagree"), "\(again.output.prefix(2000))\(again.errors)")
        // Another strength of the decay is noticed.
        let record = "out/runs/\(name)/run.json"
        try scratch.write(
            scratch.read(record).replacingOccurrences(
                of: "\"weight_decay\": 0.001", with: "\"weight_decay\": 0.00101"), to: record)
        let broken = try Tool.run([script, "out/runs/" + name], with: python, in: scratch)
        #expect(broken.status == 1 && !broken.output.contains(" 0 disagree"))
    }
}
