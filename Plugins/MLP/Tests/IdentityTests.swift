import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// H_b = W H_a Wᵀ and G_a = Wᵀ G_b W hold for any network, here one of plugins only: digits, mlp and cross_entropy.
@Suite struct IdentityTests {
    @Test(arguments: ["tanh", "relu"], [true, false])
    func momentsAcrossALayer(activation: String, bias: Bool) throws {
        let loader = ShippedPlugins.loader(seed: 11)
        let dataset = try loader.dataset(
            Choice(component: "digits", options: ["train_rows": .int(613), "test_rows": .int(29)]))
        let model = try loader.model(
            Choice(
                component: "mlp",
                options: [
                    "widths": .array([.int(13), .int(7)]), "activation": .string(activation), "bias": .bool(bias),
                ]))
        let network = Network(
            model: model, loss: try loader.loss(Choice(component: "cross_entropy")), fields: dataset.fields)
        let session = try Session(
            TrainingPlan(
                network: network, dataset: dataset, optimizer: try loader.optimizer(Choice(component: "sgd")),
                steps: 5,
                batchSize: 17, precision: .f32, seed: 11))
        _ = try session.run(observed: { _ in }, progress: { _ in true })

        var found: [String: Matrix] = [:]
        let names = ["input", "output", "input_grad", "output_grad"].map { "moment.raw(layer.\($0))" }
        try session.observer.quantities(
            names + ["layer.weight"], split: "train", samples: nil, store: session.store
        ) { key, quantity in
            guard case .real(let data) = quantity.data else { return }
            let count = quantity.shape.reduce(1, *)
            found[key] = Matrix(
                rows: quantity.shape[0], columns: quantity.shape[1],
                elements: Array(UnsafeBufferPointer(start: data, count: count)))
        }
        for layer in ["fc1", "fc2", "head"] {
            let w = try #require(found["\(layer)/layer.weight"])
            func moment(_ name: String) throws -> Matrix { try #require(found["\(layer)/moment.raw(layer.\(name))"]) }
            let (ha, hb) = (try moment("input"), try moment("output"))
            let (ga, gb) = (try moment("input_grad"), try moment("output_grad"))
            #expect((hb - w * ha * w.transposed).frobeniusNorm <= 1e-12 * hb.frobeniusNorm, "\(layer)")
            #expect((ga - w.transposed * gb * w).frobeniusNorm <= 1e-12 * ga.frobeniusNorm, "\(layer)")
            // Another weight does not satisfy them.
            let other = 1.001 * w
            #expect((hb - other * ha * other.transposed).frobeniusNorm > 1e-4 * hb.frobeniusNorm)
        }
    }
}
