import Foundation
import Testing

/// The exact studies of syre and of symmetries, with their claims, and NumPy's word on their runs.
@Suite struct SymmetryStudyTests {
    private func run(_ study: String, _ arguments: [String] = [], in scratch: Scratch) throws -> String {
        let file = "\(Tool.root)/Plugins/\(study).yaml"
        let run = try Tool.run(["run", file, "--check", "--out", "out"] + arguments, in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        return run.output
    }

    private func check(_ script: String, _ folders: [String], in scratch: Scratch) throws {
        guard let python = Tool.python else { return }
        for folder in folders {
            let check = try Tool.run(
                [Tool.root + "/Tests/References/\(script).py", "out/runs/\(folder)"], with: python, in: scratch)
            #expect(check.status == 0, "\(folder): \(check.output)\(check.errors)")
        }
    }

    /// Every run ends at the minimum in closed form, or at that of Newton's method.
    @Test func decayKillsAndTheAnchorDoesNot() throws {
        let scratch = try Scratch()
        let output = try run("Syre/studies/lasso", in: scratch)
        #expect(output.components(separatedBy: "\nok  ").count == 10, "\(output)")
        let folders = try scratch.names("out/runs")
        #expect(folders.count == 20)
        try check("syre_regression", folders, in: scratch)
    }

    @Test func theTimeToEscape() throws {
        let scratch = try Scratch()
        let output = try run("Symmetry/studies/escape", in: scratch)
        #expect(output.components(separatedBy: "\nok  ").count == 7, "\(output)")
    }

    /// Half of its seeds: N = 2 says as much of what does not depend on them.
    @Test func clonesPart() throws {
        let scratch = try Scratch()
        let output = try run("Symmetry/studies/clones", ["seeds=0..1"], in: scratch)
        #expect(output.components(separatedBy: "\nok  ").count == 9, "\(output)")
    }

    /// What the probes say of a trained network, in this process or in others, is what NumPy says of its weights and rows.
    @Test func probesAgainstNumPy() throws {
        let scratch = try Scratch()
        try scratch.write(
            """
            study: symmetry
            dataset: {plugin: digits}
            model: {plugin: mlp, widths: [24, 20], activation: relu}
            initializers:
              rows: {plugin: clones, parameters: "fc1.*", groups: 9}
              columns: {plugin: clones, parameters: "fc2.weight", groups: 9, axis: columns}
            loss: {plugin: cross_entropy}
            optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
            regularizers: {decay: {plugin: anchored_l2, weight_decay: 0.02, sigma0: 0.01}}
            train: {steps: 300, batch_size: 64, precision: f64}
            probes:
              units: {plugin: units, at: {every: 150}, tolerance: 0.05, small: 0.3, threshold: 0.5}
              dead: {plugin: dead_units, at: {every: 150}, samples: 333}
              pair: {plugin: asymmetry, at: {every: 150}, samples: 333, weight_decay: 0.02, sigma0: 0.01, largest: 70}
            record: {quantities: [layer.weight, layer.bias, layer.output], samples: 333, at: {every: 150}}
            """, to: "s.yaml")
        for mode in ["none", "all"] {
            let run = try Tool.run(["run", "s.yaml", "--out", mode, "--isolate", mode, "--quiet"], in: scratch)
            #expect(run.status == 0, "\(run.errors)")
        }
        let name = try #require(try scratch.names("none/runs").first)
        let observations = try scratch.read("none/runs/\(name)/observations.csv")
        #expect(observations == (try scratch.read("all/runs/\(name)/observations.csv")))
        guard let python = Tool.python else { return }
        let check = try Tool.run(
            [Tool.root + "/Tests/References/symmetry.py", "none/runs/\(name)"], with: python, in: scratch)
        #expect(check.status == 0, "\(check.output)\(check.errors)")
        #expect(!check.output.hasPrefix("0 values"), "\(check.output)")
    }
}
