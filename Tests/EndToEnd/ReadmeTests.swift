import Foundation
import Testing

/// The plugins of the manual, exactly as printed there, outside the repository.
@Suite struct ReadmeTests {
    private func block(_ language: String, of page: String = "README.md", number: Int = 1) throws -> String {
        let text = try String(contentsOfFile: Tool.root + "/" + page, encoding: .utf8)
        let parts = text.components(separatedBy: "```\(language)\n")
        return try #require(parts.count > number ? parts[number].components(separatedBy: "```").first : nil)
    }

    @Test func theProbeOfTheReadmeIsMeasured() throws {
        let scratch = try Scratch()
        try scratch.compile(try block("c"), to: "mine/sparsity", name: "sparsity")
        try scratch.write(try block("json"), to: "mine/sparsity/plugin.json")
        let check = try Tool.run(["plugin", "check", "mine/sparsity"], in: scratch)
        #expect(check.status == 0, "\(check.errors)")
        #expect(check.output.contains("probe sparsity"))
        let run = try Tool.run(
            [
                "run", Tool.root + "/Plugins/Alignment/studies/crh-digits.yaml", "--plugin-path", "mine",
                "probes.sparse.plugin=sparsity", "train.steps=20", "seeds=7", "model.activation=relu",
                "regularizers.l2.weight_decay=0.001", "--out", "out",
            ], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        let rows = try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n").filter {
            $0.contains(",sparse,fraction,")
        }
        // fc1, fc2 and head at the last step.
        #expect(rows.count == 3)
        let values = rows.compactMap { Double($0.split(separator: ",", omittingEmptySubsequences: false)[5]) }
        #expect(values.count == rows.count && values.allSatisfy { $0 >= 0 && $0 <= 1 })
        // Half the inputs of relu's successors are zero; the standardized digits have constant pixels.
        #expect(values.contains { $0 > 0.2 })
    }

    /// The optimizer of docs/plugins/manifest.md and the loss of docs/plugins/graph.md train together.
    @Test func theOptimizerAndTheLossOfTheManualTrain() throws {
        let scratch = try Scratch()
        for (name, page) in [("signsgd", "docs/plugins/manifest.md"), ("huber", "docs/plugins/graph.md")] {
            try scratch.compile(try block("c", of: page), to: "mine/\(name)", name: name)
            try scratch.write(try block("json", of: page), to: "mine/\(name)/plugin.json")
        }
        try scratch.write(
            """
            {"study": "manual", "dataset": {"plugin": "sine_teacher", "train_rows": 60},
             "model": {"plugin": "mlp", "widths": [9]}, "loss": {"plugin": "huber", "delta": 0.5},
             "optimizer": {"plugin": "signsgd", "lr": 0.01}, "train": {"steps": 200, "batch_size": 12},
             "probes": {"fit": {"plugin": "performance", "at": {"steps": [0, 200]}}}, "seeds": [5],
             "sweep": {"train.precision": ["f32", "f64"]},
             "claims": [{"say": "It learns", "that": {"min": "fit.loss", "at": "first"},
                         "exceeds": {"max": "fit.loss", "at": "last"}, "by": 0.1}]}
            """, to: "s.json")
        let run = try Tool.run(["run", "s.json", "--plugin-path", "mine", "--out", "out", "--check"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("ok  It learns"))
    }

    /// The activation of docs/plugins/manifest.md, with an option from the study, and the record of where it came from.
    @Test func theActivationOfTheManualTrains() throws {
        let scratch = try Scratch()
        let page = "docs/plugins/manifest.md"
        try scratch.compile(try block("c", of: page, number: 2), to: "mine/cubic", name: "cubic")
        try scratch.write(try block("json", of: page, number: 2), to: "mine/cubic/plugin.json")
        try scratch.write(
            """
            {"study": "cubic", "dataset": {"plugin": "sine_teacher", "train_rows": 60},
             "model": {"plugin": "mlp", "widths": [9]}, "loss": {"plugin": "mean_squared_error"},
             "optimizer": {"plugin": "sgd", "lr": 0.005}, "train": {"steps": 200, "batch_size": 12, "precision": "f64"},
             "probes": {"fit": {"plugin": "performance", "at": {"steps": [0, 200]}}}, "seeds": [5],
             "sweep": {"model.activation": ["cubic", "cubic(scale=0.5)"]},
             "claims": [{"say": "It learns", "that": {"min": "fit.loss", "at": "first"},
                         "exceeds": {"max": "fit.loss", "at": "last"}, "by": 0.3}]}
            """, to: "s.json")
        let run = try Tool.run(["run", "s.json", "--plugin-path", "mine", "--out", "out", "--check"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("ok  It learns"))
        let runs = try scratch.names("out/runs")
        #expect(runs.count == 2)
        let record = try scratch.read("out/runs/\(try #require(runs.first))/run.json")
        #expect(record.contains("org.example.cubic"))

        let study = try scratch.read("s.json").replacingOccurrences(of: "cubic(scale", with: "cubik(scale")
        try scratch.write(study, to: "wrong.json")
        let wrong = try Tool.run(["plan", "wrong.json", "--plugin-path", "mine"], in: scratch)
        #expect(
            wrong.status == 64 && wrong.errors.contains("unknown activation 'cubik'; did you mean 'cubic'?"),
            "\(wrong.status) \(wrong.output)\(wrong.errors)")
    }

    /// The dataset of docs/plugins/manifest.md, which reads a file of the study.
    @Test func theDatasetOfTheManualTrains() throws {
        let scratch = try Scratch()
        let page = "docs/plugins/manifest.md"
        try scratch.compile(try block("c", of: page, number: 3), to: "mine/points", name: "points")
        try scratch.write(try block("json", of: page, number: 3), to: "mine/points/plugin.json")
        // 21 points with the target 2 a - b, in the machine's order of bytes.
        let records = (0..<21).flatMap { i -> [Double] in
            let (a, b) = (Double(i % 5) - 2, Double(i % 4) - 1)
            return [a, b, 2 * a - b]
        }
        try records.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: scratch.path + "/points.bin")) }
        try scratch.write(
            """
            {"study": "points", "dataset": {"plugin": "points", "data": "points.bin"},
             "model": {"plugin": "mlp", "widths": []}, "loss": {"plugin": "mean_squared_error"},
             "optimizer": {"plugin": "sgd", "lr": 0.1}, "train": {"steps": 300},
             "probes": {"fit": {"plugin": "performance", "split": "test", "samples": 2}},
             "claims": [{"say": "It learns", "that": {"mean": "fit.loss"}, "at_most": 1e-6}]}
            """, to: "s.json")
        let run = try Tool.run(["run", "s.json", "--plugin-path", "mine", "--out", "out", "--check"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("ok  It learns"))
    }
}
