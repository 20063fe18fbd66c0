import Engine
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// The model's own values times a factor, plus the count of elements.
private final class Times: ParameterInitializer {
    private let factor: Double
    init(_ factor: Double) { self.factor = factor }
    func values(of parameter: ParameterBlock, initial: [Double]) -> [Double] {
        initial.map { factor * $0 + Double(parameter.count) }
    }
}

/// w = u + u.
private final class Halves: Parametrization {
    func build(_ parameter: ParameterBlock, in graph: Graph) throws -> Node {
        let u = try graph.parameter(
            parameter.name + ".u", role: .weight, shape: parameter.shape, initializer: Initializer(scheme: .normal))
        return try graph.apply(named: "add", [u, u])
    }

    func start(_ parameter: ParameterBlock, initial: [Double]) -> [[Double]] { [initial.map { $0 / 2 }] }
}

private func rule(_ key: String, _ factor: Double, _ names: String...) -> InitializerRule {
    InitializerRule(key: key, parameters: ParameterPattern(names: names), initializer: Times(factor))
}

private func plan(_ rules: [InitializerRule], made: [String] = [], seed: UInt64 = 5) -> TrainingPlan {
    let dataset = ArrayDataset(rows: 11, inputs: 5, outputs: 3)
    return TrainingPlan(
        network: Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields,
            parametrizations: made.map {
                ParametrizationRule(
                    key: "halves", parameters: ParameterPattern(names: [$0]), parametrization: Halves())
            }, initializers: rules),
        dataset: dataset, optimizer: PlainDescent(lr: 0.05), steps: 9, batchSize: 4, precision: .f64, seed: seed)
}

private func values(_ session: Session) -> [[Double]] {
    session.store.blocks.indices.map { session.store.copy(block: $0) }
}

/// What `Times` makes of the values.
private func times(_ factor: Double, _ values: [Double]) -> [Double] {
    values.map { factor * $0 + Double(values.count) }
}

@Suite struct InitializerTests {
    /// fc1.weight [4, 5], head.weight [3, 4], head.bias [3].
    @Test func theFirstThatMatchesWins() throws {
        let plain = values(try Session(plan([])))
        let session = try Session(plan([rule("head", 2, "head.w*"), rule("rest", -1, "*.weight")]))
        let (fc1, weight) = (times(-1, plain[0]), times(2, plain[1]))
        #expect(values(session) == [fc1, weight, plain[2]])
        let swapped = try Session(plan([rule("rest", -1, "fc1.*", "head.bias"), rule("head", 2, "*")]))
        #expect(values(swapped) == [fc1, weight, times(-1, plain[2])])
    }

    /// What a parametrization makes begins with the values of the initializer.
    @Test func variablesMakeTheValues() throws {
        let plain = values(try Session(plan([])))
        let session = try Session(plan([rule("all", 3, "fc1.*")], made: ["fc1.*"]))
        #expect(session.store.blocks.map(\.name) == ["fc1.weight.u", "head.weight", "head.bias"])
        let made = times(3, plain[0])
        #expect(values(session) == [made.map { $0 / 2 }, plain[1], plain[2]])
        var first: [Double] = []
        try session.advance()
        try session.observer.quantities(
            ["layer.weight_initial"], split: "train", samples: nil, store: session.store
        ) { key, quantity in
            guard key.hasPrefix("fc1/"), case .real(let data) = quantity.data else { return }
            first = Array(UnsafeBufferPointer(start: data, count: 20))
        }
        #expect(first == made)
    }

    /// Runs of other factors are one computation.
    @Test func togetherAsAlone() throws {
        let plans = [1.0, 0.5, -2].map { plan([rule("head", $0, "head.weight")]) }
        #expect(try ReplicaSession.groups(plans, from: [nil, nil, nil]) == [[0, 1, 2]])
        let together = try ReplicaSession(plans)
        for (run, plan) in plans.enumerated() {
            #expect(together.stores[run].copy(block: 1) == values(try Session(plan))[1])
        }
        for _ in 0..<9 { try together.advance() }
        for (run, plan) in plans.enumerated() {
            let alone = try Session(plan)
            for _ in 0..<9 { try alone.advance() }
            let pairs = zip(alone.store.copy(block: 1), together.stores[run].copy(block: 1))
            #expect(pairs.allSatisfy { abs($0 - $1) < 1e-12 })
        }
    }

    @Test func mistakesAreNamed() {
        func sentence(_ rules: [InitializerRule], made: [String] = []) -> String {
            do {
                _ = try Session(plan(rules, made: made))
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            sentence([rule("head", 2, "haed.*")])
                == "initializers.head.parameters: the network has no parameter 'haed.*' (it has: fc1.weight, head.weight, head.bias)"
        )
        #expect(
            sentence([rule("all", 2, "*"), rule("late", 2, "head.*")])
                == "initializers.late.parameters: all it matches belongs to initializers before it: "
                + "head.weight (all), head.bias (all)")
        // Variables are not the model's parameters.
        #expect(
            sentence([rule("u", 2, "fc1.weight.u")], made: ["fc1.*"]).hasPrefix(
                "initializers.u.parameters: the network has no parameter 'fc1.weight.u'"))
    }
}
