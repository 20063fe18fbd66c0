import Engine
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing
import Training

private func session(_ component: String, _ options: [String: JSON], steps: Int = 200) throws -> Session {
    let dataset = ArrayDataset(rows: 40, inputs: 5, outputs: 3), loader = ShippedPlugins.loader()
    var all = options
    if component != "mean_squared_error" { all["base"] = "squared_error" }
    let session = try Session(
        TrainingPlan(
            network: Network(
                model: TanhNet(inputs: 5, width: 4, outputs: 3),
                loss: try loader.loss(Choice(component: component, options: all)), fields: dataset.fields),
            dataset: dataset, optimizer: PlainDescent(lr: 0.05), steps: steps, precision: .f64, seed: 5))
    for _ in 0..<steps { try session.advance() }
    return session
}

/// What `head` receives, `[40, 4]`.
private func hidden(_ session: Session) throws -> [Double] {
    var values: [Double] = []
    try session.observer.quantities(["head.input"], split: "train", samples: nil, store: session.store) {
        _, quantity in
        if case .real(let data) = quantity.data { values = Array(UnsafeBufferPointer(start: data, count: 160)) }
    }
    return values
}

private func covariances(_ h: [Double]) -> Double {
    func centred(_ k: Int) -> [Double] {
        let column = (0..<40).map { h[$0 * 4 + k] }, mean = column.reduce(0, +) / 40
        return column.map { $0 - mean }
    }
    var sum = 0.0
    for a in 0..<4 {
        for b in 0..<4 where a != b {
            let covariance = zip(centred(a), centred(b)).map { $0 * $1 }.reduce(0, +) / 40
            sum += covariance * covariance
        }
    }
    return sum
}

@Suite struct ActivityTests {
    /// Without strength both are the loss alone, and so is the trajectory.
    @Test(arguments: ["activity", "decov"]) func withoutStrengthItIsTheLoss(component: String) throws {
        let options: [String: JSON] = ["activation": "head.input", "strength": .double(0)]
        let found = try session(component, options, steps: 20)
        let plain = try session("mean_squared_error", ["half": .bool(true)], steps: 20)
        for block in 0..<3 {
            let pairs = zip(found.store.copy(block: block), plain.store.copy(block: block))
            #expect(pairs.allSatisfy { abs($0 - $1) < 1e-13 })
        }
    }

    /// The penalty is what it says, and training makes it smaller.
    @Test func penaltiesFall() throws {
        let free = try hidden(session("activity", ["activation": "head.input", "strength": .double(0)]))
        let small = try hidden(session("activity", ["activation": "head.input", "strength": .double(3)]))
        func mean(_ h: [Double]) -> Double { h.reduce(0) { $0 + abs($1) } / 160 }
        #expect(mean(small) < 0.8 * mean(free))
        let uncorrelated = try hidden(session("decov", ["activation": "head.input", "strength": .double(20)]))
        #expect(covariances(uncorrelated) < 0.2 * covariances(free))
    }

    /// Another activation of the same network, before the nonlinearity.
    @Test func anyActivationCanBeNamed() throws {
        let one = try session("activity", ["activation": "fc1.output", "strength": .double(1)], steps: 5)
        let other = try session("activity", ["activation": "head.input", "strength": .double(1)], steps: 5)
        #expect(one.batchLoss != other.batchLoss)
        // The penalty of a sample is a part of its loss: it has one.
        var losses = 0
        try one.observer.quantities(["sample.loss"], split: "train", samples: nil, store: one.store) { _, quantity in
            losses = quantity.shape.reduce(1, *)
        }
        #expect(losses == 40)
    }
}
