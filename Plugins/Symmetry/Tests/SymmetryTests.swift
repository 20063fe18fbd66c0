import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 4, name: name).normal(into: $0) }
    return matrix
}

/// What `units` says of two layers.
private func units(
    _ incoming: Matrix, _ bias: [Double]?, _ outgoing: Matrix, _ options: [String: JSON] = [:]
) throws -> [String: Observation.Value] {
    var arrays: [String: RecordedQuantities.Array] = [
        "a:b/first.weight": .init(shape: [incoming.rows, incoming.columns], data: incoming.elements),
        "a:b/second.weight": .init(shape: [outgoing.rows, outgoing.columns], data: outgoing.elements),
    ]
    if let bias { arrays["a:b/first.bias"] = .init(shape: [bias.count], data: bias) }
    return try measure("units", options, layer: "a:b", arrays: arrays)
}

@Suite struct SymmetryTests {
    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.symmetry")
        #expect(count == 20 && failures == [])
    }

    // MARK: Units

    /// Numbering the units otherwise, or turning the inputs, changes nothing.
    @Test func unitsHaveNoNumbers() throws {
        let incoming = gaussian(7, 4, "in"), outgoing = gaussian(3, 7, "out"), bias = gaussian(1, 7, "b").elements
        let order = [3, 6, 0, 2, 5, 1, 4], turn = try gaussian(4, 4, "turn").qr().q
        var turned = incoming * turn, moved = outgoing, shifted = bias
        let rows = turned
        for (new, old) in order.enumerated() {
            for k in 0..<4 { turned[new, k] = rows[old, k] }
            for k in 0..<3 { moved[k, new] = outgoing[k, old] }
            shifted[new] = bias[old]
        }
        let options: [String: JSON] = ["tolerance": .double(0.4), "threshold": .double(2.9), "small": .double(0.9)]
        let one = try units(incoming, bias, outgoing, options), other = try units(turned, shifted, moved, options)
        for (name, value) in one {
            #expect(abs(value.number - (try #require(other[name]).number)) < 1e-12, "\(name)")
        }
        #expect(["vanishing", "permutations", "signs", "rotations"].allSatisfy { (one[$0]?.number ?? 0) > 0 })
    }

    /// A clone counts until it is off by more than the tolerance: |a|² sin² of the angle is what is added across.
    @Test(arguments: [(0.04, 1.0), (0.05, 0.0)]) func aDuplicateByTheToleranceOfItsAngle(off: Double, pairs: Double)
        throws
    {
        // 1 - cos(atan 0.04) = 0.0008, 1 - cos(atan 0.05) = 0.00125.
        let incoming = Matrix(rows: 3, columns: 2, elements: [1, 0, 2, 2 * off, 0, -1])
        let found = try units(incoming, nil, Matrix(rows: 1, columns: 3, elements: [0, 0, 0]))
        #expect(found["duplicates"]?.number == pairs && found["distinct"]?.number == 3 - pairs)
    }

    /// All numbers 0: every unit has vanished and every reflection fixes the network; nothing is NaN.
    @Test func aDeadLayer() throws {
        let found = try units(
            Matrix(rows: 5, columns: 3), Array(repeating: 0, count: 5), Matrix(rows: 2, columns: 5))
        let expected: [String: Double] = [
            "units": 5, "vanishing": 5, "duplicates": 0, "flipped": 0, "distinct": 0, "distinct_up_to_sign": 0,
            "nearest": 0, "permutations": 10, "signs": 5, "rotations": 5,
        ]
        #expect(found.mapValues(\.number) == expected)
    }

    @Test func layersThatDoNotMeet() throws {
        let found = try units(Matrix(rows: 5, columns: 3), nil, Matrix(rows: 2, columns: 4))
        #expect(found.count == 10 && found.values.allSatisfy { $0.reason == "not_connected" })
    }

    // MARK: Rows

    /// A unit that is on once is not dead; its bias decides.
    @Test(
        arguments: [(nil, 0.5, 0), ([-2.5, 0, 0, 3], 0.75, 0.25), ([0.25, 9, 9, 0], 0, 0.5)] as [([Double]?, _, _)])
    func deadUnits(bias: [Double]?, dead: Double, linear: Double) throws {
        // Columns: largest 2, -1, 0, 5; smallest -0.5, -8, -8, -1.
        var arrays: [String: RecordedQuantities.Array] = [
            "fc1/layer.output": .init(shape: [3, 4], data: [2, -1, 0, -1, -0.5, -8, -8, 0, 1, -2, -0.5, 5])
        ]
        if let bias { arrays["fc1/layer.bias"] = .init(shape: [4], data: bias) }
        let found = try streamed("dead_units", arrays: arrays)
        #expect(found["dead"]?.number == dead && found["linear"]?.number == linear)
    }

    /// Passes of two rows.
    private func streamed(
        _ component: String, arrays: [String: RecordedQuantities.Array]
    ) throws -> [String: Observation.Value] {
        let probe = try ShippedPlugins.loader().probe(Choice(component: component)), memory = ProbeMemory()
        let whole = try #require(arrays["fc1/layer.output"]), d = whole.shape[1]
        for first in stride(from: 0, to: whole.shape[0], by: 2) {
            let rows = min(2, whole.shape[0] - first)
            let part = RecordedQuantities.Array(
                shape: [rows, d], data: Array(whole.data[first * d..<(first + rows) * d]))
            probe.add(layer: "fc1", rows: RecordedQuantities(["fc1/layer.output": part]), memory: memory)
        }
        var values: [String: Observation.Value] = [:]
        try probe.measure(step: 0, layer: "fc1", quantities: RecordedQuantities(arrays), memory: memory) {
            values[$0.output] = $0.value
        }
        return values
    }

    // MARK: Time

    /// It is passed once, however the weight goes on.
    @Test func theFirstPassage() throws {
        let probe = try ShippedPlugins.loader().probe(
            Choice(component: "first_passage", options: ["level": .double(0.5)]))
        let memory = ProbeMemory()
        var found: [Observation.Value] = []
        for (step, value) in [(0, 0.1), (5, -0.4), (10, -0.6), (15, 0.2), (20, 3)] {
            let arrays = ["w/layer.weight": RecordedQuantities.Array(shape: [1, 2], data: [0, value])]
            try probe.measure(step: step, layer: "w", quantities: RecordedQuantities(arrays), memory: memory) {
                found.append($0.value)
            }
            memory.endObservation()
        }
        #expect(found.prefix(2).allSatisfy { $0.reason == "not_passed" })
        #expect(found.dropFirst(2).allSatisfy { $0 == .number(10) })
    }
}
