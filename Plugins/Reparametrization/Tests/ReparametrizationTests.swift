import Engine
import Foundation
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing
import Training

/// Rows given as numbers, the same for every split.
final class Rows: Dataset {
    let fields: [Field]
    let splits = ["train"]
    private let x: [Double], y: [Double]

    init(x: [Double], y: [Double], inputs: Int, outputs: Int) {
        fields = [Field(name: "x", shape: [inputs]), Field(name: "y", shape: [outputs])]
        (self.x, self.y) = (x, y)
    }

    func rows(in split: String) -> Int { x.count / fields[0].elements }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        for (values, (field, buffer)) in zip([x, y], zip(fields, buffers)) {
            let n = field.elements
            _ = buffer.update(from: values[range.lowerBound * n..<range.upperBound * n])
        }
    }
}

/// x Wᵀ, with the layer `fc`.
final class Linear: Model {
    private let shape: [Int]
    private let initializer: Initializer
    init(outputs: Int, inputs: Int, initializer: Initializer = Initializer(scheme: .torch_linear)) {
        (shape, self.initializer) = ([outputs, inputs], initializer)
    }

    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        guard let x = batch["x"]?.node else { throw Undefined("no_x") }
        let w = try graph.parameter("fc.weight", role: .weight, shape: shape, initializer: initializer)
        let output = try graph.apply(named: "matmul", [x, w], attributes: ["transpose_b": 1])
        try graph.layer("fc", input: x, weight: w, bias: nil, output: output)
        return ["output": output]
    }
}

func rule(_ component: String, _ options: [String: JSON] = [:], _ names: String...) throws -> ParametrizationRule {
    ParametrizationRule(
        key: component, parameters: ParameterPattern(names: names.isEmpty ? ["*.weight"] : names),
        parametrization: try ShippedPlugins.loader().parametrization(Choice(component: component, options: options)))
}

func session(
    _ dataset: any Dataset, _ model: any Model, _ rules: [ParametrizationRule], _ options: [String: JSON],
    steps: Int = 100,
    seed: UInt64 = 5, regularizers: [RegularizerTerm] = []
) throws -> Session {
    try Session(
        TrainingPlan(
            network: Network(model: model, loss: HalfSquares(), fields: dataset.fields, parametrizations: rules),
            dataset: dataset, regularizers: regularizers,
            optimizer: try ShippedPlugins.loader().optimizer(Choice(component: "sgd", options: options)),
            steps: steps,
            precision: .f64, seed: seed))
}

/// A quantity of a layer at the session's parameters.
func measured(_ expression: String, _ layer: String, _ session: Session) throws -> [Double] {
    var found: [Double] = []
    try session.observer.quantities([expression], split: "train", samples: nil, store: session.store) {
        key, quantity in
        guard key == "\(layer)/\(expression)", case .real(let data) = quantity.data else { return }
        found = Array(UnsafeBufferPointer(start: data, count: quantity.shape.reduce(1, *)))
    }
    return found
}

private func largest(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count && !a.isEmpty ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
}

@Suite struct ReparametrizationTests {
    /// Trajectories of PyTorch, from the same first values on the same rows (`Tests/References/reparametrization.py`).
    @Test func followsPyTorch() throws {
        let document = try StrictJSON.read(try Installation.root + "/Tests/References/reparametrization.json")
        let cases = try #require(document.root["cases"]?.array)
        #expect(cases.count == 4)
        let x = (0..<35).map { sin(1 + Double($0)) }, y = (0..<21).map { cos(2 + Double($0)) }
        let weight = (0..<15).map { 0.5 * cos(1 + Double($0)) }
        for item in cases {
            let name = try #require(item["component"]?.string)
            let options = Dictionary(uniqueKeysWithValues: (item["options"]?.object ?? [:]).map { ($0, $1) })
            let session = try session(
                Rows(x: x, y: y, inputs: 5, outputs: 3), Linear(outputs: 3, inputs: 5), [rule(name)], options)
            let first = try evaluateParametrization(Choice(component: name), shape: [3, 5], values: weight)
            for (index, block) in session.store.blocks.enumerated() {
                session.store.set(block: index, try #require(first[String(block.name.dropFirst("fc.weight.".count))]))
            }
            for _ in 0..<25 { try session.advance() }
            let expected = item["weight"]?.array?.compactMap(\.double) ?? []
            #expect(largest(try measured("layer.weight", "fc", session), expected) < 1e-13)
            #expect(abs(session.batchLoss - (item["loss"]?.double ?? .nan)) < 1e-13, "\(name) \(options)")
            #expect(largest(weight, expected) > 0.1)
        }
    }

    /// At X Xᵀ/n = I the loss is ½|W − A|²; with λ|W|₁ its minimum is W = sign(A)(|A| − λ)₊, where |u| = |v|.
    @Test(arguments: [false, true]) func decayOfTheFactorsIsAnL1Penalty(isRegularizer: Bool) throws {
        let (n, lambda) = (4, 0.5)
        let target: [Double] = [1.5, -0.3, 0.9, -2, 0.45, 0.1, -0.7, 3, 0.2, -1.1, 0.55, -0.05]  // A, [3, 4]
        let identity = (0..<n * n).map { $0 % (n + 1) == 0 ? Double(n).squareRoot() : 0 }
        let y = (0..<n).flatMap { row in (0..<3).map { Double(n).squareRoot() * target[$0 * n + row] } }
        let decay = JSON.double(lambda)
        let l2 = try ShippedPlugins.loader().regularizer(Choice(component: "l2", options: ["weight_decay": decay]))
        let options: [String: JSON] =
            isRegularizer ? ["lr": .double(0.1)] : ["lr": .double(0.1), "weight_decay": decay]
        let session = try session(
            Rows(x: identity, y: y, inputs: n, outputs: 3), Linear(outputs: 3, inputs: n), [rule("spred")], options,
            regularizers: isRegularizer ? [RegularizerTerm(key: "l2", regularizer: l2)] : [])
        for _ in 0..<4000 { try session.advance() }
        let expected = target.map { ($0 < 0 ? -1 : 1) * max(abs($0) - lambda, 0) }
        let found = try measured("layer.weight", "fc", session)
        #expect(largest(found, expected) < 1e-9)
        let (u, v) = (session.store.copy(block: 0), session.store.copy(block: 1))
        #expect(largest(u.map(abs), v.map(abs)) < 1e-9)
        #expect(expected.filter { $0 == 0 }.count == 5)
        if isRegularizer {
            // The penalty is the L1 norm times λ, and the objective that of the lasso.
            #expect(abs(session.penalty - lambda * expected.reduce(0) { $0 + abs($1) }) < 1e-9)
        }
    }

    /// Balanced factors stay balanced, and w keeps its signs.
    @Test func balancedFactorsStayBalanced() throws {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        let session = try session(
            dataset, Linear(outputs: 3, inputs: 5), [rule("spred", ["start": .string("balanced")])],
            ["lr": .double(0.05)])
        let first = try measured("layer.weight", "fc", session)
        for _ in 0..<50 { try session.advance() }
        let last = try measured("layer.weight", "fc", session)
        let (u, v) = (session.store.copy(block: 0), session.store.copy(block: 1))
        #expect(largest(u.map { $0 * $0 }, v.map { $0 * $0 }) < 1e-13)
        #expect(zip(first, last).allSatisfy { $0 * $1 > 0 } && largest(first, last) > 0.1)
    }

    /// ∂L/∂u = v ∂L/∂w and ∂L/∂v = u ∂L/∂w.
    @Test func gradientsOfTheProduct() throws {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        let net = TanhNet(inputs: 5, width: 4, outputs: 3)
        let plain = try session(dataset, net, [], ["lr": .double(0)])
        let made = try session(dataset, net, [rule("spred", [:], "fc1.*")], ["lr": .double(0)])
        #expect(made.store.blocks.map(\.name) == ["fc1.weight.u", "fc1.weight.v", "head.weight", "head.bias"])
        let u = (0..<20).map { sin(Double($0)) }, v = (0..<20).map { 1 + 0.5 * cos(Double($0)) }
        let w = zip(u, v).map { $0 * $1 }
        plain.store.set(block: 0, w)
        made.store.set(block: 0, u)
        made.store.set(block: 1, v)
        try plain.advance()
        try made.advance()
        let g = plain.store.copyGradient(block: 0)
        #expect(largest(made.store.copyGradient(block: 0), zip(g, v).map { $0 * $1 }) < 1e-15)
        #expect(largest(made.store.copyGradient(block: 1), zip(g, u).map { $0 * $1 }) < 1e-15)
        #expect(largest(made.store.copyGradient(block: 2), plain.store.copyGradient(block: 1)) < 1e-15)
        #expect(made.batchLoss == plain.batchLoss)
    }

    /// Products of the rows of matrices with 5 columns.
    private func rows(_ a: [Double], _ b: [Double]) -> [Double] {
        stride(from: 0, to: a.count, by: 5).map { row in (row..<row + 5).reduce(0.0) { $0 + a[$1] * b[$1] } }
    }

    /// Equation 3: ∂L/∂g = ∂L/∂w · v/|v|, ∂L/∂v = g/|v| ∂L/∂w − g ∂L/∂g/|v|² v, orthogonal to v.
    @Test func gradientsOfWeightNormalization() throws {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        let net = TanhNet(inputs: 5, width: 4, outputs: 3)
        let plain = try session(dataset, net, [], ["lr": .double(0)])
        let made = try session(dataset, net, [rule("weight_norm", [:], "fc1.*")], ["lr": .double(0)])
        #expect(made.store.blocks.map(\.shape) == [[4], [4, 5], [3, 4], [3]])
        #expect(made.store.blocks[0].role == .scale && made.store.blocks[1].role == .weight)
        let g = [0.5, -1.5, 2, 0.25], v = (0..<20).map { sin(1 + Double($0)) }
        made.store.set(block: 0, g)
        made.store.set(block: 1, v)
        let norms = rows(v, v).map { $0.squareRoot() }
        plain.store.set(block: 0, (0..<20).map { g[$0 / 5] * v[$0] / norms[$0 / 5] })
        try plain.advance()
        try made.advance()
        let slope = plain.store.copyGradient(block: 0)
        let byNorm = zip(rows(slope, v), norms).map { $0 / $1 }
        let byDirection = (0..<20).map { i -> Double in
            let row = i / 5, scale = g[row] / norms[row]
            return scale * slope[i] - scale * byNorm[row] / norms[row] * v[i]
        }
        #expect(largest(made.store.copyGradient(block: 0), byNorm) < 1e-15)
        #expect(largest(made.store.copyGradient(block: 1), byDirection) < 1e-15)
        #expect(byDirection.contains { abs($0) > 1e-2 })
        let along = rows(made.store.copyGradient(block: 1), v)
        #expect(along.allSatisfy { abs($0) < 1e-15 })
    }

    /// First values, and so the first loss, are those of the network without parametrizations.
    @Test(arguments: ["spred", "weight_norm"], [UInt64(1), 8]) func theNetworkBeginsAsItWould(
        name: String, seed: UInt64
    ) throws {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        let net = TanhNet(inputs: 5, width: 4, outputs: 3)
        let plain = try session(dataset, net, [], ["lr": .double(0.1)], seed: seed)
        let made = try session(dataset, net, [rule(name)], ["lr": .double(0.1)], seed: seed)
        for quantity in ["layer.weight", "layer.weight_initial", "layer.input_grad"] {
            for layer in ["fc1", "head"] {
                let expected = try measured(quantity, layer, plain)
                #expect(largest(try measured(quantity, layer, made), expected) < 1e-15)
            }
        }
        for _ in 0..<10 { try made.advance() }
        let first = try measured("layer.weight_initial", "fc1", made)
        #expect(largest(first, try measured("layer.weight", "fc1", plain)) < 1e-15)
        #expect(largest(first, try measured("layer.weight", "fc1", made)) > 1e-3)
        // wᵀw is that of the made weight.
        let w = try measured("layer.weight", "head", made)
        let gram = (0..<16).map { i -> Double in
            let products = (0..<3).map { row in w[row * 4 + i / 4] * w[row * 4 + i % 4] }
            return products.reduce(0, +)
        }
        #expect(largest(try measured("wtw(layer.weight)", "head", made), gram) < 1e-15)
    }

    @Test func aRowOfZerosHasNoDirection() throws {
        let dataset = ArrayDataset(rows: 7, inputs: 5, outputs: 3)
        let zero = Linear(outputs: 3, inputs: 5, initializer: Initializer(scheme: .constant, scale: 0))
        #expect(
            throws: PluginError(
                "plugin syzygy.reparametrization/weight_norm",
                "fc.weight: failed (invalid arguments): row 0 begins as zeros, which have no direction")
        ) { try session(dataset, zero, [rule("weight_norm")], [:]) }
    }

    /// Runs that train together begin and end as alone.
    @Test(arguments: ["spred", "weight_norm"]) func togetherAsAlone(name: String) throws {
        let dataset = ArrayDataset(rows: 23, inputs: 5, outputs: 3)
        func plan(_ seed: UInt64) throws -> TrainingPlan {
            TrainingPlan(
                network: Network(
                    model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields,
                    parametrizations: [try rule(name)]), dataset: dataset,
                optimizer: try ShippedPlugins.loader().optimizer(
                    Choice(component: "sgd", options: ["lr": .double(0.05), "weight_decay": .double(0.01)])),
                steps: 15, batchSize: 7, precision: .f64, seed: seed)
        }
        let together = try ReplicaSession([plan(3), plan(4), plan(9)])
        for _ in 0..<15 { try together.advance() }
        for (run, seed) in [UInt64(3), 4, 9].enumerated() {
            let alone = try Session(plan(seed))
            for _ in 0..<15 { try alone.advance() }
            for block in alone.store.blocks.indices {
                #expect(largest(together.stores[run].copy(block: block), alone.store.copy(block: block)) < 1e-12)
            }
            var weights: [Double] = []
            try together.observers[run].quantities(
                ["layer.weight_initial"], split: "train", samples: nil, store: together.stores[run]
            ) { key, quantity in
                guard key.hasPrefix("fc1/"), case .real(let data) = quantity.data else { return }
                weights = Array(UnsafeBufferPointer(start: data, count: 20))
            }
            #expect(largest(weights, try measured("layer.weight_initial", "fc1", alone)) < 1e-15)
        }
    }
}
