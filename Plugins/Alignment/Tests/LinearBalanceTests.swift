import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// The study linear-balance, in memory, on fewer rows: the inputs are whitened exactly, so the number of rows does not
/// matter to the dynamics. `Tests/References/linear_balance.py` has the same numbers from NumPy.
@Suite struct LinearBalanceTests {
    @Test(arguments: [0.05, 0.2]) func closedFormAtTheStationaryPoint(decay: Double) throws {
        let values = try train(decay: decay)
        func value(_ probe: String, _ output: String, _ layer: String) -> Double {
            values["\(probe)/\(layer)/\(output)"]?.number ?? .nan
        }
        for relation in ["rga", "rwa", "gwa"] {
            #expect(abs(value("crh", "forward_\(relation).raw.alpha", "fc1") - 1) < 1e-9)
            #expect(abs(value("crh", "backward_\(relation).raw.alpha", "head") - 1) < 1e-9)
        }
        #expect((0.9...0.97).contains(value("crh", "backward_gwa.raw.alpha", "fc1")))
        #expect((0.5...0.75).contains(value("crh", "forward_rga.raw.alpha", "head")))

        // H_a ~ Z^(l-1), H_b ~ Z^l, G_b ~ Z^(2-l), G_a ~ Z^(3-l)
        for (layer, l) in [("fc1", 1.0), ("head", 2.0)] {
            for (matrix, exponent) in [("h_a", l - 1), ("h_b", l), ("g_b", 2 - l), ("g_a", 3 - l)] {
                #expect(abs(value("pah", "\(matrix).raw.slope", layer) - exponent) < 1e-7, "\(layer) \(matrix)")
                #expect(value("pah", "\(matrix).raw.points", layer) == 8)
            }
            #expect(value("balance", "residual_b", layer) < 1e-9)
            #expect(value("balance", "residual_a", layer) < 1e-9)
        }
        // Of 20 inputs 8 are used: H_a = I leaves 12 of 20 outside the eigenspace of the weight.
        #expect(abs(value("pah", "h_a.raw.outside", "fc1") - 0.6) < 1e-9)

        let teacher = (0..<8).map { 4 * pow(0.5 / 4, Double($0) / 7) }
        let kept = teacher.reduce(0) { $0 + $1 - decay }
        #expect(abs(value("balance", "trace_ratio", "fc1") - decay * decay) < 1e-10)
        #expect(abs(value("balance", "trace_ratio", "head") - 8 * decay * decay / kept) < 1e-9)
        for (i, s) in teacher.enumerated() {
            #expect(abs(value("ranks", "singular_values[\(i)]", "fc1") - (s - decay).squareRoot()) < 1e-9)
        }
        #expect(abs(value("fit", "loss", "") - 4 * decay * decay) < 1e-9)
    }

    /// Last values by `probe/layer/output`.
    private func train(decay: Double, steps: Int = 10_000) throws -> [String: Observation.Value] {
        let loader = ShippedPlugins.loader(seed: 3)
        let dataset = try loader.dataset(
            Choice(component: "linear_teacher", options: ["train_rows": .int(40), "test_rows": .int(5)]))
        let model = try loader.model(
            Choice(
                component: "mlp",
                options: [
                    "widths": .array([.int(20)]), "activation": .string("identity"), "bias": .bool(false),
                    "init": .string("normal"), "init_std": .double(0.1),
                ]))
        let loss = try loader.loss(Choice(component: "mean_squared_error"))
        let l2 = try loader.regularizer(Choice(component: "l2", options: ["weight_decay": .double(decay)]))
        let sgd = try loader.optimizer(Choice(component: "sgd", options: ["lr": .double(0.1)]))
        let probes = [
            ("crh", Choice(component: "alignment")), ("pah", Choice(component: "exponents")),
            ("balance", Choice(component: "fact", options: ["weight_decay": .double(decay)])),
            ("ranks", Choice(component: "spectrum")), ("fit", Choice(component: "performance")),
        ]
        let session = try Session(
            TrainingPlan(
                network: Network(model: model, loss: loss, fields: dataset.fields), dataset: dataset,
                regularizers: [RegularizerTerm(key: "l2", regularizer: l2)], optimizer: sgd,
                probes: try probes.map { ScheduledProbe(key: $0.0, probe: try loader.probe($0.1), steps: [steps]) },
                steps: steps, precision: .f64, seed: 3, definitions: loader))
        var values: [String: Observation.Value] = [:]
        let outcome = try session.run(
            observed: { observation in
                let index = observation.index.map { "[\($0)]" } ?? ""
                values["\(observation.probe)/\(observation.layer)/\(observation.output)\(index)"] = observation.value
            }, progress: { _ in true })
        #expect(outcome == .finished)
        return values
    }
}
