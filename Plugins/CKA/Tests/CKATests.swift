import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String, seed: UInt64 = 11) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: seed, name: name).normal(into: $0) }
    return matrix
}

/// What the probe says of two layers' outputs.
private func ask(_ probe: String, _ x: Matrix, _ y: Matrix) throws -> Observation.Value {
    let values = try measure(
        probe, layer: "a:b",
        arrays: [
            "a:b/first.output": .init(shape: [x.rows, x.columns], data: x.elements),
            "a:b/second.output": .init(shape: [y.rows, y.columns], data: y.elements),
        ])
    return try #require(values["output.cka"])
}

/// The definitions, with n × n matrices.
private func definition(_ probe: String, _ x: Matrix, _ y: Matrix) -> Double {
    let n = x.rows, m = Double(n)
    func centred(_ a: Matrix) -> Matrix {
        var a = a
        for j in 0..<a.columns {
            let mean = (0..<n).reduce(0) { $0 + a[$1, j] } / m
            for i in 0..<n { a[i, j] -= mean }
        }
        return a
    }
    func kernel(_ a: Matrix) -> Matrix { centred(a) * centred(a).transposed }
    func hsic(_ k: Matrix, _ l: Matrix) -> Double {
        if probe == "cka" { return zip(k.elements, l.elements).reduce(0) { $0 + $1.0 * $1.1 } }
        var square = 0.0, across = 0.0, sk = 0.0, sl = 0.0
        for i in 0..<n {
            var (rk, rl) = (0.0, 0.0)
            for j in 0..<n where j != i {
                square += k[i, j] * l[i, j]
                rk += k[i, j]
                rl += l[i, j]
            }
            across += rk * rl
            sk += rk
            sl += rl
        }
        return square + sk * sl / ((m - 1) * (m - 2)) - 2 / (m - 2) * across
    }
    let (k, l) = (kernel(x), kernel(y))
    return hsic(k, l) / (hsic(k, k) * hsic(l, l)).squareRoot()
}

@Suite struct CKATests {
    @Test(arguments: ["cka", "cka_debiased"], [5, 40, 700]) func definitions(probe: String, rows: Int) throws {
        let x = gaussian(rows, 7, "x"), mixed = x * gaussian(7, 3, "mix")
        let noise = gaussian(rows, 3, "noise")
        let y = Matrix(
            rows: rows, columns: 3, elements: zip(mixed.elements, noise.elements).map { $0 + 2 * $1 + 30 })
        let found = try ask(probe, x, y).number
        #expect(abs(found - definition(probe, x, y)) < 1e-12 && found < 0.99)
        #expect(abs(found - (try ask(probe, y, x).number)) < 1e-14)
        #expect(abs(try ask(probe, x, x).number - 1) < 1e-13)
    }

    /// Unrelated representations: 0 on average when debiased; far from it else.
    @Test func chance() throws {
        var sums = (biased: 0.0, debiased: 0.0)
        for seed in 0..<40 {
            let x = gaussian(30, 20, "x", seed: UInt64(seed)), y = gaussian(30, 10, "y", seed: UInt64(seed))
            sums.biased += try ask("cka", x, y).number / 40
            sums.debiased += try ask("cka_debiased", x, y).number / 40
        }
        #expect(sums.biased > 0.3 && abs(sums.debiased) < 0.03)
    }

    @Test(arguments: ["cka", "cka_debiased"]) func withoutValue(probe: String) throws {
        let x = gaussian(6, 3, "x"),
            constant = Matrix(rows: 6, columns: 2, elements: .init(repeating: 0.1, count: 12))
        // The mean of equal numbers may miss them by rounding.
        let zero = Matrix(rows: 6, columns: 2)
        #expect(try ask(probe, x, zero).reason == "constant_representation")
        _ = try ask(probe, constant, x)
        #expect(try ask("cka_debiased", gaussian(3, 2, "x"), gaussian(3, 2, "y")).reason == "fewer_than_four_samples")
    }

    /// In an observation of a network: pairs once, those of a layer and itself, in passes of rows; rows that do not fit.
    @Test(arguments: ["cka", "cka_debiased"]) func networks(probe: String) throws {
        let dataset = ArrayDataset(rows: 1100, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 5)
        let observer = try Observer(
            network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
        let options: [String: JSON] = ["of": .array([.string("output"), .string("input")])]
        let due = ScheduledProbe(
            key: "p", probe: try ShippedPlugins.loader().probe(Choice(component: probe, options: options)), steps: [0]
        )
        var values: [String: Double] = [:]
        try observer.observe(step: 0, store: store, due: [due]) {
            values["\($0.layer) \($0.output)"] = $0.value.number
        }
        #expect(
            values.keys.sorted()
                == ["fc1:fc1", "fc1:head", "head:head"].flatMap { ["\($0) input.cka", "\($0) output.cka"] })
        var arrays: [String: Matrix] = [:]
        try observer.quantities(["layer.input", "layer.output"], split: "train", samples: nil, store: store) {
            guard case .real(let pointer) = $1.data else { return }
            arrays[$0] = Matrix(
                rows: $1.shape[0], columns: $1.shape[1],
                elements: (0..<$1.shape[0] * $1.shape[1]).map { pointer[$0] })
        }
        for side in ["input", "output"] {
            let (x, y) = (try #require(arrays["fc1/layer.\(side)"]), try #require(arrays["head/layer.\(side)"]))
            #expect(abs(values["fc1:head \(side).cka"]! - definition(probe, x, y)) < 1e-12)
            #expect(abs(values["head:head \(side).cka"]! - 1) < 1e-13)
        }
    }

    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.cka")
        #expect(count == 6 && failures.isEmpty, "\(failures)")
    }
}
