import ArrayFiles
import Foundation
import Studies
import Testing

/// `syzygy measure`: probes on recorded arrays.
@Suite struct MeasureTests {
    private static let probes = [
        "alignment", "cka", "neural_collapse", "feature_ansatz", "feature_spectrum", "spectrum", "self_averaging",
        "kurtosis",
    ]

    private static func study(_ model: String, _ precision: String = "f32") -> String {
        """
        study: recorded
        dataset: {plugin: digits}
        model: {plugin: \(model)}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.1}
        train: {steps: 40, batch_size: 50, precision: \(precision)}
        probes:
        \(probes.map { "  \($0): {plugin: \($0), at: {steps: [0, 40]}, samples: 530}" }.joined(separator: "\n"))
          drawn: {plugin: alignment, at: {steps: [0, 40]}, samples: 530, bootstrap: 20}
        record:
          quantities: [layer.input, layer.output_grad, layer.weight, layer.weight_initial, layer.bias, layer.output_jacobian, labels,
            model.output]
          at: {steps: [0, 40]}
          samples: 530
        """
    }

    /// Numbers, or reasons, by all that names them.
    private func values(_ path: String) throws -> [Series: [Int: (value: Double, reason: String)]] {
        let table = try ObservationTable.read(file: path)
        var values: [Series: [Int: (value: Double, reason: String)]] = [:]
        for i in 0..<table.count {
            let reason = table.reason[i] < 0 ? "" : table.reasons[Int(table.reason[i])]
            values[table.series[Int(table.seriesIndex[i])], default: [:]][table.step[i]] = (table.value[i], reason)
        }
        return values
    }

    /// What probes measured in a run they measure of its arrays, intervals included.
    @Test(arguments: ["mlp, widths: [24, 13]", "conv_net, image: [8, 8, 1], channels: [3, 4]"])
    func aRunAgain(model: String) throws {
        let scratch = try Scratch()
        try scratch.write(Self.study(model), to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first), folder = "out/runs/\(name)"
        let files = try scratch.names("\(folder)/arrays").map { "\(folder)/arrays/\($0)" }
        let probes = Self.probes.flatMap { ["--probe", $0] }
        let again = try Tool.run(["measure"] + files + probes + ["--out", "again"], in: scratch)
        #expect(again.status == 0 && again.output == "again/observations.csv\n", "\(again.errors)")
        let over = try Tool.run(["measure"] + files + probes + ["--out", folder], in: scratch)
        #expect(over.status == 1 && over.errors.contains("has the observations of a run; give --out another folder"))
        let drawn = try Tool.run(
            ["measure"] + files.reversed() + ["--probe", "drawn=alignment", "--bootstrap", "20", "--out", "drawn"],
            in: scratch)
        #expect(drawn.status == 0, "\(drawn.errors)")
        var found = try values(scratch.path + "/again/observations.csv")
        found.merge(try values(scratch.path + "/drawn/observations.csv")) { first, _ in first }
        let expected = try values(scratch.path + "/\(folder)/observations.csv")
        #expect(Set(found.keys) == Set(expected.keys) && expected.count > 200)
        #expect(expected.keys.contains { $0.output.hasSuffix(".low") })
        for (series, steps) in expected {
            for (step, (value, reason)) in steps {
                let own = try #require(found[series]?[step], "\(series)")
                let isEqual = value.isNaN ? own.value.isNaN : abs(own.value - value) <= 1e-12 * max(1, abs(value))
                #expect(isEqual && own.reason == reason, "\(series) at \(step): \(own) for \(value) \(reason)")
            }
        }
    }

    /// Arrays of others: one layer, with names that `--map` gives.
    @Test func namesOfOthers() throws {
        let scratch = try Scratch()
        let (n, d, out) = (20, 3, 2)
        let numbers = (0..<n * d).map { Double(($0 * 37 + 11) % 29) }
        try Safetensors.write(
            [
                NamedArray("R", shape: [n, d], .f32(numbers.map { Float($0) })),
                NamedArray("W", shape: [out, d], .f64([1, 2, 0, -1, 0.5, 3])),
                NamedArray("y", shape: [n], .i64((0..<20).map { $0 % 2 })),
            ], to: scratch.path + "/a.safetensors")
        let all = ["measure", "a.safetensors", "--map", "input=R,weight=W", "--map", "labels=y"]
        let run = try Tool.run(
            all + [
                "--probe", "s=feature_spectrum", "--set", "s.of=[input]", "--probe", "alignment", "--set",
                "variant=[raw]",
            ],
            in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        var trace = 0.0
        for j in 0..<d {
            let column = (0..<n).map { numbers[$0 * d + j] }
            let mean = column.reduce(0, +) / Double(n)
            for value in column { trace += (value - mean) * (value - mean) / Double(n) }
        }
        let line = try #require(
            run.output.split(separator: "\n").first { $0.contains("s.input.trace") }, "\(run.output)")
        #expect(abs((Double(line.split(separator: " ").last ?? "") ?? 0) / trace - 1) < 1e-3, "\(line) for \(trace)")
        // What the gradient is needed for says so, and costs nothing else.
        #expect(run.output.contains("no_moment_raw_layer_output_grad_"), "\(run.output)")
        #expect(run.errors.contains("probe 'alignment': needs 'layer/layer.output_grad'\n"), "\(run.errors)")
        let collapse = try Tool.run(
            ["measure", "a.safetensors", "--map", "input=R,weight=W", "--probe", "neural_collapse"], in: scratch)
        for sentence in [
            "needs 'labels'", "needs 'model.output'", "goes without 'layer/layer.bias', which is not there",
        ] {
            #expect(collapse.errors.contains("probe 'neural_collapse': \(sentence)\n"), "\(collapse.errors)")
        }
    }

    @Test func sentences() throws {
        let scratch = try Scratch()
        let arrays = [NamedArray("R", shape: [4, 3], .f32(Array(repeating: 1, count: 12)))]
        try NPZ.write(arrays, to: scratch.path + "/step-3.npz")
        try NPZ.write(arrays, to: scratch.path + "/run-03.npz")
        try NPZ.write(arrays, to: scratch.path + "/last.npz")
        let probe = ["--probe", "feature_spectrum"], map = ["--map", "input=R"]
        let cases: [(arguments: [String], status: Int32, sentence: String)] = [
            (["step-3.npz", "--probe", "feature_spektrum"], 64, "did you mean 'feature_spectrum'?"),
            (
                ["step-3.npz", "--probe", "agreement"], 64,
                "--probe agreement: it compares two runs; arrays are of one"
            ),
            (
                ["step-3.npz", "--set", "off=[input]"] + probe, 64,
                "--set off=[input]: unknown option 'off'; did you mean 'of'?"
            ),
            (["step-3.npz", "--set", "of=[in]"] + probe, 64, "--set of=[in]: unknown of 'in'"),
            (["step-3.npz", "--set", "x.of=[input]"] + probe, 64, "no probe 'x' (there are: feature_spectrum)"),
            (
                ["step-3.npz", "--probe", "feature_spectrum"] + probe, 64,
                "give it a key: --probe other=feature_spectrum"
            ),
            (["step-3.npz", "--map", "inputs=R"] + probe, 64, "unknown quantity 'inputs'; did you mean 'input'?"),
            (["step-3.npz", "--map", "R"] + probe, 64, "--map R: expected quantity=array"),
            (
                ["step-3.npz", "run-03.npz"] + probe, 64,
                "run-03.npz: is of step 3, as is step-3.npz; give --steps 0,10,…"
            ),
            (["step-3.npz", "last.npz"] + probe, 64, "last.npz: its name has no number"),
            (["step-3.npz", "--steps", "1,2"] + probe, 64, "--steps: 2 steps for 1 file; give each one"),
            (["step-3.npz", "--bootstrap", "7"] + probe, 64, "--bootstrap must be from 20 to 10000, got 7"),
            (["step-3.npz", "--steps", "a"] + probe, 64, "--steps: expected steps such as 0,10,100, got 'a'"),
            (
                ["step-3.npz"] + probe, 1,
                "step-3.npz: no array has the name of a quantity, such as 'fc1/layer.input'; "
                    + "--map input=R says what an array is (it has: R)"
            ),
            (["step-3.npz", "--map", "input=r"] + probe, 1, "no array 'r', which --map makes 'layer/layer.input'"),
            (
                ["step-3.npz", "--layers", "laier"] + map + probe, 1,
                "no array is of a layer 'laier'; did you mean 'layer'?"
            ),
            (["step-3.npz", "--samples", "5"] + map + probe, 1, "step-3.npz: --samples 5: there are 4"),
            (["s.yaml"] + probe, 1, "s.yaml: expected a file of arrays, .npz or .safetensors"),
            (["none.npz"] + map + probe, 1, "none.npz: "),
            (
                ["step-3.npz", "--map", "input=R,weight=R,output=R"] + probe, 1,
                "has 3 columns; layer 'layer' has 4 outputs in"
            ),
        ]
        for (arguments, status, sentence) in cases {
            let run = try Tool.run(["measure"] + arguments, in: scratch)
            #expect(
                run.status == status && run.errors.contains(sentence),
                "\(arguments): \(run.errors)\(run.output)")
        }
        let good = try Tool.run(["measure", "step-3.npz", "--set", "of=[input]"] + map + probe, in: scratch)
        #expect(good.status == 0 && good.output.contains("feature_spectrum.input"), "\(good.errors)\(good.output)")
    }

    /// The hook of the manual, with PyTorch itself, against NumPy.
    @Test(.enabled(if: Tool.python(with: "torch") != nil, "no python3 with torch; SYZYGY_PYTHON may name one"))
    func theHookOfTheManual() throws {
        let scratch = try Scratch(), python = try #require(Tool.python(with: "torch"))
        let page = try String(contentsOfFile: Tool.root + "/docs/measure.md", encoding: .utf8)
        let hook = try #require(
            page.components(separatedBy: "```python\n").dropFirst().first?.components(separatedBy: "```")[0])
        #expect(hook.split(separator: "\n").count <= 20)
        try scratch.write(hook, to: "hook.py")
        let reference = Tool.root + "/Tests/References/measured.py"
        let write = try Tool.run([reference, "write", "."], with: python, in: scratch)
        #expect(write.status == 0, "\(write.errors)")
        let run = try Tool.run(
            [
                "measure", "step-0.npz", "step-30.npz", "--probe", "alignment", "--set", "variant=[raw, normalized]",
                "--probe", "neural_collapse", "--out", "m",
            ],
            in: scratch)
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        let compared = try Tool.run([reference, "compare", "m/observations.csv"], with: python, in: scratch)
        #expect(
            compared.status == 0 && compared.output.contains(" 0 disagree"), "\(compared.output)\(compared.errors)")
    }
}
