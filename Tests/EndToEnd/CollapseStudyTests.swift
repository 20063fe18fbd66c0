import Testing

/// The exact studies of neural collapse, and its numbers recomputed by NumPy.
@Suite struct CollapseStudyTests {
    @Test(arguments: ["unconstrained-mse", "unconstrained-cross-entropy", "central-path"])
    func exact(study: String) throws {
        let scratch = try Scratch()
        let path = Tool.root + "/Plugins/NeuralCollapse/studies/\(study).yaml"
        let run = try Tool.run(["run", path, "--check", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("\nok  ") && !run.output.contains("FAIL"), "\(run.output)")
    }

    /// A run that has all probes, at its beginning and its end, with a class that is not among the samples.
    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy"), arguments: [true, false])
    func numPyAgrees(hasBias: Bool) throws {
        let scratch = try Scratch()
        let study = """
            study: collapse
            dataset: {plugin: simplex_clusters, train_rows: 1300, classes: 5, d: 7, sigma: 0.8}
            model: {plugin: mlp, widths: [11, 6], bias: \(hasBias)}
            loss: {plugin: mean_squared_error}
            optimizer: {plugin: sgd, lr: 0.05}
            train: {steps: 80, batch_size: 65}
            probes:
              nc: {plugin: neural_collapse, at: {steps: [0, 80]}, global_mean: samples}
              depth: {plugin: layer_collapse, at: {steps: [0, 80]}}
              index: {plugin: variability_index, at: {steps: [0, 80]}}
              spread: {plugin: uniformity, at: {steps: [0, 80]}, riesz_exponent: 2}
              path: {plugin: central_path_loss, at: {steps: [0, 80]}, weight_decay: 1e-3}
            record:
              quantities: [layer.input, head.input, head.weight, head.bias, model.output, labels]
              at: {steps: [0, 80]}
            """
        try scratch.write(study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        let python = try #require(Tool.python), name = try #require(try scratch.names("out/runs").first)
        let script = Tool.root + "/Tests/References/neural_collapse.py"
        let result = try Tool.run([script, "out/runs/" + name], with: python, in: scratch)
        #expect(result.status == 0 && result.output.contains("130 values compared, 0 disagree"), "\(result.output)")
    }

    /// Intervals of the ordinary bootstrap, which draws rows one by one; one of half as many rows is another interval.
    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy")) func intervals() throws {
        let scratch = try Scratch(), python = try #require(Tool.python)
        let study = """
            study: intervals
            dataset: {plugin: simplex_clusters, train_rows: 1300, classes: 5, d: 7, sigma: 0.5}
            model: {plugin: mlp, widths: [11, 6]}
            loss: {plugin: mean_squared_error}
            optimizer: {plugin: sgd, lr: 0.1}
            train: {steps: 400, batch_size: 65}
            probes:
              nc: {plugin: neural_collapse, at: {steps: [100, 400]}, bootstrap: 400}
            record:
              quantities: [head.input, head.weight, head.bias, model.output, labels]
              at: {steps: [100, 400]}
            """
        try scratch.write(study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        let folder = "out/runs/" + (try #require(try scratch.names("out/runs").first))
        for (share, status) in [("1", Int32(0)), ("0.5", 1)] {
            let result = try Tool.run(
                [Tool.root + "/Tests/References/bootstrap.py", folder, share], with: python, in: scratch)
            #expect(result.status == status, "\(result.output)\(result.errors)")
            #expect(result.output.contains("20 intervals compared"), "\(result.output)")
        }
    }

    /// What is said of the formulas of other tools holds.
    @Test(.enabled(if: Tool.python != nil, "no python3 with numpy")) func otherTools() throws {
        let scratch = try Scratch(), python = try #require(Tool.python)
        let result = try Tool.run([Tool.root + "/Tests/References/collapse_peers.py"], with: python, in: scratch)
        #expect(result.status == 0 && result.output.contains("ours: 0 of 200 bases wrong"), "\(result.output)")
    }
}
