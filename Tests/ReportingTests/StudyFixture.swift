import Foundation
import PluginTesting
import Reporting

/// Writes study folders as a run of `syzygy` leaves them, with made-up numbers of plausible shape. Same seed, same
/// bytes.
struct StudyFixture {
    var name = "crh-digits"
    var title = "Weight decay and the six alignments on handwritten digits"
    var weightDecays = [0, 1e-4, 1e-3]
    var seeds = 5
    var steps = 4000
    var points = 30
    var layers = ["fc1", "fc2", "head"]
    var variants = ["raw", "normalized"]
    /// The position (weight decay, seed) of a run that diverges at step 212.
    var diverged: (decay: Int, seed: Int)? = (2, 4)
    /// Probes measure the last step alone.
    var lastOnly = false
    var claims = StudyFixture.exampleClaims

    static let relations = [
        "forward_rga", "forward_rwa", "forward_gwa", "backward_rga", "backward_rwa", "backward_gwa",
    ]

    static let exampleClaims = """
        {"say": "Later layers align better",
         "that": {"mean": "crh.forward_rga.raw.alpha", "layer": "head", "at": "last"},
         "exceeds": {"mean": "crh.forward_rga.raw.alpha", "layer": "fc1", "at": "last"}, "by": 0.0},
        {"say": "Strong decay aligns the last layer almost fully",
         "that": {"min": "crh.forward_rga.raw.alpha", "layer": "head", "where": {"regularizers.l2.weight_decay": 0.001}},
         "at_least": 0.9},
        {"say": "Test accuracy reaches 99 %", "that": {"mean": "test.accuracy"}, "at_least": 0.99}
        """

    /// The distinct values of round(T^(i/(m−1))) with 0, as `{log: m}` gives them.
    var schedule: [Int] {
        guard !lastOnly else { return [steps] }
        let powers = (0..<points).map { Int(pow(Double(steps), Double($0) / Double(points - 1)).rounded()) }
        return Set([0] + powers).sorted()
    }

    /// Writes the folder and returns its path; the caller removes it.
    func write(to folder: String = temporaryFolder()) throws -> String {
        let files = FileManager.default
        try files.createDirectory(atPath: folder + "/runs", withIntermediateDirectories: true)
        var names: [String] = []
        for (d, decay) in weightDecays.enumerated() {
            for seed in 0..<seeds {
                var random = SplitMix(seed: UInt64(1000 * d + seed))
                let name = String(format: "%010x", random.next() >> 24) + "-weight_decay\(decay)-s\(seed)"
                names.append(name)
                let diverges = diverged.map { $0.decay == d && $0.seed == seed } ?? false
                let path = "\(folder)/runs/\(name)"
                try files.createDirectory(atPath: path, withIntermediateDirectories: true)
                try record(name: name, decay: decay, seed: seed, diverges: diverges)
                    .write(toFile: path + "/run.json", atomically: true, encoding: .utf8)
                try observations(decay: d, last: diverges ? 212 : steps, random: &random)
                    .write(toFile: path + "/observations.csv", atomically: true, encoding: .utf8)
            }
        }
        let decays = weightDecays.map { "\($0)" }.joined(separator: ", ")
        try """
        {"format": 1, "study": "\(name)", "title": "\(title)",
         "sweep": {"regularizers.l2.weight_decay": [\(decays)]},
         "settings": [\(weightDecays.map { "{\"regularizers.l2.weight_decay\": \($0)}" }.joined(separator: ", "))],
         "runs": [\(names.map { "\"\($0)\"" }.joined(separator: ", "))],
         "claims": [\(claims)]}
        """.write(toFile: folder + "/study.json", atomically: true, encoding: .utf8)
        return folder
    }

    static func temporaryFolder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("study-" + UUID().uuidString).path
    }

    private func record(name: String, decay: Double, seed: Int, diverges: Bool) -> String {
        let digest = String(repeating: "4f0d9ac2", count: 8)
        return """
            {"format": 1, "name": "\(name)", "identity": "\(digest)", "study": "\(self.name)", "title": "\(title)",
             "status": "\(diverges ? "diverged" : "finished")",
             "message": "\(diverges ? "loss became inf at step 212 (first in layer fc1, output)" : "")",
             "step": \(diverges ? 212 : steps),
             "swept": {"regularizers.l2.weight_decay": \(decay)}, "seed": \(seed),
             "configuration": {
               "study": "\(self.name)", "dataset": {"plugin": "digits", "standardize": true},
               "model": {"plugin": "mlp", "widths": [128, 128], "activation": "tanh"}, "loss": {"plugin": "cross_entropy"},
               "regularizers": {"l2": {"plugin": "l2", "weight_decay": \(decay)}},
               "optimizer": {"plugin": "sgd", "lr": 0.1, "momentum": 0.9},
               "train": {"steps": \(steps), "batch_size": 64, "precision": "f32", "threads": 1},
               "probes": {"crh": {"plugin": "alignment", "variant": ["raw", "normalized"], "at": {"log": 30}}}},
             "origins": {"optimizer.lr": "file", "optimizer.momentum": "override", "train.threads": "default"},
             "plugins": [
               {"id": "syzygy.sgd", "version": "0.1.0", "manifest_sha256": "\(digest)", "library_sha256": "\(digest)"},
               {"id": "syzygy.crh", "version": "0.1.0", "manifest_sha256": "\(digest)", "library_sha256": "\(digest)"}],
             "host": {"version": "0.1.0", "cpu": "AMD EPYC 9B14", "cores": 2, "threads": 1, "blas": "OpenBLAS 0.3.21",
                      "os": "Debian GNU/Linux 12"},
             "started": "2026-11-20T22:41:26Z", "ended": "2026-11-20T22:41:39Z",
             "seconds": \(diverges ? 0.8 : 12.25 + Double(seed) / 8), "steps_per_second": \(9800 - 31 * seed)}
            """
    }

    private func observations(decay: Int, last: Int, random: inout SplitMix) -> String {
        var text = "step,probe,output,layer,index,value,reason\n"
        func add(
            _ step: Int, _ probe: String, _ output: String, _ layer: String, _ value: Double?, _ reason: String = ""
        ) {
            let number = value.map { String(format: "%.17g", $0) } ?? ""
            text += "\(step),\(probe),\(output),\(layer),,\(number),\(reason)\n"
        }
        for step in schedule where step <= last {
            // Progress of training, 0 at the start and 1 at the end, on a log scale.
            let t = log1p(Double(step)) / log1p(Double(steps))
            for (l, layer) in layers.enumerated() {
                let depth = Double(l + 1) / Double(layers.count)
                for variant in variants {
                    for (r, relation) in Self.relations.enumerated() {
                        let start = 0.35 * depth - 0.08 * Double(r)
                        let end = min(0.97, (0.25 + 0.22 * Double(decay)) + 0.35 * depth - 0.06 * Double(r % 3))
                        let rise = 1 / (1 + exp(-9 * (t - 0.55)))
                        let alpha = start + (end - start) * rise + 0.02 * random.normal()
                        let prefix = "\(relation).\(variant)."
                        if step == 0, layer == "head", relation == "forward_gwa" {
                            add(step, "crh", prefix + "alpha", layer, nil, "constant_matrix")
                        } else {
                            add(step, "crh", prefix + "alpha", layer, max(-1, min(1, alpha)))
                        }
                        add(step, "crh", prefix + "cos", layer, min(1, 0.3 + 0.68 * max(0, alpha)))
                        add(step, "crh", prefix + "cos_dev", layer, max(-1, min(1, alpha * 1.05 - 0.1)))
                        add(step, "crh", prefix + "cos_null", layer, 0.3 + 0.05 * depth)
                    }
                }
                for (side, fall) in [("a", 2.1), ("b", 2.6)] {
                    let residual = pow(10, 1 - fall * t * (0.4 + 0.3 * Double(decay))) * exp(0.1 * random.normal())
                    add(
                        step, "fact", "residual_\(side)", layer, decay == 0 ? nil : residual,
                        decay == 0 ? "no_decay" : "")
                }
                for (m, matrix) in ["h_a", "h_b", "g_b", "g_a"].enumerated() {
                    let slope = Double(m) * depth * t + 0.05 * random.normal()
                    add(
                        step, "exponents", matrix + ".slope", layer, t < 0.1 ? nil : slope,
                        t < 0.1 ? "too_few_points" : "")
                    add(step, "exponents", matrix + ".r_squared", layer, min(1, 0.4 + 0.58 * t))
                }
            }
            let collapse = pow(t, 3)
            for (i, output) in ["nc1", "nc1_cdnv", "nc2_equinorm", "nc2_equiangular", "nc2_etf", "nc3", "nc4"]
                .enumerated()
            {
                let exponent = 0.6 - 0.2 * Double(i) - (1.2 + 0.5 * Double(decay)) * collapse
                add(step, "nc", output, "", pow(10, exponent) * exp(0.12 * random.normal()))
            }
            for (probe, gap) in [("train", 0.0), ("test", 0.06)] {
                add(step, probe, "loss", "", 2.3 * exp(-7 * t * t) + gap * t * (1 - 0.2 * Double(decay)) + 2e-3)
                let accuracy = 0.1 + (0.9 - gap / 2) / (1 + exp(-12 * (t - 0.45))) - 0.0041
                add(step, probe, "accuracy", "", min(1, max(0, accuracy + 0.004 * random.normal())))
            }
        }
        return text
    }
}

/// A study folder written line by line, for cases by hand.
struct HandStudy {
    let folder = StudyFixture.temporaryFolder()
    private var names: [String] = []

    mutating func addRun(
        status: String = "finished", seed: Int, swept: String = "", observations: String,
        configuration: String = #""train": {"precision": "f64"}"#, plugins: String = "", origins: String = ""
    ) throws {
        let name = "run\(names.count)"
        names.append(name)
        let path = "\(folder)/runs/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try """
        {"name": "\(name)", "identity": "0", "study": "hand", "status": "\(status)", "seed": \(seed), "step": 9,
         "swept": {\(swept)}, "configuration": {\(configuration)}, "plugins": [\(plugins)], "origins": {\(origins)}}
        """.write(toFile: path + "/run.json", atomically: true, encoding: .utf8)
        try ("step,probe,output,layer,index,value,reason\n" + observations)
            .write(toFile: path + "/observations.csv", atomically: true, encoding: .utf8)
    }

    /// Reads the folder and removes it.
    func results(
        sweep: String = "", settings: String = "", claims: String = "", figures: String = "", outputs: String = ""
    ) throws -> StudyResults {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let runs = names.map { "\"\($0)\"" }.joined(separator: ", ")
        try """
        {"study": "hand", "title": "", "sweep": {\(sweep)}, "settings": [\(settings)], "claims": [\(claims)], "figures": [\(figures)],
         "outputs": {\(outputs)}, "runs": [\(runs)]}
        """
        .write(toFile: folder + "/study.json", atomically: true, encoding: .utf8)
        return try StudyResults.read(folder: folder)
    }
}
