import Engine
import LinearAlgebra
import Observing
import PluginTesting
import Protocols
import Testing

/// Derivatives of the outputs, and their outer products.
@Suite struct JacobianTests {
    private let store: ParameterStore
    private let observer: Observer

    /// 5 inputs, 4 hidden units, 3 outputs, 1,100 rows: three chunks.
    init() throws {
        let dataset = ArrayDataset(rows: 1100, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        let other = ArrayDataset(rows: 70, inputs: 5, outputs: 3)
        observer = try Observer(
            network, store: store,
            tables: [
                "train": try DataTable(dataset, split: "train"), "other": try DataTable(other, split: "train"),
            ])
    }

    private func arrays(_ names: [String], samples: Int? = nil) throws -> [String: [Double]] {
        var arrays: [String: [Double]] = [:]
        try observer.quantities(names, split: "train", samples: samples, store: store) { name, quantity in
            guard case .real(let data) = quantity.data else { return }
            arrays[name] = Array(UnsafeBufferPointer(start: data, count: quantity.shape.reduce(1, *)))
        }
        return arrays
    }

    private func difference(_ a: [Double]?, _ b: [Double]) -> Double {
        guard let a, a.count == b.count else { return .infinity }
        let scale = b.reduce(0) { max($0, abs($1)) }
        return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
    }

    /// z = W₂ tanh(W₁ x + b): ∂z_c/∂(W₁ x)_k = W₂[c, k] (1 − h_k²), and through the layer Σ_k of that times W₁[k, j].
    @Test func closedForm() throws {
        let own = try arrays(
            [
                "layer.output_jacobian", "layer.input_jacobian", "layer.input", "layer.weight", "head.input_jacobian",
            ], samples: 600)
        let (h, w1, w2) = (
            try #require(own["head/layer.input"]), try #require(own["fc1/layer.weight"]),
            try #require(own["head/layer.weight"])
        )
        var output: [Double] = [], input: [Double] = [], head: [Double] = []
        for i in 0..<600 {
            for c in 0..<3 {
                let row = (0..<4).map { k in w2[c * 4 + k] * (1 - h[i * 4 + k] * h[i * 4 + k]) }
                output += row
                input += (0..<5).map { j in (0..<4).reduce(0) { $0 + row[$1] * w1[$1 * 5 + j] } }
                head += (0..<4).map { w2[c * 4 + $0] }
            }
        }
        #expect(difference(own["fc1/layer.output_jacobian"], output) < 1e-14)
        #expect(difference(own["fc1/layer.input_jacobian"], input) < 1e-14)
        #expect(difference(own["head/layer.input_jacobian"], head) < 1e-14)
        #expect(own["head.input_jacobian"] == own["head/layer.input_jacobian"])
    }

    /// (1/n) Σ JᵀJ and the same around the mean Jacobian, from the Jacobians themselves.
    @Test(arguments: [("layer.output_jacobian", 4), ("layer.input_jacobian", 5)])
    func outerProducts(_ name: String, width: Int) throws {
        let own = try arrays([name, "agop.raw(\(name))", "agop.centred(\(name))"])
        let j = try #require(own["fc1/\(name)"]), n = 1100, size = 3 * width
        let mean = (0..<size).map { k in (0..<n).reduce(0) { $0 + j[$1 * size + k] } / Double(n) }
        func product(_ centre: [Double]) -> [Double] {
            var sum = [Double](repeating: 0, count: width * width)
            for i in 0..<n {
                for c in 0..<3 {
                    let row = (0..<width).map { j[i * size + c * width + $0] - centre[c * width + $0] }
                    for a in 0..<width { for b in 0..<width { sum[a * width + b] += row[a] * row[b] / Double(n) } }
                }
            }
            return sum
        }
        #expect(difference(own["fc1/agop.raw(\(name))"], product(Array(repeating: 0, count: size))) < 1e-13)
        #expect(difference(own["fc1/agop.centred(\(name))"], product(mean)) < 1e-12)
    }

    private final class Keeper: Probe {
        let scope = ProbeScope.layer
        let needs: [Need]
        var found: [String: [Double]] = [:]
        var reasons: Set<String> = []

        init(_ needs: [String]) { self.needs = needs.map { Need($0) } }

        func measure(
            step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory,
            record: (Observation) -> Void
        ) {
            for need in needs {
                do {
                    guard let quantity = try quantities.quantity(need.expression, layer: layer),
                        case .real(let data) = quantity.data
                    else { continue }
                    let count = quantity.shape.reduce(1, *)
                    found["\(layer)/\(need.expression)"] = Array(UnsafeBufferPointer(start: data, count: count))
                } catch {
                    reasons.insert((error as? Undefined)?.reason ?? "\(error)")
                }
            }
        }
    }

    private func observe(_ probe: Keeper, cotangents: Int?, samples: Int?) throws {
        try observer.observe(
            step: 0, store: store,
            due: [ScheduledProbe(key: "p", probe: probe, steps: [0], samples: samples, cotangents: cotangents)]
        ) { _ in }
    }

    /// Random signs are right on average; centring would need the mean Jacobian.
    @Test func randomCotangents() throws {
        let name = "agop.raw(layer.input_jacobian)", centred = "agop.centred(layer.output_jacobian)"
        let exact = Keeper([name]), few = Keeper([name, centred]), many = Keeper([name])
        try observe(exact, cotangents: nil, samples: 40)
        try observe(few, cotangents: 1, samples: 40)
        try observe(many, cotangents: 2000, samples: 40)
        let truth = try #require(exact.found["fc1/\(name)"])
        #expect(difference(many.found["fc1/\(name)"], truth) < 0.05)
        let rough = difference(few.found["fc1/\(name)"], truth)
        #expect(rough > 0.01 && rough < 1)
        #expect(few.reasons == ["random_cotangents"])
    }

    /// A row has the same signs whatever comes before it.
    @Test func signsBelongToRows() throws {
        let probe = Keeper(["layer.output_jacobian"])
        try observe(probe, cotangents: 2, samples: 513)
        let long = try #require(probe.found["fc1/layer.output_jacobian"])
        try observe(probe, cotangents: 2, samples: 9)
        let short = try #require(probe.found["fc1/layer.output_jacobian"])
        #expect(short.count == 9 * 2 * 4 && difference(Array(long.prefix(72)), short) < 1e-14)
        #expect(difference(Array(long[72..<144]), short) > 0.1)
    }

    /// A probe may see rows of two splits.
    @Test func anotherSplit() throws {
        let probe = Keeper(["mean(layer.input)@other", "layer.output@other", "mean(layer.input)", "labels@none"])
        try observe(probe, cotangents: nil, samples: nil)
        #expect(probe.found["fc1/layer.output@other"]?.count == 70 * 4)
        #expect(probe.found["fc1/mean(layer.input)@other"] != probe.found["fc1/mean(layer.input)"])
        #expect(probe.found["fc1/labels@none"] == nil)
        var alone: [String: [Double]] = [:]
        try observer.quantities(["mean(layer.input)"], split: "other", samples: nil, store: store) { name, quantity in
            if case .real(let data) = quantity.data { alone[name] = (0..<quantity.shape[0]).map { data[$0] } }
        }
        #expect(probe.found["fc1/mean(layer.input)@other"] == alone["fc1/mean(layer.input)"])
        // `samples` holds for both.
        try observe(probe, cotangents: nil, samples: 8)
        #expect(probe.found["fc1/layer.output@other"]?.count == 8 * 4)
    }
}
