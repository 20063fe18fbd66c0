import Engine
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing
import Training

private func loss(_ z: [Double], _ teacher: [Double], _ options: [String: JSON]) throws -> [Double] {
    try evaluateLoss(
        Choice(component: "distillation", options: options), output: ([2, 3], z),
        targets: ["y": (Field(name: "y", shape: [], classes: 3), [0, 2])],
        activations: [("teacher.output", [2, 3], teacher)], loader: ShippedPlugins.loader()
    ).loss
}

private func plan(frozen: Bool = true, steps: Int = 30, seed: UInt64 = 5) throws -> TrainingPlan {
    let loader = ShippedPlugins.loader(seed: seed)
    let dataset = try loader.dataset(
        Choice(component: "noise", options: ["train_rows": .int(40), "d_in": .int(5), "classes": .int(3)]))
    func mlp(_ width: Int) throws -> any Model {
        try loader.model(Choice(component: "mlp", options: ["widths": .array([.int(width)])]))
    }
    let options: [String: JSON] = ["alpha": .double(1), "temperature": .double(2)]
    return TrainingPlan(
        network: Network(
            model: try mlp(7), others: [("teacher", try mlp(4))],
            loss: try loader.loss(Choice(component: "distillation", options: options)), fields: dataset.fields),
        dataset: dataset, optimizer: PlainDescent(lr: 0.2),
        groups: frozen
            ? [ParameterGroup(key: "teacher", parameters: ParameterPattern(names: ["teacher.*"]), optimizer: nil)] : [],
        steps: steps, batchSize: 8, precision: .f64, seed: seed)
}

@Suite struct DistillationTests {
    /// Equal logits leave the cross entropy; without alpha nothing else counts.
    @Test func handCases() throws {
        let z: [Double] = [1, 0, -1, 0.5, 0.25, 2], other: [Double] = [3, 1, 0, -1, 0, 1]
        let plain = try loss(z, other, ["alpha": .double(0)])
        let same = try loss(z, z, ["alpha": .double(0.75)])
        #expect(zip(plain, same).allSatisfy { abs(0.25 * $0 - $1) < 1e-14 })
        #expect(try loss(z, z, ["alpha": .double(1)]).allSatisfy { abs($0) < 1e-14 })
        #expect(try loss(z, other, ["alpha": .double(1)]).allSatisfy { $0 > 0.01 })
        // Shifts of all logits of a sample change nothing.
        let shifted = try loss(z.map { $0 + 7 }, other.map { $0 - 3 }, ["alpha": .double(0.5)])
        #expect(zip(shifted, try loss(z, other, ["alpha": .double(0.5)])).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    /// Two models in one network: names with the key, streams of their own, the head is the model's.
    @Test func theTeacherIsAModelBeside() throws {
        let session = try Session(plan())
        let names = session.store.blocks.map(\.name)
        #expect(
            names == [
                "teacher.fc1.weight", "teacher.fc1.bias", "teacher.head.weight", "teacher.head.bias", "fc1.weight",
                "fc1.bias", "head.weight", "head.bias",
            ])
        let before = names.indices.map { session.store.copy(block: $0) }
        try session.advance()
        let first = session.batchLoss
        for _ in 0..<400 { try session.advance() }
        #expect(session.batchLoss < 0.2 * first)
        let after = names.indices.map { session.store.copy(block: $0) }
        #expect(Array(after[..<4]) == Array(before[..<4]) && after[4] != before[4])
        // Without freezing both move.
        let free = try Session(plan(frozen: false))
        for _ in 0..<5 { try free.advance() }
        #expect((0..<8).allSatisfy { free.store.copy(block: $0) != before[$0] })
    }

    @Test func togetherAsAlone() throws {
        let plans = try [UInt64(3), 4].map { try plan(steps: 9, seed: $0) }
        let together = try ReplicaSession(plans)
        for _ in 0..<9 { try together.advance() }
        for (run, plan) in plans.enumerated() {
            let alone = try Session(plan)
            for _ in 0..<9 { try alone.advance() }
            for block in alone.store.blocks.indices {
                let pairs = zip(alone.store.copy(block: block), together.stores[run].copy(block: block))
                #expect(pairs.allSatisfy { abs($0 - $1) < 1e-12 })
            }
        }
    }

    /// A parametrization of the teacher's weight has variables named after it.
    @Test func parametrizationsReachFurtherModels() throws {
        var one = try plan()
        let rule = ParametrizationRule(
            key: "p", parameters: ParameterPattern(names: ["teacher.fc1.weight"]),
            parametrization: try ShippedPlugins.loader().parametrization(Choice(component: "spred")))
        one.network = Network(
            model: one.network.model, others: one.network.others, loss: one.network.loss, fields: one.network.fields,
            parametrizations: [rule])
        let session = try Session(one)
        #expect(session.store.blocks.map(\.name).prefix(2) == ["teacher.fc1.weight.u", "teacher.fc1.weight.v"])
    }

    @Test func aStudyWithoutTheTeacherIsRefused() throws {
        let loader = ShippedPlugins.loader()
        let dataset = try loader.dataset(Choice(component: "noise", options: ["classes": .int(3)]))
        let network = Network(
            model: try loader.model(Choice(component: "mlp", options: ["widths": .array([])])),
            loss: try loader.loss(Choice(component: "distillation")), fields: dataset.fields)
        #expect(
            throws: PluginError(
                "plugin syzygy.distillation/distillation",
                "the model has no activation 'teacher.output' (it has: head.input, head.output, output)")
        ) { try network.build(rows: 2).anyLoss() }
    }
}
