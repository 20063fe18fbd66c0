import Foundation
import Testing

/// Probes of pairs, of passes and with states, in whole studies.
@Suite struct ProbeFormTests {
    private static let study = """
        study: forms
        dataset: {plugin: digits, standardize: true}
        model: {plugin: mlp, widths: [24, 20], activation: relu}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
        train: {steps: 60, batch_size: 64}
        probes:
          layers: {plugin: cka, of: [input, output], samples: 700, at: {every: 30}}
          debiased: {plugin: cka_debiased, of: [input, output], samples: 700, at: {every: 30}}
          tails: {plugin: kurtosis, of: [input, output], samples: 700, at: {every: 30}}
          ema: {plugin: weight_average, decay: 0.9, at: {every: 30}, update: {every: 1}}
        record: {quantities: [layer.input, layer.output], samples: 700, at: {every: 30}}
        """

    /// In this process or in others: the same bits. NumPy says what they must be.
    @Test func isolatedAndChecked() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        for mode in ["none", "all"] {
            let run = try Tool.run(["run", "s.yaml", "--out", mode, "--isolate", mode, "--quiet"], in: scratch)
            #expect(run.status == 0, "\(run.errors)")
        }
        let name = try #require(try scratch.names("none/runs").first)
        let observations = try scratch.read("none/runs/\(name)/observations.csv")
        #expect(observations == (try scratch.read("all/runs/\(name)/observations.csv")))
        // Three pairs of different layers and three of equal ones, two sides, three steps, two probes.
        #expect(observations.components(separatedBy: ".cka,").count - 1 == 6 * 2 * 3 * 2)
        #expect(observations.contains("30,layers,output.cka,fc1:head,,0."))
        #expect(!observations.contains("ema,distance,fc1.weight,,,"))
        #expect(try scratch.read("none/report.html").contains("between layers, last step"))
        guard let python = Tool.python else { return }
        for script in ["cka", "moments"] {
            let check = try Tool.run(
                [Tool.root + "/Tests/References/\(script).py", "none/runs/\(name)"], with: python, in: scratch)
            #expect(check.status == 0, "\(check.output)\(check.errors)")
        }
    }

    /// The layers of a convolutional network have other numbers of positions; each pair of them says so.
    @Test func rowsThatDiffer() throws {
        let scratch = try Scratch()
        let study = Self.study.replacingOccurrences(
            of: "{plugin: mlp, widths: [24, 20], activation: relu}",
            with: "{plugin: conv_net, image: [8, 8, 1], channels: [8, 8, 16], pool_after: [2]}"
        ).replacingOccurrences(of: "steps: 60", with: "steps: 2").replacingOccurrences(of: "700", with: "50")
            .replacingOccurrences(of: "{every: 30}", with: "last")
        try scratch.write(study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out", "--quiet"], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        let lines = try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n")
        let cka = lines.filter { $0.contains(",output.cka,") }
        #expect(cka.contains { $0.hasSuffix(",rows_differ") } && cka.contains { !$0.hasSuffix(",rows_differ") })
    }

    @Test(arguments: [
        (
            "layers: {plugin: cka,", "layers: {plugin: cka, update: last,",
            "unknown key 'update' in probes.layers (cka has: at, samples, split, layers, cotangents, bootstrap, of)"
        ),
        (
            "update: {every: 1}", "update: often",
            "probes.ema.update must be first, last, {every: k}, {log: m} or {steps: [..]}"
        ),
        (
            "[layer.input, layer.output], samples", "[first.output], samples",
            "record.quantities: 'first.output' is of pairs; arrays are of single layers"
        ),
    ]) func mistakes(old: String, new: String, sentence: String) throws {
        let scratch = try Scratch()
        try #require(Self.study.contains(old))
        try scratch.write(Self.study.replacingOccurrences(of: old, with: new), to: "s.yaml")
        let plan = try Tool.run(["plan", "s.yaml"], in: scratch)
        #expect(plan.status == 64 && plan.errors.contains(sentence), "\(plan.errors)")
    }
}
