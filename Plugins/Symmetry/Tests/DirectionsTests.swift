import Manifests
import PluginTesting
import Protocols
import Testing

/// (|w|² − 1)², which every rotation leaves as it is, plus a slope along the first axis.
private final class RotationToy: Derivatives {
    let w: [Double]
    let slope: Double
    init(_ w: [Double], slope: Double = 0) { (self.w, self.slope) = (w, slope) }

    var parameterCount: Int { w.count }
    func readParameters(into out: UnsafeMutablePointer<Double>) { out.update(from: w, count: w.count) }
    func rowCount(_ rows: RowSelection) -> Int { 1 }
    func width(of node: String) throws -> Int { throw Undefined("no_nodes") }

    func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>
    ) throws {
        let at = point.map { Array(UnsafeBufferPointer(start: $0, count: w.count)) } ?? w
        let excess = at.reduce(0) { $0 + $1 * $1 } - 1
        switch quantity {
        case .value: out[0] = excess * excess + slope * at[0]
        case .gradient: for i in at.indices { out[i] = 4 * excess * at[i] + (i == 0 ? slope : 0) }
        default: throw Undefined("not_needed")
        }
    }

    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws { throw Undefined("not_needed") }
}

private struct Source: QuantitySource {
    let derivatives: (any Derivatives)?
    func quantity(_ expression: String, layer: String) -> Quantity? { nil }
}

private func ask(
    _ directions: [Double], _ toy: RotationToy, threshold: Double = 1e-3
) throws -> [String: Observation.Value] {
    let options: [String: JSON] = [
        "directions": .array(directions.map { .double($0) }), "threshold": .double(threshold),
    ]
    let probe = try ShippedPlugins.loader().probe(Choice(component: "degree_of_symmetry", options: options))
    var values: [String: Observation.Value] = [:]
    try probe.measure(step: 0, layer: "", quantities: Source(derivatives: toy)) { values[$0.output] = $0.value }
    return values
}

/// Reflections that a study gives.
@Suite struct DirectionsTests {
    /// A rotation has a reflection across every direction; those across w are its fixed points.
    @Test func rotations() throws {
        let toy = RotationToy([0.3, -0.4, 1.2])
        let found = try ask([4, 3, 0, -6, 8, 0, 0.5, 1, 2], toy)  // 4·0.3 − 3·0.4 = 0; −5/10; 2.15/√5.25
        #expect(found["given"] == .number(3) && found["degree"] == .number(1))
        #expect(found["smallest"]!.number < 1e-15 && found["asymmetry"]!.number < 1e-14)
        // The gradient is 4 (1.69 − 1) w.
        #expect(abs(found["gradient"]!.number - 4 * 0.69 * 2.15 / 5.25.squareRoot()) < 1e-14)
        #expect(try ask([4, 3, 0, -6, 8, 0, 0.5, 1, 2], toy, threshold: 0.6)["degree"] == .number(2))
    }

    /// A slope along the first axis leaves the reflections across the others: 2 slope w₀ is what the first one costs.
    @Test func whatIsNoSymmetryShows() throws {
        let toy = RotationToy([0.3, -0.4, 1.2], slope: 5)
        #expect(try ask([0, 1, 0, 0, 0, -2], toy)["asymmetry"]!.number < 1e-14)
        #expect(abs(try ask([0, 1, 0, 3, 0, 0], toy)["asymmetry"]!.number - 2 * 5 * 0.3) < 1e-13)
    }

    @Test(
        arguments: [
            ([], "directions_do_not_fit"), ([1, 0, 0, 1], "directions_do_not_fit"),
            ([1, 0, 0, 0, 0, 0], "zero_direction"),
        ] as [([Double], String)]) func directionsThatAreNone(directions: [Double], reason: String) throws
    {
        let found = try ask(directions, RotationToy([0.3, -0.4, 1.2]))
        #expect(found.count == 5 && found.values.allSatisfy { $0.reason == reason })
    }
}
