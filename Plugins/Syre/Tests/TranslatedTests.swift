import Engine
import Manifests
import Observing
import PluginTesting
import Testing
import Training

/// A `TanhNet` of 5 inputs, 4 units and 3 outputs on 23 rows.
private func session(
    _ optimizer: Choice, translated sigma: Double?, penalty: [String: JSON], seed: UInt64 = 7
) throws -> Session {
    let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3), loader = ShippedPlugins.loader(seed: seed)
    let rules = try sigma.map {
        ParametrizationRule(
            key: "syre", parameters: ParameterPattern(names: ["*"]),
            parametrization: try loader.parametrization(
                Choice(component: "translated", options: ["sigma0": .double($0)])))
    }
    let regularizer = try loader.regularizer(Choice(component: "anchored_l2", options: penalty))
    return try Session(
        TrainingPlan(
            network: Network(
                model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields,
                parametrizations: rules.map { [$0] } ?? []),
            dataset: dataset, regularizers: [RegularizerTerm(key: "decay", regularizer: regularizer)],
            optimizer: try loader.optimizer(optimizer), steps: 100, precision: .f64, seed: seed))
}

/// What the network sees, by the names of its parameters.
private func seen(_ session: Session) throws -> [String: [Double]] {
    var found: [String: [Double]] = [:]
    try session.observer.quantities(["layer.weight"], split: "train", samples: nil, store: session.store) {
        guard case .real(let data) = $1.data else { return }
        let count = $1.shape.reduce(1, *)
        found[$0.replacing("/layer", with: "")] = Array(UnsafeBufferPointer(start: data, count: count))
    }
    return found
}

@Suite struct TranslatedTests {
    /// The paper's form: theta of `translated` under gamma |theta|², without an anchor in the penalty, gives the network
    /// that w under gamma |w - theta_0|² gives, after 100 steps of any optimizer of gradients.
    @Test(arguments: [
        ("sgd", ["lr": JSON.double(0.05)]), ("sgd", ["lr": .double(0.02), "momentum": .double(0.9)]),
        ("adam", ["lr": .double(0.01)]),
    ]) func bothFormsTrainOneNetwork(optimizer: String, options: [String: JSON]) throws {
        let choice = Choice(component: optimizer, options: options)
        let translated = try session(
            choice, translated: 0.5, penalty: ["weight_decay": .double(0.05), "sigma0": .double(0)])
        let anchored = try session(
            choice, translated: nil,
            penalty: ["weight_decay": .double(0.05), "sigma0": .double(0), "shift": .bool(false)])
        // w of the one begins as theta + theta_0 of the other.
        let first = try seen(translated)
        #expect(translated.store.blocks.map(\.name) == ["fc1.weight.theta", "head.weight.theta", "head.bias.theta"])
        let bias = try headBias(of: translated)
        for (block, name) in ["fc1.weight", "head.weight", "head.bias"].enumerated() {
            let w = try #require(name == "head.bias" ? bias : first[name]),
                theta = translated.store.copy(block: block)
            let anchor = zip(w, theta).map { $0 - $1 }
            #expect(anchor.allSatisfy { $0 != 0 && abs($0) < 2 })
            anchored.store.set(block: block, w)
            let state = try #require(
                anchored.checkpoint.first { $0.name == "regularizers.decay/anchor/\(name)" })
            for (i, value) in anchor.enumerated() {
                state.values.storeBytes(of: value, toByteOffset: 8 * i, as: Double.self)
            }
        }
        for _ in 0..<100 {
            try translated.advance()
            try anchored.advance()
        }
        let last = try seen(translated), other = try seen(anchored)
        for (name, values) in last {
            for (a, b) in zip(values, try #require(other[name])) { #expect(abs(a - b) <= 1e-12) }
            #expect(zip(values, try #require(first[name])).contains { abs($0 - $1) > 0.01 })
        }
        for (a, b) in zip(try headBias(of: translated), try headBias(of: anchored)) { #expect(abs(a - b) <= 1e-12) }
        #expect(abs(translated.penalty - anchored.penalty) <= 1e-12 && translated.penalty > 0)
    }

    private func headBias(of session: Session) throws -> [Double] {
        var found: [Double] = []
        try session.observer.quantities(["layer.bias"], split: "train", samples: nil, store: session.store) {
            guard $0 == "head/layer.bias", case .real(let data) = $1.data else { return }
            found = Array(UnsafeBufferPointer(start: data, count: 3))
        }
        return found
    }
}
