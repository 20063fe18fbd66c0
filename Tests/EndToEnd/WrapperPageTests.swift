import Foundation
import Testing

/// The dataset of the manual that is made of another one, exactly as printed there.
@Suite struct WrapperPageTests {
    /// In processes of their own the numbers are the same, and validation passes.
    @Test func theOneOfTheManual() throws {
        let scratch = try Scratch()
        try scratch.installPlugin("every", ofPage: "wrapper")
        try scratch.write(
            """
            study: manual
            dataset: {plugin: every, k: 4, of: {plugin: label_noise, of: {plugin: held_out_classes, of: {plugin: digits}}}}
            model: {plugin: mlp, widths: [9]}
            loss: {plugin: cross_entropy}
            optimizer: {plugin: sgd, lr: 0.1}
            train: {steps: 20, batch_size: full}
            probes:
              fit: {plugin: performance, at: {steps: [0, 20]}}
            """, to: "s.yaml")
        var values: [String] = []
        for mode in ["none", "all"] {
            let run = try Tool.run(
                ["run", "s.yaml", "--plugin-path", "mine", "--out", mode, "--isolate", mode], in: scratch)
            #expect(run.status == 0, "\(run.output)\(run.errors)")
            let name = try #require(try scratch.names("\(mode)/runs").first)
            values.append(try scratch.read("\(mode)/runs/\(name)/observations.csv"))
            let record = try scratch.read("\(mode)/runs/\(name)/run.json")
            #expect(record.contains("org.example.every/every") && record.contains("syzygy.digits/digits"))
        }
        #expect(values[0] == values[1] && values[0].split(separator: "\n").count == 7, "\(values[0])")
        let validation = try Tool.run(["plugin", "validate", "mine/every", "--level", "quick"], in: scratch)
        #expect(validation.status == 0, "\(validation.output)")
    }
}
