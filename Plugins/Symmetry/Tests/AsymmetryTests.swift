import Engine
import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// A network of 5 inputs, 4 tanh units and 3 outputs on 37 rows, with values of one's own.
private struct Bench {
    let observer: Observer
    let store: ParameterStore

    init(_ model: any Model = TanhNet(inputs: 5, width: 4, outputs: 3), seed: UInt64 = 6) throws {
        let dataset = ArrayDataset(rows: 37, inputs: 5, outputs: 3)
        let network = Network(model: model, loss: HalfSquares(), fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: seed)
        observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
    }

    func ask(_ options: [String: JSON]) throws -> [String: Observation.Value] {
        let probe = try ShippedPlugins.loader().probe(Choice(component: "asymmetry", options: options))
        var values: [String: Observation.Value] = [:]
        var layers: Set<String> = []
        try observer.observe(step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0])]) {
            values[$0.output] = $0.value
            layers.insert($0.layer)
        }
        #expect(layers == ["fc1:head"])
        return values
    }

    /// The directions of the exchange of units i and j of a `TanhNet`: 20 incoming weights, then 12 outgoing ones.
    static func exchange(_ i: Int, _ j: Int) -> [[(place: Int, part: Double)]] {
        let root = 0.5.squareRoot()
        let incoming = (0..<5).map { [(5 * i + $0, root), (5 * j + $0, -root)] }
        return incoming + (0..<3).map { [(20 + 4 * $0 + i, root), (20 + 4 * $0 + j, -root)] }
    }

    func along(_ direction: [(place: Int, part: Double)], _ theta: [Double]) -> Double {
        direction.reduce(0) { $0 + $1.part * theta[$1.place] }
    }
}

@Suite struct AsymmetryTests {
    /// The exchange of units is a symmetry of the loss, and of tanh units the change of sign too; not so of ReLU units.
    @Test func symmetriesOfTheLoss() throws {
        let tanh = try Bench()
        let relu = try Bench(
            ShippedPlugins.loader().model(
                Choice(component: "mlp", options: ["widths": .array([.int(4)]), "activation": .string("relu")])))
        for (bench, isOdd) in [(tanh, true), (relu, false)] {
            let exchange = try bench.ask(["units": .array([.int(2), .int(0)])])
            #expect(abs(exchange["asymmetry"]!.number) < 1e-14 && exchange["distance"]!.number > 0.1)
            #expect(exchange["gradient"]!.number > 1e-3)
            let sign = try bench.ask(["reflection": .string("sign"), "units": .array([.int(1)])])
            #expect((abs(sign["asymmetry"]!.number) < 1e-14) == isOdd)
        }
    }

    /// Against directions written out here, and the dense Hessian at the symmetric point.
    @Test func theProjections() throws {
        let bench = try Bench(), theta = bench.store.copyFlat()
        let found = try bench.ask([
            "units": .array([.int(3), .int(1)]), "weight_decay": .double(0.01), "sigma0": .double(0.2),
            "radius": .double(50),
        ])
        let directions = Bench.exchange(3, 1), parts = directions.map { bench.along($0, theta) }
        let distance = parts.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(found["distance"]!.number - distance) < 1e-14)
        // sigma0²/fan_in: 5 inputs, 4 units.
        let typical = parts.enumerated().reduce(0) { $0 + $1.element * $1.element / ($1.offset < 5 ? 5 : 4) }
        #expect(abs(found["penalty_asymmetry"]!.number - 4 * 0.01 * 0.2 * typical.squareRoot()) < 1e-15)

        var gradient = [Double](repeating: 0, count: theta.count), point = theta
        let derivatives = bench.observer.derivatives(at: bench.store, split: "train")
        try gradient.withUnsafeMutableBufferPointer {
            try derivatives.evaluate(.gradient, at: nil, rows: .own, along: nil, into: $0.baseAddress!)
        }
        let slope = directions.reduce(0) { $0 + pow(bench.along($1, gradient), 2) }.squareRoot()
        #expect(abs(found["gradient"]!.number - slope) < 1e-14)
        for (direction, part) in zip(directions, parts) {
            for (place, share) in direction { point[place] -= part * share }
        }
        var matrix = Matrix(rows: 8, columns: 8)
        for (row, direction) in directions.enumerated() {
            var v = [Double](repeating: 0, count: theta.count), product = v
            for (place, share) in direction { v[place] = share }
            try product.withUnsafeMutableBufferPointer {
                try derivatives.evaluate(.hessianProduct, at: point, rows: .own, along: v, into: $0.baseAddress!)
            }
            for (column, other) in directions.enumerated() { matrix[row, column] = bench.along(other, product) }
        }
        let (values, vectors) = try matrix.eigh()
        #expect(abs(found["curvature"]!.number - values[0]) < 1e-12)
        let rate = -values[0] - 0.02
        #expect(abs(found["rate"]!.number - rate) < 1e-12)
        try #require(rate > 0)

        // Gradient flow in small steps along the eigenvector, pulled by a typical anchor.
        let axis = (0..<8).map { vectors[0, $0] }
        let anchor = axis.enumerated().reduce(0) { $0 + $1.element * $1.element / ($1.offset < 5 ? 5 : 4) }
            .squareRoot()
        var now = abs(zip(axis, parts).reduce(0) { $0 + $1.0 * $1.1 }), time = 0.0
        while now < 50 {
            now += 1e-3 * (rate * now + 2 * 0.01 * 0.2 * anchor)
            time += 1e-3
        }
        #expect(abs(found["escape_time"]!.number / time - 1) < 0.01 && time > 0.1)
    }

    /// At a symmetric point the gradient along P vanishes, and without a penalty nothing ever leaves it.
    @Test func aSymmetricPoint() throws {
        let bench = try Bench()
        var incoming = bench.store.copy(block: 0), outgoing = bench.store.copy(block: 1)
        for k in 0..<5 { incoming[15 + k] = incoming[k] }
        for k in 0..<3 { outgoing[4 * k + 3] = outgoing[4 * k] }
        bench.store.set(block: 0, incoming)
        bench.store.set(block: 1, outgoing)
        let alone = try bench.ask([:])
        #expect(alone["distance"]?.number == 0 && alone["asymmetry"]?.number == 0)
        #expect(abs(alone["gradient"]!.number) < 1e-15)
        try #require(alone["rate"]!.number > 0)
        #expect(alone["escape_time"]?.reason == "no_drive")
        let damped = try bench.ask(["weight_decay": .double(100), "sigma0": .double(1)])
        #expect(damped["escape_time"]?.reason == "stable" && damped["rate"]!.number < -190)
        let pulled = try bench.ask(["weight_decay": .double(1e-4), "sigma0": .double(0.01)])
        #expect(pulled["escape_time"]!.number > 0)
        let apart = try bench.ask(["units": .array([.int(1), .int(2)]), "radius": .double(1e-9)])
        #expect(["escaped", "stable"].contains(apart["escape_time"]?.reason))
    }

    @Test(arguments: [
        ("permutation", [0, 4], "no_such_units"), ("permutation", [1], "no_such_units"),
        ("permutation", [2, 2], "no_such_units"), ("sign", [0, 1], "no_such_units"),
    ]) func unitsThatThereAreNot(reflection: String, units: [Int], reason: String) throws {
        let found = try Bench().ask(["reflection": .string(reflection), "units": .array(units.map { .int($0) })])
        #expect(found.count == 7 && found.values.allSatisfy { $0.reason == reason })
    }

    @Test func tooManyDirections() throws {
        let found = try Bench().ask(["largest": .int(7)])
        #expect(found["curvature"]?.reason == "too_many_directions" && found["distance"]!.number > 0)
    }
}
