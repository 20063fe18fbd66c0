import Engine
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

private func plan(
    groups: [ParameterGroup] = [], regularizers: [RegularizerTerm] = [], optimizer: Choice, steps: Int = 17
) throws -> TrainingPlan {
    let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
    return TrainingPlan(
        network: Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields),
        dataset: dataset, regularizers: regularizers, optimizer: try ShippedPlugins.loader().optimizer(optimizer),
        groups: groups, steps: steps, batchSize: 7, precision: .f64, seed: 5)
}

private func trained(_ plan: TrainingPlan) throws -> Session {
    let session = try Session(plan)
    #expect(try session.run(observed: { _ in }, progress: { _ in true }) == .finished)
    return session
}

private func group(_ key: String, _ name: String, _ choice: Choice?) throws -> ParameterGroup {
    ParameterGroup(
        key: key, parameters: ParameterPattern(names: [name]),
        optimizer: try choice.map { try ShippedPlugins.loader().optimizer($0) })
}

private let sgd = Choice(component: "sgd", options: ["lr": .double(0.05), "momentum": .double(0.9)])
private let slow = Choice(component: "sgd", options: ["lr": .double(0.01), "momentum": .double(0.5)])
private let adam = Choice(component: "adam", options: ["lr": .double(0.02)])

/// A network with the blocks fc1.weight `[4, 5]`, head.weight `[3, 4]` and head.bias `[3]`.
@Suite struct GroupTests {
    /// Each block follows its own optimizer: the same bits as three optimizers that know one block each.
    @Test func everyBlockFollowsItsOwnOptimizer() throws {
        let session = try trained(
            plan(groups: [group("slow", "head.weight", slow), group("adam", "*.bias", adam)], optimizer: sgd))
        let reference = try Session(plan(optimizer: sgd, steps: 0))
        let benches = try zip(reference.store.blocks.indices, [sgd, slow, adam]).map { index, choice in
            try UpdateBench(
                choice, kind: .optimizer,
                values: [("w", [reference.store.blocks[index].count], reference.store.copy(block: index))])
        }
        // The session's own gradients, from the same values and batches.
        let gradients = try Session(plan(optimizer: Choice(component: "sgd", options: ["lr": .double(0)])))
        for _ in 0..<17 {
            for (index, bench) in benches.enumerated() { gradients.store.set(block: index, bench.values()) }
            try gradients.advance()
            for (index, bench) in benches.enumerated() {
                try bench.update([gradients.store.copyGradient(block: index)])
            }
        }
        for (index, bench) in benches.enumerated() {
            #expect(session.store.copy(block: index) == bench.values())
            #expect(session.store.copy(block: index) != reference.store.copy(block: index))
        }
        #expect(
            session.checkpoint.map(\.name).sorted() == [
                "optimizer/m/head.bias", "optimizer/v/head.bias", "optimizer/v_max/head.bias",
                "optimizer/velocity/fc1.weight", "optimizer/velocity/head.weight", "parameter/fc1.weight",
                "parameter/head.bias", "parameter/head.weight",
            ])
    }

    /// A group with the options of the others changes no bit; with other options it does.
    @Test func aGroupOfTheSameOptionsIsNoGroup() throws {
        let plain = try trained(plan(optimizer: sgd))
        let same = try trained(plan(groups: [group("same", "fc1.*", sgd)], optimizer: sgd))
        let other = try trained(plan(groups: [group("other", "fc1.*", slow)], optimizer: sgd))
        for block in plain.store.blocks.indices {
            #expect(plain.store.copy(block: block) == same.store.copy(block: block))
            #expect(plain.store.copy(block: block) != other.store.copy(block: block))
        }
    }

    /// Frozen blocks keep their bits, get no gradient and no regularizer; the others train as if they were constants.
    @Test func frozenBlocksStay() throws {
        let loader = ShippedPlugins.loader()
        func terms() throws -> [RegularizerTerm] {
            [
                RegularizerTerm(
                    key: "l2",
                    regularizer: try loader.regularizer(
                        Choice(component: "l2", options: ["weight_decay": .double(0.1)])))
            ]
        }
        let session = try trained(
            plan(groups: [group("stem", "fc1.*", nil)], regularizers: terms(), optimizer: sgd))
        let first = try Session(plan(optimizer: sgd))
        #expect(session.store.copy(block: 0) == first.store.copy(block: 0))
        #expect(session.store.copyGradient(block: 0) == Array(repeating: 0, count: 20))
        #expect(session.store.copy(block: 1) != first.store.copy(block: 1))
        // lr 0 is the same as frozen for the others, whose penalty then is the whole penalty less that of the block.
        let still = Choice(component: "sgd", options: ["lr": .double(0)])
        let slowed = try trained(
            plan(groups: [group("stem", "fc1.*", still)], regularizers: terms(), optimizer: sgd))
        for block in [1, 2] { #expect(session.store.copy(block: block) == slowed.store.copy(block: block)) }
        let squares = first.store.copy(block: 0).reduce(0) { $0 + $1 * $1 }
        #expect(abs(slowed.penalty - session.penalty - 0.05 * squares) < 1e-14)
    }

    /// `head.bias` is matched by both groups and belongs to the first.
    @Test func theFirstGroupWins() throws {
        func bias(_ groups: [ParameterGroup]) throws -> [Double] {
            try trained(plan(groups: groups, optimizer: sgd)).store.copy(block: 2)
        }
        let (head, biases) = (try group("head", "head.*", nil), try group("biases", "*.bias", adam))
        let first = try Session(plan(optimizer: sgd)).store.copy(block: 2)
        #expect(throws: UnmatchedPattern.self) { try bias([head, biases]) }
        let wide = ParameterGroup(
            key: "wide", parameters: ParameterPattern(names: ["fc1.weight", "head.bias"]), optimizer: nil)
        let all = try group("all", "*", adam)
        #expect(try bias([wide, all]) == first)
        #expect(try bias([biases, head]) != first)
    }

    @Test func aGroupWithNothingLeftIsNamed() throws {
        let groups = [try group("head", "head.*", nil), try group("biases", "*.bias", adam)]
        #expect(
            throws: UnmatchedPattern(
                "groups.biases.parameters: all it matches belongs to groups before it: head.bias (head)")
        ) { try Session(plan(groups: groups, optimizer: sgd)) }
    }

    @Test func aRegularizerActsOnItsParametersOnly() throws {
        let loader = ShippedPlugins.loader()
        func session(_ pattern: ParameterPattern?, frozen: String? = nil) throws -> Session {
            let l2 = Choice(component: "l2", options: ["weight_decay": .double(0.3)])
            let term = RegularizerTerm(key: "decay", regularizer: try loader.regularizer(l2), parameters: pattern)
            return try Session(
                plan(
                    groups: frozen.map { [try group("still", $0, nil)] } ?? [], regularizers: [term], optimizer: sgd))
        }
        let head = try session(ParameterPattern(names: ["head.*"], roles: [.weight]))
        let before = head.store.copy(block: 1)
        try head.advance()
        #expect(abs(head.penalty - 0.15 * before.reduce(0) { $0 + $1 * $1 }) < 1e-15)
        #expect(
            throws: UnmatchedPattern(
                "regularizers.decay.parameters: all it matches is frozen: head.weight, head.bias")
        ) { try session(ParameterPattern(names: ["head.*"]), frozen: "head.*") }
        #expect(
            throws: UnmatchedPattern(
                "regularizers.decay.parameters: the network has no parameter 'haed.bias'; did you mean 'head.bias'? "
                    + "(it has: fc1.weight, head.weight, head.bias)")
        ) { try session(ParameterPattern(names: ["head.*", "haed.bias"])) }
    }
}
