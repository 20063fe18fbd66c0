import ArrayFiles
import Foundation
import Testing

/// `syzygy export`, and the page about other tools.
@Suite struct ExportTests {
    private static func export(_ format: String, _ more: [String] = [], in scratch: Scratch) throws -> String {
        let run = try Tool.run(["export", "out", "--format", format] + more, in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        return run.output
    }

    /// What `docs/access.md` says, with those of its packages that are there.
    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy")) func thePage() throws {
        let scratch = try Scratch()
        let run = try Tool.run(
            [
                "run", Tool.root + "/Plugins/Alignment/studies/crh-digits.yaml", "--out", "out", "train.steps=30",
                "seeds=3..4", "probes.ranks.plugin=spectrum",
            ], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        for format in ["csv", "npz", "safetensors", "tensorboard"] { _ = try Self.export(format, in: scratch) }
        for package in ["numpy", "pandas", "duckdb", "safetensors", "tensorboard"] {
            guard let python = Tool.python(with: package) else { continue }
            let checked = try Tool.run(
                [Tool.root + "/Tests/References/access.py", Tool.root + "/docs/access.md", package], with: python,
                in: scratch)
            #expect(
                checked.status == 0 && checked.output.contains("\(package) agrees"),
                "\(checked.output)\(checked.errors)")
        }
    }

    /// The events of a file; lengths and both checksums of each must be right.
    private static func records(_ path: String) throws -> [Data] {
        var rest = try Data(contentsOf: URL(fileURLWithPath: path))[...]
        func number(_ bytes: Data) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        // CRC-32C bit by bit; of "123456789" it is e3069283.
        func crc(_ bytes: Data) -> UInt32 {
            var crc = UInt32.max
            for byte in bytes {
                crc ^= UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            }
            return ~crc
        }
        #expect(crc(Data("123456789".utf8)) == 0xE306_9283)
        func masked(_ bytes: Data) -> UInt64 {
            let crc = crc(bytes)
            return UInt64((crc >> 15 | crc << 17) &+ 0xA282_EAD8)
        }
        var events: [Data] = []
        while !rest.isEmpty {
            let length = rest.prefix(8), count = Int(number(length))
            #expect(number(rest.dropFirst(8).prefix(4)) == masked(length))
            let event = rest.dropFirst(12).prefix(count)
            try #require(event.count == count)
            #expect(number(rest.dropFirst(12 + count).prefix(4)) == masked(event))
            events.append(Data(event))
            rest = rest.dropFirst(16 + count)
        }
        return events
    }

    private static let study = """
        study: small
        dataset: {plugin: noise, train_rows: 61, d_in: 5, classes: 3}
        model: {plugin: mlp, widths: [4]}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.1}
        train: {steps: 6, batch_size: 7}
        probes:
          ranks: {plugin: spectrum, at: {every: 3}}
          fit: {plugin: performance}
        sweep: {optimizer.plugin: [sgd, adam]}
        seeds: [5, 8, 9]
        """

    @Test func everyObservationIsThere() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let names = try scratch.names("out/runs")
        #expect(names.count == 6)
        let lines = try names.flatMap {
            try scratch.read("out/runs/\($0)/observations.csv").split(separator: "\n").dropFirst()
        }
        #expect(try Self.export("csv", in: scratch) == "out/export.csv: \(lines.count) rows of 6 runs\n")
        let rows = try scratch.read("out/export.csv").split(separator: "\n")
        #expect(rows[0] == "run,optimizer.plugin,seed,status,step,probe,output,layer,index,value,reason")
        // Of each run the same lines, in the same order, behind what tells it apart.
        for name in names {
            let own = rows.filter { $0.hasPrefix(name + ",") }
            let observed = try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n").dropFirst()
            #expect(
                own.map { $0.split(separator: ",", maxSplits: 4, omittingEmptySubsequences: false)[4] }
                    == Array(observed))
            #expect(own.allSatisfy { $0.contains(",finished,") } && own.count == observed.count)
        }
        _ = try Self.export("npz", ["--probe", "ranks", "--to", "a.npz"], in: scratch)
        let arrays = Dictionary(
            uniqueKeysWithValues: try NPZ.read(scratch.path + "/a.npz").map { ($0.name, $0.shape) })
        #expect(arrays["ranks.singular_values/fc1"] == [6, 3, 4] && arrays["ranks.stable_rank/head"] == [6, 3])
        #expect(arrays["steps/ranks"] == [3] && arrays["steps/fit"] == nil && arrays["fit.loss"] == nil)
        #expect(arrays["seed"] == [6] && arrays["setting/optimizer.plugin"] == nil)
        #expect(
            try Self.export("tensorboard", ["--probe", "fit", "--to", "t"], in: scratch).hasPrefix("t: 18 numbers"))
        let events = try Self.records(scratch.path + "/t/\(names[1])/events.out.tfevents.0.syzygy")
        #expect(events.count == 2 && events[0].suffix(13).elementsEqual("brain.Event:2".utf8))
        #expect(String(decoding: events[1], as: UTF8.self).contains("fit/accuracy"))
        // A checkpoint that is gone costs its run.
        try FileManager.default.removeItem(atPath: scratch.path + "/out/runs/\(names[2])/checkpoint.safetensors")
        let weights = try Self.export("safetensors", ["--to", "w"], in: scratch)
        #expect(weights == "w: parameters of 5 runs; 1 without parameters: \(names[2])\n")
        let parameters = try Safetensors.read(scratch.path + "/w/\(names[0]).safetensors")
        #expect(Set(parameters.arrays.map(\.name)) == ["fc1.weight", "fc1.bias", "head.weight", "head.bias"])
        #expect(parameters.metadata["step"] == "6" && parameters.metadata["run"] == names[0])
    }

    @Test func sentences() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let plan = try Tool.run(["run", "s.yaml", "seeds=5", "optimizer.plugin=sgd", "--out", "out"], in: scratch)
        #expect(plan.status == 0, "\(plan.errors)")
        let cases: [(arguments: [String], status: Int32, sentence: String)] = [
            (
                ["out", "--format", "nps"], 64,
                "--format nps: unknown; did you mean 'npz'? (allowed: csv, npz, tensorboard, safetensors)"
            ),
            (
                ["out", "--format", "csv", "--probe", "rank"], 64,
                "--probe rank: the study has none; did you mean 'ranks'? (it has: fit, ranks)"
            ),
            (
                ["s.yaml", "--format", "csv"], 64,
                "s.yaml: no study.json here; expected the folder that 'syzygy run' wrote"
            ),
            (["out", "--format", "csv", "--to", "none/a.csv"], 1, "none/a.csv"),
        ]
        for (arguments, status, sentence) in cases {
            let run = try Tool.run(["export"] + arguments, in: scratch)
            #expect(run.status == status && run.errors.contains(sentence), "\(arguments): \(run.errors)")
        }
        let name = try #require(try scratch.names("out/runs").first)
        try FileManager.default.removeItem(atPath: scratch.path + "/out/runs/\(name)/checkpoint.safetensors")
        let none = try Tool.run(["export", "out", "--format", "safetensors"], in: scratch)
        #expect(
            none.status == 1
                && none.errors.contains("no run has a checkpoint.safetensors or has recorded layer.weight"))
    }
}
