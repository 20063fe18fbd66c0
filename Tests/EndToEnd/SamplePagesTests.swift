import Foundation
import Testing

/// The sampler, the initializer and the loss of the manual, exactly as printed there, and runs of what ships.
@Suite struct SamplePagesTests {
    @Test func thePluginsOfTheManualTrain() throws {
        let scratch = try Scratch()
        for (name, page) in [("blocks", "sampler"), ("centred", "initializer"), ("agree", "loss")] {
            try scratch.installPlugin(name, ofPage: page)
        }
        try scratch.write(
            """
            {"study": "manual", "dataset": {"plugin": "noisy_pairs", "train_rows": 60, "latents": 2, "d_in": 7},
             "sampler": {"plugin": "blocks", "size": 7},
             "initializers": {"all": {"plugin": "centred", "parameters": "*.weight"}},
             "model": {"plugin": "mlp", "widths": [9]}, "loss": {"plugin": "agree", "strength": 0.5},
             "optimizer": {"plugin": "sgd", "lr": 0.05}, "train": {"steps": 200, "batch_size": 12},
             "probes": {"fit": {"plugin": "performance", "at": {"steps": [0, 200]}}}, "seeds": [5],
             "sweep": {"train.precision": ["f32", "f64"]},
             "claims": [{"say": "It learns", "that": {"min": "fit.loss", "at": "first"},
                         "exceeds": {"max": "fit.loss", "at": "last"}, "by": 0.3}]}
            """, to: "s.json")
        let run = try Tool.run(["run", "s.json", "--plugin-path", "mine", "--out", "out", "--check"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("ok  It learns"))
        let name = try #require(try scratch.names("out/runs").first)
        let record = try scratch.read("out/runs/\(name)/run.json")
        #expect(record.contains("org.example.blocks/blocks") && record.contains("org.example.centred/centred"))
    }

    /// The last rows of a run that was stopped and resumed are those of one that was not, with a sampler of each kind.
    @Test(arguments: ["balanced", "with_replacement"]) func aResumedStudyEndsTheSame(sampler: String) throws {
        let scratch = try Scratch()
        func study(_ name: String, _ steps: Int) throws -> [String] {
            try scratch.write(
                """
                {"study": "rows", "dataset": {"plugin": "noise", "train_rows": 61, "d_in": 5, "classes": 3},
                 "sampler": {"plugin": "\(sampler)"}, "model": {"plugin": "mlp", "widths": [4]},
                 "initializers": {"w": {"plugin": "orthogonal", "parameters": "*.weight"}},
                 "loss": {"plugin": "cross_entropy"}, "optimizer": {"plugin": "sgd", "lr": 0.1},
                 "train": {"steps": \(steps), "batch_size": 7, "precision": "f64"},
                 "probes": {"fit": {"plugin": "performance", "at": "last"}}, "seeds": "3..4"}
                """, to: "\(name).json")
            let run = try Tool.run(["run", "\(name).json", "--out", name], in: scratch)
            try #require(run.status == 0, "\(run.output)\(run.errors)")
            return try scratch.names("\(name)/runs").sorted().map {
                try scratch.read("\(name)/runs/\($0)/observations.csv")
            }
        }
        let first = try study("a", 40), again = try study("b", 40)
        #expect(first == again && Set(first).count == 2)
    }

    @Test(arguments: [
        ("Samplers", "orders"), ("Initializers", "lazy-and-rich"), ("TwoViews", "barlow-twins"),
        ("Activity", "activity"), ("Distillation", "imitation"), ("DatasetWrappers", "permuted-digits"),
    ])
    func shippedStudiesHold(plugin: String, study: String) throws {
        let scratch = try Scratch()
        let file = "\(Tool.root)/Plugins/\(plugin)/studies/\(study).yaml"
        let run = try Tool.run(["run", file, "--check", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("\nok  "), "\(run.output)")
    }
}
