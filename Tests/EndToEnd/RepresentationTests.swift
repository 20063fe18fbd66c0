import Foundation
import Testing

/// What NumPy makes of recorded arrays by the definitions, for all probes of representations.
@Suite struct RepresentationTests {
    private static let probes = """
          crh: {plugin: alignment, variant: [raw, centred, normalized], at: all, samples: 900}
          prop: {plugin: proportionality, variant: [raw, normalized], at: all, samples: 900, leading: 4}
          pah: {plugin: exponents, variant: [raw, centred], at: all}
          other: {plugin: exponent_checks, variant: [raw, centred], at: all}
          modes: {plugin: modes, leading: 12, at: all}
          phase: {plugin: phase, threshold: 0.8, variant: [raw, centred], at: all}
          balance: {plugin: fact, weight_decay: 1e-3, at: all}
          norms: {plugin: self_averaging, at: all}
          nfa: {plugin: feature_ansatz, centring: [raw, centred], at: all}
          fact: {plugin: fact_ansatz, at: all}
          share: {plugin: coordinate_share, coordinates: [1, 3], at: all}
          ranks: {plugin: feature_spectrum, of: [input, output_grad], at: all}
        """.replacing("all", with: "{steps: [0, 300]}")

    private static let study = """
        study: representation
        dataset: {plugin: digits, standardize: true}
        model: {plugin: mlp, widths: [40, 24], activation: tanh}
        loss: {plugin: cross_entropy}
        regularizers:
          l2: {plugin: l2, weight_decay: 1e-3}
        optimizer: {plugin: sgd, lr: 0.1, momentum: 0.9}
        train: {steps: 300, batch_size: 64, precision: f64}
        probes:
        \(probes)
        record:
          quantities: [layer.input, layer.output_grad, layer.input_jacobian, layer.weight, layer.weight_initial]
          at: {steps: [0, 300]}
        """

    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy")) func numPyAgrees() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first), python = try #require(Tool.python)
        let compared = try Tool.run(
            [Tool.root + "/Tests/References/alignment.py", "out/runs/\(name)"], with: python, in: scratch)
        #expect(
            compared.status == 0 && compared.output.contains(" 0 disagree"), "\(compared.output)\(compared.errors)")
        #expect(Int(compared.output.prefix { $0.isNumber }) ?? 0 > 1500, "\(compared.output)")
    }

    /// The same numbers of a probe in a process of its own, intervals included.
    @Test func isolatedProbesHaveTheSameIntervals() throws {
        let scratch = try Scratch()
        let study = Self.study.replacing(
            Self.probes,
            with: """
                  crh: {plugin: alignment, variant: [normalized], samples: 400, bootstrap: 20}
                  nfa: {plugin: feature_ansatz, samples: 100, bootstrap: 20, cotangents: 3}
                  norms: {plugin: self_averaging, samples: 400, bootstrap: 20}
                  nc: {plugin: neural_collapse, samples: 400, bootstrap: 20}
                """
        ).components(separatedBy: "record:")[0]
        try scratch.write(study, to: "s.yaml")
        var found: [String] = []
        for isolation in ["none", "all"] {
            let run = try Tool.run(["run", "s.yaml", "--out", isolation, "--isolate", isolation], in: scratch)
            #expect(run.status == 0, "\(run.errors)")
            let name = try #require(try scratch.names("\(isolation)/runs").first)
            found.append(try scratch.read("\(isolation)/runs/\(name)/observations.csv"))
        }
        #expect(found[0] == found[1] && found[0].contains("forward_rga.normalized.alpha.low,fc1,,0"))
        // A second pass takes quantities of plugins that the first has given.
        #expect(!found[0].contains("cannot_be_called") && found[0].contains(",nc,nc4,,,0"))
        #expect(found[0].contains("cv_h.high,head,,") && found[0].contains("raw.pearson.low,fc2,,"))
    }

    /// y = x0 x1: the two directions in which the first layer of a network has changed most, and the two that a kernel machine has found,
    /// are nearly the same plane, more so than after ten steps.
    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy"), arguments: [0, 1])
    func networksAndMachinesFindOnePlane(seed: Int) throws {
        let scratch = try Scratch(), python = try #require(Tool.python)
        let dataset =
            "dataset: {plugin: product_teacher, train_rows: 2000, test_rows: 1000, d_in: 20}\nseeds: \(seed)\n"
        try scratch.write(
            "study: network\n" + dataset + """
                model: {plugin: mlp, widths: [128, 128], bias: false}
                loss: {plugin: mean_squared_error}
                optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
                train: {steps: 3000, batch_size: 64}
                record: {quantities: [layer.weight_change, layer.input, targets], at: {steps: [10, 3000]}, layers: [fc1]}
                """, to: "network.yaml")
        try scratch.write(
            "study: machine\n" + dataset
                + "procedure: {plugin: recursive_feature_machine, bandwidth: 10, regularization: 1e-4}\n",
            to: "machine.yaml")
        let runs = try ["network", "machine"].map { name in
            let run = try Tool.run(["run", "\(name).yaml", "--out", name], in: scratch)
            #expect(run.status == 0, "\(run.errors)")
            return "\(name)/runs/" + (try #require(try scratch.names("\(name)/runs").first))
        }
        for (step, status) in [(3000, Int32(0)), (10, 1)] {
            let compared = try Tool.run(
                [Tool.root + "/Tests/References/shared_subspace.py"] + runs + ["\(step)"], with: python, in: scratch)
            #expect(compared.status == status, "\(compared.output)\(compared.errors)")
            #expect(compared.output.contains("network and machine: 0.9"), "\(compared.output)")
        }
    }
}
