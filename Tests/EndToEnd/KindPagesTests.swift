import Foundation
import Testing

/// The dataset, model, rule, optimizer and procedure of the manual, exactly as printed there.
@Suite struct KindPagesTests {
    @Test func thePluginsOfTheManualTrain() throws {
        let scratch = try Scratch()
        for (name, page) in [("xor", "dataset"), ("gated", "model"), ("clipped", "rule"), ("armijo", "optimizer")] {
            try scratch.installPlugin(name, ofPage: page)
        }
        try scratch.write(
            """
            study: manual
            dataset: {plugin: xor, train_rows: 150}
            model: {plugin: gated, width: 12}
            loss: {plugin: cross_entropy}
            rule: {plugin: clipped, limit: 0.5, layers: [head]}
            optimizer: {plugin: armijo}
            train: {steps: 100, batch_size: full}
            probes:
              fit: {plugin: performance, at: {steps: [0, 100]}}
            sweep:
              train.precision: [f32, f64]
            claims:
              - say: It learns
                that: {min: fit.accuracy}
                at_least: 0.9
            """, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--plugin-path", "mine", "--out", "out", "--check"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("ok  It learns"))
    }

    @Test func theProcedureOfTheManualRuns() throws {
        let scratch = try Scratch()
        try scratch.installPlugin("logistic", ofPage: "procedure")
        try scratch.write(
            """
            study: chaos
            procedure: {plugin: logistic, steps: 50}
            sweep: {procedure.r: [2, 3.9]}
            claims:
              - say: Below 3 it settles at 1 - 1/r
                that: {mean: procedure.x, where: {procedure.r: 2}}
                equals: 0.5
                within: 1e-12
            """, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--plugin-path", "mine", "--out", "out", "--check"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        let names = try scratch.names("out/runs")
        #expect(names.count == 2)
        for name in names {
            let lines = try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n")
            #expect(lines.count == 52 && lines[1] == "0,procedure,x,,,0.25,")
        }
        // A procedure has no training beside it, and claims are about its outputs.
        try scratch.write(
            """
            study: chaos
            procedure: {plugin: logistic}
            optimizer: {plugin: sgd}
            """, to: "b.yaml")
        let both = try Tool.run(["plan", "b.yaml", "--plugin-path", "mine"], in: scratch)
        #expect(both.status != 0)
        #expect(
            both.errors.contains(
                "b.yaml:3:1: 'optimizer' is for studies that train a network; this one follows a procedure"))
        try scratch.write(
            """
            study: chaos
            procedure: {plugin: logistic}
            claims: [{say: it, that: {mean: procedure.y}, equals: 1}]
            """, to: "c.yaml")
        let claim = try Tool.run(["plan", "c.yaml", "--plugin-path", "mine"], in: scratch)
        #expect(claim.errors.contains("the procedure has no output 'y'"), "\(claim.errors)")
    }

    /// What ships for these kinds, with its claims.
    @Test(arguments: [
        ("SharpnessAware", "flat"), ("FeedbackAlignment", "feedback"), ("RecursiveFeatureMachine", "product"),
        ("RecursiveFeatureMachine", "ridge"),
    ])
    func shippedStudiesHold(plugin: String, study: String) throws {
        let scratch = try Scratch()
        let file = "\(Tool.root)/Plugins/\(plugin)/studies/\(study).yaml"
        let run = try Tool.run(["run", file, "--check", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("\nok  "), "\(run.output)")
    }
}

extension Scratch {
    /// The plugin that a page of the manual prints, one block of C and one of JSON, compiled and validated in `mine/<name>`.
    func installPlugin(_ name: String, ofPage page: String) throws {
        let text = try String(contentsOfFile: "\(Tool.root)/docs/plugins/\(page).md", encoding: .utf8)
        func block(_ language: String) throws -> String {
            let parts = text.components(separatedBy: "```\(language)\n")
            return try #require(parts.count == 2 ? parts[1].components(separatedBy: "```").first : nil)
        }
        try compile(try block("c"), to: "mine/\(name)", name: name)
        try write(try block("json"), to: "mine/\(name)/plugin.json")
        let validate = try Tool.run(["plugin", "validate", "mine/\(name)", "--level", "standard"], in: self)
        #expect(validate.status == 0, "\(validate.output)\(validate.errors)")
    }
}
