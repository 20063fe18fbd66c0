import ArrayFiles
import Foundation
import LinearAlgebra
import Manifests
import PluginTesting
import Studies
import Testing

/// Linear regression without bias, 7 rows of 5 features, 3 targets.
private let linear = """
    study: linear
    dataset: {plugin: linear_teacher, d_in: 5, d_out: 3, rank: 2, noise: 0.3, train_rows: 7, test_rows: 4}
    model: {plugin: mlp, widths: [], bias: false}
    loss: {plugin: mean_squared_error}
    optimizer: {plugin: sgd, lr: 0.1, momentum: 0.9, weight_decay: 0.2}
    train: {steps: 2, precision: f64}
    probes:
      ranks: {plugin: spectrum, at: first}
    """

@Suite struct BenchTests {
    private func bench(_ arguments: String..., study: String = linear) throws -> (Tool.Result, Scratch) {
        let scratch = try Scratch()
        try scratch.write(study, to: "s.yaml")
        return (try Tool.run(["bench"] + arguments + ["--seconds", "0.01"], in: scratch), scratch)
    }

    // MARK: What is printed

    @Test func printsTimeRateArithmeticFirstStepAndMemory() throws {
        let (result, _) = try bench("s.yaml", "--threads", "2")
        #expect(result.status == 0, "\(result.errors)")
        let lines = result.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 6, "\(result.output)")
        #expect(lines[0] == "s.yaml: step, f64, 2 threads")
        #expect(
            lines[1].contains(
                /^  time        [0-9.,]+ us\/step, the median of [0-9,]+ blocks \([0-9.,]+ to [0-9.,]+\)$/))
        #expect(lines[2].contains(/^  rate        [0-9.]+ ([kM] )?steps\/s$/))
        #expect(lines[3].contains(/GFLOP\/s, [0-9.e-]+ % of the DGEMM peak of [0-9.,]+ GFLOP\/s$/))
        #expect(
            lines[4].contains(
                /^  first step  [0-9.,]+ ms: plan \S+, load \S+, build \S+, compile \S+, first run \S+$/))
        #expect(lines[5].contains(/^  memory      [0-9.,]+ MB at most$/))
    }

    /// The numbers of the object agree with each other, and with what a step of mlp-small takes at least.
    @Test func jsonIsOneObjectOfConsistentNumbers() throws {
        let scratch = try Scratch()
        let result = try Tool.run(
            ["bench", "mlp-small", "train.batch_size=24", "--json", "--seconds", "0.2"], in: scratch)
        #expect(result.status == 0, "\(result.errors)")
        let json = try StrictJSON.parse(result.output, file: "bench").root
        func number(_ keys: String...) throws -> Double {
            try #require(keys.reduce(Optional(json)) { $0?[$1] }?.double, "\(keys)")
        }
        #expect(json["workload"]?.string == "mlp-small" && json["work"]?.string == "step")
        #expect(json["precision"]?.string == "f32" && json["threads"]?.int == 1)
        #expect(json["configuration"]?["train"]?["batch_size"]?.int == 24)
        #expect(json["host"]?["cores"]?.int == Host.cores)
        let time = try number("us_per_step")
        #expect(try number("us_per_step_min") <= time && time <= number("us_per_step_max"))
        #expect(try abs(number("steps_per_second") * time / 1e6 - 1) < 1e-12)
        // Two products for the weights of each layer, and one for the inputs of all but the first.
        let weights: [Double] = [16 * 64, 64 * 64, 64]
        let all: Double = weights.reduce(0, +)
        let products: Double = 2 * 24 * (3 * all - weights[0])
        let flops = try number("flops_per_step")
        #expect(flops >= products && flops < 1.2 * products)
        #expect(try abs(number("gflops") * time * 1e3 / flops - 1) < 1e-12)
        #expect(try abs(number("share_of_peak") * number("peak_gflops") / number("gflops") - 1) < 1e-12)
        #expect(try number("blocks") >= 3 && number("steps") >= number("blocks"))
        let names = ["plan", "load", "build", "compile", "first_run"]
        let parts: [Double] = try names.map { try number("first_step_ms", $0) }
        #expect(parts.allSatisfy { $0 > 0 })
        #expect(try abs(number("first_step_ms", "total") / parts.reduce(0, +) - 1) < 1e-12)
        #expect(try number("peak_memory_mb") > 1)
    }

    @Test(arguments: Workload.Work.allCases) func everyKindOfWorkIsTimed(_ work: Workload.Work) throws {
        let (result, _) = try bench("s.yaml", "--of", work.rawValue, "--json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try StrictJSON.parse(result.output, file: "bench").root
        #expect(json["work"]?.string == work.rawValue)
        #expect(try #require(json["us_per_step"]?.double) > 0)
    }

    // MARK: What is computed

    private func export(_ work: String) throws -> [String: Matrix] {
        let (result, scratch) = try bench("s.yaml", "--of", work, "--export", "x.safetensors")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.isEmpty)
        return try read(scratch.path + "/x.safetensors")
    }

    /// All axes but the last as rows.
    private func read(_ path: String) throws -> [String: Matrix] {
        let file = try Safetensors.read(path)
        #expect(file.metadata["configuration"]?.contains("linear_teacher") == true)
        return Dictionary(
            uniqueKeysWithValues: file.arrays.map { array in
                guard case .f64(let values) = array.data else { return (array.name, Matrix([])) }
                let rows = array.shape.dropLast().reduce(1, *)
                return (array.name, Matrix(rows: rows, columns: values.count / rows, elements: values))
            })
    }

    /// Four steps by hand: v ← 0.9 v + g + 0.2 W, W ← W − 0.1 v, with g = δᵀX / n and δ = X Wᵀ − Y.
    @Test func theExportedLossesAreThoseOfTheExportedRows() throws {
        let arrays = try export("step")
        let x = try #require(arrays["batch/x"]), y = try #require(arrays["batch/y"])
        var w = try #require(arrays["parameter/head.weight"])
        #expect((x.rows, x.columns, y.rows, y.columns, w.rows, w.columns) == (7, 5, 7, 3, 3, 5))
        var velocity = Matrix(rows: 3, columns: 5)
        let losses = try #require(arrays["losses"]).elements
        #expect(losses.count == 4)
        for loss in losses {
            let error = Matrix.product(x, w, transposeB: true) - y
            #expect(abs(error.elements.reduce(0) { $0 + $1 * $1 } / 14 - loss) <= 1e-13 * loss)
            velocity = 0.9 * velocity + 1.0 / 7 * Matrix.product(error, x, transposeA: true) + 0.2 * w
            w = w - 0.1 * velocity
        }
    }

    /// H V = V XᵀX / n.
    @Test func theExportedHessianVectorProductIsTheClosedForm() throws {
        let arrays = try export("hvp")
        let x = try #require(arrays["batch/x"]), v = try #require(arrays["direction/head.weight"])
        let product = try #require(arrays["hvp/head.weight"])
        let expected = 1.0 / 7 * Matrix.product(v, Matrix.product(x, x, transposeA: true))
        #expect(zip(product.elements, expected.elements).allSatisfy { abs($0 - $1) <= 1e-13 })
    }

    /// The gradient of sample i is δᵢ xᵢᵀ, its squared norm |δᵢ|² |xᵢ|².
    @Test func theExportedPerSampleGradientsAreTheClosedForm() throws {
        var arrays = try export("per-sample-gradients")
        let x = try #require(arrays["batch/x"]), y = try #require(arrays["batch/y"])
        let w = try #require(arrays["parameter/head.weight"]),
            gradients = try #require(arrays["gradient/head.weight"])
        arrays = try export("per-sample-norms")
        let norms = try #require(arrays["norms"]).elements
        #expect(norms.count == 7 && gradients.elements.count == 7 * 3 * 5)
        let error = Matrix.product(x, w, transposeB: true) - y
        for i in 0..<7 {
            var norm = 0.0
            for k in 0..<3 {
                for j in 0..<5 {
                    let expected = error[i, k] * x[i, j]
                    norm += expected * expected
                    #expect(abs(gradients.elements[(i * 3 + k) * 5 + j] - expected) <= 1e-13)
                }
            }
            #expect(abs(norms[i] - norm) <= 1e-12 * norm)
        }
    }

    /// Three runs in one program: each run's rows, first values and losses are those of its own program.
    @Test func runsThatTrainTogetherExportWhatEachExportsAlone() throws {
        let scratch = try Scratch()
        try scratch.write(linear + "\nseeds: 3..5", to: "s.yaml")
        let registry = ShippedPlugins.registry
        let runs = try StudyPlanner(registry: registry).plan(file: scratch.path + "/s.yaml").runs
        #expect(runs.count == 3)
        func arrays(_ runs: [PlannedRun]) throws -> [String: Matrix] {
            let path = scratch.path + "/\(UUID().uuidString).safetensors"
            try Benchmark(runs, work: .step, executor: RunExecutor(registry: registry)).export(to: path)
            return try read(path)
        }
        let together = try arrays(runs)
        let losses = try #require(together["losses"])
        #expect((losses.rows, losses.columns) == (4, 3))
        for (index, run) in runs.enumerated() {
            let alone = try arrays([run])
            for step in 0..<4 {
                let loss = try #require(alone["losses"]).elements[step]
                #expect(abs(losses[step, index] - loss) <= 1e-12 * loss)
            }
            for name in ["batch/x", "batch/y", "parameter/head.weight"] {
                let own = try #require(alone[name]).elements, all = try #require(together[name]).elements
                #expect(Array(all[index * own.count..<(index + 1) * own.count]) == own, "\(name)")
            }
        }
        #expect(throws: StudyError("hvp is timed for one run; set train.together=1")) {
            try Benchmark(runs, work: .hvp, executor: RunExecutor(registry: registry)).export(to: "x")
        }
    }

    // MARK: Errors

    @Test func anUnknownWorkloadIsToldTheNearest() throws {
        let (result, _) = try bench("mlp-smal")
        #expect(result.status == 64)
        #expect(
            result.errors.hasPrefix(
                "no workload is called 'mlp-smal'; did you mean 'mlp-small'? (known: mlp-small, "),
            "\(result.errors)")
        #expect(result.errors.hasSuffix("; a study is given by its file, such as studies/mine.yaml\n"))
    }

    @Test(arguments: [
        (["absent.yaml"], "absent.yaml"),
        (["s.yaml", "optimizer.momentun=0"], "did you mean 'momentum'?"),
        (["s.yaml", "--threads", "0"], "--threads must be at least 1, got 0"),
        (["s.yaml", "--of", "hpv"], "--of hpv: unknown; did you mean 'hvp'? (allowed: step, hvp, "),
        (["s.yaml", "--seconds", "0"], "--seconds must be above 0 and at most 3600, got 0.0"),
    ])
    func wrongUsageIs64(_ arguments: [String], _ sentence: String) throws {
        let scratch = try Scratch()
        try scratch.write(linear, to: "s.yaml")
        let result = try Tool.run(["bench"] + arguments, in: scratch)
        #expect(result.status == 64)
        #expect(result.errors.contains(sentence), "\(result.errors)")
    }

    @Test func aDivergingRunIsNotTimed() throws {
        let (result, _) = try bench("s.yaml", "optimizer.lr=1e60")
        #expect(result.status == 1)
        #expect(result.errors.hasPrefix("the run diverges ("), "\(result.errors)")
        #expect(result.errors.hasSuffix("so its steps cannot be timed; lower the lr\n"))
    }

    @Test func anExportOfStepsNeedsTheWholeSplit() throws {
        let (result, _) = try bench("s.yaml", "train.batch_size=6", "--export", "x.safetensors")
        #expect(result.status == 1)
        #expect(
            result.errors
                == "the export needs train.batch_size=full, so that every step sees the same rows; it is 6 of 7\n")
    }

    // MARK: Workloads

    /// Every entry names a study that is there.
    @Test func theTableOfWorkloadsIsWhole() throws {
        let folder = Tool.root + "/Tests/Benchmarks"
        let table = try StrictJSON.read(folder + "/workloads.json").root
        let names = try #require(table.object?.keys)
        #expect(names.count >= 10)
        for name in names {
            let workload = try Workload(named: String(name))
            #expect(FileManager.default.fileExists(atPath: workload.file), "\(workload.file)")
            let peers = table[name]?["peers"]?.array?.compactMap(\.string) ?? []
            let aim = try #require(table[name]?["aim"])
            let than = aim["than"]?.array?.compactMap(\.string) ?? []
            #expect(!than.isEmpty && than.allSatisfy(peers.contains), "\(name)")
            #expect(try #require(aim["ratio"]?.double) > 0)
        }
    }
}
