import Engine
import LinearAlgebra
import Observing
import PluginTesting
import Protocols
import Testing

/// Calls a closure with the derivatives an observation offers.
private final class Asker: Probe {
    let scope = ProbeScope.run
    let needs: [Need] = []
    private let body: (any Derivatives) throws -> Void
    init(_ body: @escaping (any Derivatives) throws -> Void) { self.body = body }

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) throws {
        try body(try #require(quantities.derivatives))
    }
}

/// 1,100 rows, of which a probe has the first 1,030: two whole chunks and a rest.
private struct Fixture {
    static let samples = 1030
    let dataset = ArrayDataset(rows: 1100, testRows: 9, inputs: 5, outputs: 3)
    let store: ParameterStore
    let observer: Observer

    init(loss: any Loss = HalfSquares(), model: (any Model)? = nil) throws {
        let network = Network(
            model: model ?? TanhNet(inputs: 5, width: 4, outputs: 3), loss: loss, fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        observer = try Observer(
            network, store: store,
            tables: [
                "train": try DataTable(dataset, split: "train"), "test": try DataTable(dataset, split: "test"),
            ])
    }

    func ask(_ body: @escaping (any Derivatives) throws -> Void) throws {
        let probe = ScheduledProbe(key: "p", probe: Asker(body), steps: [0], samples: Self.samples)
        try observer.observe(step: 0, store: store, due: [probe]) { _ in }
    }
}

extension Derivatives {
    fileprivate func values(
        _ quantity: ObjectiveQuantity, _ rows: RowSelection = .own, at point: [Double]? = nil, along: [Double]? = nil
    ) throws -> [Double] {
        var out = [Double](repeating: .nan, count: try count(quantity, rows: rows))
        try out.withUnsafeMutableBufferPointer { buffer in
            let base = try #require(buffer.baseAddress)
            func call(_ at: UnsafePointer<Double>?) throws {
                guard let along else { return try evaluate(quantity, at: at, rows: rows, along: nil, into: base) }
                try evaluate(quantity, at: at, rows: rows, along: along, into: base)
            }
            if let point { try point.withUnsafeBufferPointer { try call($0.baseAddress) } } else { try call(nil) }
        }
        return out
    }

    fileprivate var parameters: [Double] {
        var out = [Double](repeating: .nan, count: parameterCount)
        out.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { readParameters(into: base) } }
        return out
    }

    fileprivate func product(
        _ product: JacobianProduct, _ output: String, _ variable: String, _ rows: RowSelection, _ vector: [Double]
    ) throws -> [Double] {
        let forward = product == .forward
        let given = try count(forward ? variable : output, rows: rows)
        #expect(vector.count == given)
        var out = [Double](repeating: .nan, count: try count(forward ? output : variable, rows: rows))
        try out.withUnsafeMutableBufferPointer {
            try jacobian(
                product, of: output, variable: variable, at: nil, rows: rows, along: vector,
                into: try #require($0.baseAddress))
        }
        return out
    }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

private func close(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
    let scale = b.map(abs).max() ?? 0
    return a.count == b.count && scale > 0 && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * scale }
}

@Suite struct DerivativesTests {
    /// 20 + 12 + 3 parameters of `TanhNet`: numbered in order, without the gaps of the store.
    @Test func parametersAreFlat() throws {
        let fixture = try Fixture()
        try fixture.ask { d in
            #expect(d.parameterCount == 35 && fixture.store.count == 64)
            #expect(d.parameters == (0..<3).flatMap(fixture.store.copy(block:)))
            #expect(try d.rowCount(.own) == 1030)
            #expect(try d.rowCount(.range(split: "test", begin: 2, count: nil)) == 7)
            // Another point changes neither the network nor what comes later.
            let before = try d.values(.value)
            let elsewhere = try d.values(.value, at: d.parameters.map { $0 + 0.1 })
            #expect(try d.values(.value) == before)
            #expect(elsewhere != before)
            #expect(try d.values(.value, at: d.parameters) == before)
            #expect(d.parameters == (0..<3).flatMap(fixture.store.copy(block:)))
        }
    }

    @Test func derivativesEqualDifferences() throws {
        try Fixture().ask { d in
            var random = SplitMix(seed: 4)
            let (theta, v, u) = (d.parameters, random.values(35), random.values(35))
            func at(_ h: Double) -> [Double] { zip(theta, v).map { $0 + h * $1 } }
            func difference(_ quantity: ObjectiveQuantity) throws -> [Double] {
                let h = 1e-3, f = try [-2.0, -1, 1, 2].map { try d.values(quantity, at: at($0 * h)) }
                return f[0].indices.map { (f[0][$0] - 8 * f[1][$0] + 8 * f[2][$0] - f[3][$0]) / (12 * h) }
            }
            #expect(close([dot(try d.values(.gradient), v)], try difference(.value), 1e-7))
            #expect(close(try d.values(.hessianProduct, along: v), try difference(.gradient), 1e-7))
            // Symmetric, and Jᵀ J / n for half squares.
            let (hv, gv) = (try d.values(.hessianProduct, along: v), try d.values(.gaussNewtonProduct, along: v))
            let hu = try d.values(.hessianProduct, along: u)
            #expect(abs(dot(u, hv) - dot(v, hu)) < 1e-12)
            let jv = try d.product(.forward, "output", "parameters", .own, v)
            let jtjv = try d.product(.backward, "output", "parameters", .own, jv)
            #expect(close(gv, jtjv.map { $0 / 1030 }, 1e-12))
            #expect(!close(gv, hv, 1e-3))
        }
    }

    @Test func samplesAddUp() throws {
        try Fixture().ask { d in
            let gradients = try d.values(.sampleGradients), norms = try d.values(.sampleSquaredNorms)
            #expect(gradients.count == 1030 * 35 && norms.count == 1030)
            let mean = (0..<35).map { j in (0..<1030).reduce(0) { $0 + gradients[$1 * 35 + j] } / 1030 }
            #expect(close(mean, try d.values(.gradient), 1e-12))
            for s in [0, 511, 512, 1029] {
                let row = Array(gradients[s * 35..<(s + 1) * 35])
                #expect(close([norms[s]], [dot(row, row)], 1e-12))
                #expect(close(row, try d.values(.gradient, .range(split: nil, begin: s, count: 1)), 1e-12))
            }
        }
    }

    @Test func rowsAreChosen() throws {
        try Fixture().ask { d in
            let list = (0..<700).map { ($0 * 37 + 11) % 1100 }
            let losses = try list.map { try d.values(.value, .list(split: nil, [$0]))[0] }
            let mean = losses.reduce(0, +) / 700
            #expect(close(try d.values(.value, .list(split: "train", list)), [mean], 1e-12))
            let range = RowSelection.range(split: nil, begin: 90, count: 600)
            #expect(try d.values(.gradient, range) == d.values(.gradient, .list(split: nil, Array(90..<690))))
            #expect(try d.values(.sampleSquaredNorms, .list(split: "test", [8, 8])).count == 2)
            let twice = try d.values(.value, .list(split: nil, [3, 3, 5]))[0]
            let (third, fifth) = (
                try d.values(.value, .list(split: nil, [3]))[0], try d.values(.value, .list(split: nil, [5]))[0]
            )
            #expect(abs(twice - (2 * third + fifth) / 3) < 1e-14)
        }
    }

    @Test func jacobiansOfLayers() throws {
        try Fixture().ask { d in
            var random = SplitMix(seed: 6)
            #expect(try ["fc1.input", "fc1.output", "output"].map(d.width) == [5, 4, 3])
            let rows = RowSelection.range(split: nil, begin: 100, count: 600)
            for (output, variable) in [
                ("output", "fc1.input"), ("fc1.output", "parameters"), ("head.output", "head.input"),
            ] {
                let v = random.values(try d.count(variable, rows: rows)),
                    u = random.values(try d.count(output, rows: rows))
                let jv = try d.product(.forward, output, variable, rows, v)
                let utj = try d.product(.backward, output, variable, rows, u)
                #expect(abs(dot(u, jv) - dot(utj, v)) <= 1e-11 * abs(dot(u, jv)), "\(output) by \(variable)")
            }
            // The first layer's output does not depend on the last one's parameters, and head.output is linear in its input.
            let last = [Double](repeating: 0, count: 20) + random.values(15)
            #expect(try d.product(.forward, "fc1.output", "parameters", rows, last).allSatisfy { $0 == 0 })
            let weight = Array(d.parameters[20..<32]), h = random.values(4)
            let one = RowSelection.range(split: nil, begin: 0, count: 1)
            let expected = (0..<3).map { dot(Array(weight[$0 * 4..<$0 * 4 + 4]), h) }
            #expect(close(try d.product(.forward, "head.output", "head.input", one, h), expected, 1e-14))
        }
    }

    // MARK: What does not exist

    private final class BatchSquares: Loss {
        func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
            try graph.apply(named: "sum", [HalfSquares().build(in: graph, outputs: outputs, batch: batch)])
        }
    }

    /// Subtracts the mean over the batch from its inputs.
    private final class Centred: Model {
        func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
            var batch = batch
            guard let x = batch["x"] else { return [:] }
            let mean = try graph.apply(named: "mean", [x.node], attributes: ["axis": 0])
            batch["x"]?.node = try graph.apply(named: "sub", [x.node, mean])
            return try TanhNet(inputs: 5, width: 4, outputs: 3).build(in: graph, batch: batch)
        }
    }

    @Test func coupledSamplesHaveNoGradientsOfTheirOwn() throws {
        // A loss of the whole batch: value and gradient of the rows as one batch.
        let separable = try Fixture()
        var sum = 0.0, gradient: [Double] = []
        try separable.ask {
            sum = try $0.values(.value)[0] * 1030
            gradient = try $0.values(.gradient).map { $0 * 1030 }
        }
        try Fixture(loss: BatchSquares()).ask { d in
            let (value, slope) = (try d.values(.value), try d.values(.gradient))
            #expect(close(value, [sum], 1e-12) && close(slope, gradient, 1e-12))
            #expect(throws: Undefined("loss_not_separable")) { _ = try d.values(.sampleGradients) }
        }
        // A loss for each sample that depends on the others.
        try Fixture(model: Centred()).ask { d in
            #expect(throws: Undefined("samples_coupled")) { _ = try d.values(.sampleSquaredNorms) }
            let value = try d.values(.value)[0]
            #expect(value.isFinite)
        }
    }

    @Test func mistakesAreNamed() throws {
        try Fixture().ask { d in
            func sentence(_ rows: RowSelection) -> String {
                do { return "\(try d.values(.value, rows))" } catch { return "\(error)" }
            }
            #expect(
                sentence(.range(split: "tset", begin: 0, count: 1))
                    == "no split 'tset'; did you mean 'test'? (allowed: test, train)")
            #expect(
                sentence(.range(split: "test", begin: 5, count: 5))
                    == "5 rows from row 5 on of split 'test', which has 9")
            #expect(
                sentence(.range(split: nil, begin: -1, count: nil))
                    == "1100 rows from row -1 on of split 'train', which has 1100")
            #expect(
                sentence(.range(split: nil, begin: .max, count: 3)).hasPrefix("3 rows from row 9223372036854775807"))
            #expect(sentence(.list(split: nil, [4, 1100])) == "row 1100 of split 'train', which has 1100 rows")
            #expect(sentence(.list(split: nil, [])) == "a list of no rows")
            func sentence(_ output: String, _ variable: String) -> String {
                do { return "\(try d.product(.forward, output, variable, .own, []))" } catch { return "\(error)" }
            }
            #expect(sentence("output", "fc2.input").hasPrefix("no node 'fc2.input'; did you mean 'fc1.input'?"))
        }
    }
}
