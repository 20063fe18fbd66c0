import Engine
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing
import Training

@Suite struct FeedbackAlignmentTests {
    private func session(_ rule: String, _ options: [String: JSON], decay: Double = 0) throws -> Session {
        let loader = ShippedPlugins.loader(seed: 3), dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        let optimizer = Choice(
            component: "sgd", options: ["lr": .double(0.05), "weight_decay": .double(decay)])
        return try Session(
            TrainingPlan(
                network: Network(
                    model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields,
                    rule: LayerRule(rule: try loader.rule(Choice(component: rule, options: options)))),
                dataset: dataset, optimizer: try loader.optimizer(optimizer), steps: 9, batchSize: 7,
                precision: .f64, seed: 3))
    }

    private func difference(_ session: Session) -> [Double] {
        let store = session.store
        return zip(store.copy(block: 4), store.copy(block: 1)).map { $0 - $1 }
    }

    /// B − W keeps its direction and shrinks by 1 − lr · weight_decay.
    @Test func kolenAndPollacksDifferenceShrinks() throws {
        let session = try session(
            "kolen_pollack", ["rate": .double(0.05), "decay": .double(0.05 * 0.8)], decay: 0.8)
        #expect(session.store.blocks[4].name == "rule.head.feedback")
        let first = difference(session)
        for _ in 0..<9 { try session.advance() }
        let factor = (0..<9).reduce(1.0) { product, _ in product * (1 - 0.05 * 0.8) }
        for (now, then) in zip(difference(session), first) { #expect(abs(now - factor * then) <= 1e-14) }
        #expect(first.contains { abs($0) > 0.1 })
    }

    /// Fixed: only the seed, the layer and `scale` decide.
    @Test func theFeedbackIsFixed() throws {
        let a = try session("feedback_alignment", [:]), b = try session("feedback_alignment", ["scale": .double(3)])
        let first = a.store.copy(block: 3)
        for _ in 0..<9 { try a.advance() }
        #expect(a.store.copy(block: 3) == first)
        for (x, y) in zip(first, b.store.copy(block: 3)) { #expect(abs(3 * x - y) <= 1e-15) }
        // Standard deviation 1/√5 over 20 elements.
        let square = first.reduce(0) { $0 + $1 * $1 } / 20
        #expect(0.05 < square && square < 0.5)
    }
}
