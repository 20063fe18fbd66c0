import Engine
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing
import Training

/// A plan for `noisy_pairs`, with the loss `barlow_twins`.
private func plan(
    _ dataset: any Dataset, _ options: [String: JSON] = [:], steps: Int = 60, seed: UInt64 = 5
) throws -> TrainingPlan {
    let loader = ShippedPlugins.loader(seed: seed)
    return TrainingPlan(
        network: Network(
            model: try loader.model(Choice(component: "mlp", options: ["widths": .array([.int(16)])])),
            loss: try loader.loss(Choice(component: "barlow_twins", options: options)), fields: dataset.fields),
        dataset: dataset, optimizer: try loader.optimizer(Choice(component: "adam", options: ["lr": .double(0.01)])),
        probes: [
            ScheduledProbe(
                key: "fit", probe: try loader.probe(Choice(component: "performance")), steps: [0, steps],
                split: "train")
        ],
        steps: steps, batchSize: 40, precision: .f64, seed: seed)
}

private func pairs(_ options: [String: JSON] = [:], seed: UInt64 = 5) throws -> any Dataset {
    let small: [String: JSON] = ["train_rows": .int(200), "d_in": .int(9), "latents": .int(3)]
    return try ShippedPlugins.loader(seed: seed).dataset(
        Choice(component: "noisy_pairs", options: small.merging(options) { $1 }))
}

@Suite struct TwoViewsTests {
    /// Both views have the latent signal in common, and noise of the given size each of their own.
    @Test func viewsAreASignalAndNoise() throws {
        let clean = try readRows(of: pairs(["noise": .double(0)]), "train")
        let noisy = try readRows(of: pairs(["noise": .double(0.5)]), "train")
        #expect(clean["x"] == clean["x2"] && clean["y"] == noisy["y"])
        let signal = try #require(clean["x"]), first = try #require(noisy["x"]), second = try #require(noisy["x2"])
        let e = zip(first, signal).map { $0 - $1 }, f = zip(second, signal).map { $0 - $1 }
        let n = Double(e.count)
        for noise in [e, f] {
            let variance = noise.reduce(0) { $0 + $1 * $1 } / n
            #expect(abs(variance - 0.25) < 5 * 0.25 * (2 / n).squareRoot())
        }
        #expect(abs(zip(e, f).reduce(0) { $0 + $1.0 * $1.1 } / n) < 5 * 0.25 / n.squareRoot())
    }

    /// The signal is linear in the latent numbers: 9 columns of rank 3.
    @Test func theSignalHasTheLatentRank() throws {
        let data = try readRows(of: pairs(["noise": .double(0)]), "train", 0..<4)
        let x = try #require(data["x"]), z = try #require(data["y"])
        // Row 3's latent numbers as a combination of those of rows 0 to 2 make its signal too.
        func determinant(_ m: [Double]) -> Double {
            func minor(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Double { m[a] * m[d] - m[b] * m[c] }
            let parts = [m[0] * minor(4, 5, 7, 8), -m[1] * minor(3, 5, 6, 8), m[2] * minor(3, 4, 6, 7)]
            return parts.reduce(0, +)
        }
        let whole = determinant(Array(z[0..<9]))
        let weights = (0..<3).map { row -> Double in
            var m = Array(z[0..<9])
            for j in 0..<3 { m[row * 3 + j] = z[9 + j] }
            return determinant(m) / whole
        }
        for i in 0..<9 {
            let combined = (0..<3).reduce(0.0) { (sum: Double, row: Int) in sum + weights[row] * x[row * 9 + i] }
            #expect(abs(combined - x[27 + i]) < 1e-9)
        }
    }

    /// The loss falls, the outputs of the two views become equal up to noise and uncorrelated among each other.
    @Test func outputsBecomeUncorrelated() throws {
        let dataset = try pairs()
        let session = try Session(plan(dataset, ["redundancy": .double(0.1)], steps: 300))
        try session.advance()
        let before = session.batchLoss
        for _ in 1..<300 { try session.advance() }
        #expect(session.batchLoss < 0.3 * before && session.batchLoss < 0.5)
        var output: [Double] = []
        try session.observer.quantities(["model.output"], split: "train", samples: nil, store: session.store) {
            _, quantity in
            if case .real(let data) = quantity.data { output = Array(UnsafeBufferPointer(start: data, count: 600)) }
        }
        func correlation(_ a: Int, _ b: Int) -> Double {
            func centred(_ k: Int) -> [Double] {
                let column = (0..<200).map { output[$0 * 3 + k] }, mean = column.reduce(0, +) / 200
                return column.map { $0 - mean }
            }
            let (x, y) = (centred(a), centred(b))
            func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
            return product(x, y) / (product(x, x) * product(y, y)).squareRoot()
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] { #expect(abs(correlation(a, b)) < 0.25) }
    }

    /// Outputs of mean 0 and variance 1 whose correlation is the identity have no loss; equal columns have 1 each off the diagonal.
    @Test func handCases() throws {
        let z: [Double] = [1, 1, 1, -1, -1, 1, -1, -1], same: [Double] = [1, 1, -1, -1, 1, 1, -1, -1]
        func loss(_ a: [Double], _ b: [Double]) throws -> Double {
            try evaluateLoss(
                Choice(component: "barlow_twins", options: ["redundancy": .double(0.5), "eps": .double(1e-12)]),
                output: ([4, 2], a), targets: [:], activations: [("output@x2", [4, 2], b)],
                loader: ShippedPlugins.loader()
            ).loss[0]
        }
        #expect(abs(try loss(z, z)) < 1e-10)
        #expect(abs(try loss(z, z.map { -$0 }) - 8) < 1e-10)  // both on the diagonal are -1: (-1 - 1)^2 each
        #expect(abs(try loss(z, z.map { 3 * $0 + 7 })) < 1e-10)
        #expect(abs(try loss(same, same) - 0.5 * 2) < 1e-10)
    }

    /// What depends on samples one by one has no value; all else is there.
    @Test func theLossCouplesSamples() throws {
        var observations: [Observation] = []
        let session = try Session(plan(pairs(), steps: 3))
        _ = try session.run(observed: { observations.append($0) }, progress: { _ in true })
        let losses = observations.filter { $0.output == "loss" }
        #expect(losses.count == 2 && losses.allSatisfy { $0.value == .missing(reason: "loss_not_separable") })
    }

    @Test func togetherAsAlone() throws {
        let plans = try [UInt64(3), 4].map { try plan(pairs(seed: $0), steps: 9, seed: $0) }
        let together = try ReplicaSession(plans)
        for _ in 0..<9 { try together.advance() }
        for (run, plan) in plans.enumerated() {
            let alone = try Session(plan)
            for _ in 0..<9 { try alone.advance() }
            for block in alone.store.blocks.indices {
                let pairs = zip(alone.store.copy(block: block), together.stores[run].copy(block: block))
                #expect(pairs.allSatisfy { abs($0 - $1) < 1e-10 })
            }
        }
    }

    @Test func aDatasetOfOneViewIsRefused() throws {
        let dataset = ArrayDataset(rows: 40, inputs: 5, outputs: 3)
        #expect(
            throws: GraphError(
                "the loss wants the model applied to 'x2' in place of 'x'; the dataset has no field 'x2'; did you mean 'x'? "
                    + "(it has: x, y)")
        ) { try Session(plan(dataset)) }
    }
}
