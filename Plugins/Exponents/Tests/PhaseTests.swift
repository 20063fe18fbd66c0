import Foundation
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

/// A layer W = U diag(√z) Vᵀ whose rows have the second moments H_a = V z^p Vᵀ and G_b = U z^q Uᵀ exactly; representation and
/// gradient are correlated by ρ in every mode, in the direction that descends.
private func layer(p: Double, q: Double, rho: Double = 1) throws -> [String: RecordedQuantities.Array] {
    let (outputs, inputs, modes) = (9, 8, 6)
    let u = try gaussian(outputs, modes, "u").qr().q, v = try gaussian(inputs, modes, "v").qr().q
    let z = (0..<modes).map { pow(10, -1 + 2 * Double($0) / Double(modes - 1)) }
    func power(_ e: Double) -> Matrix { .diagonal(z.map { pow($0, e) }) }
    // Two blocks of rows: the first is common, the second of the gradient alone.
    let n = 2 * modes, size = Double(n).squareRoot()
    var h = Matrix(rows: n, columns: inputs), g = Matrix(rows: n, columns: outputs)
    let top = size * (power(p / 2) * v.transposed), common = size * rho * (power(q / 2) * u.transposed)
    let own = size * (1 - rho * rho).squareRoot() * (power(q / 2) * u.transposed)
    for i in 0..<modes {
        for j in 0..<inputs { h[i, j] = top[i, j] }
        for j in 0..<outputs { (g[i, j], g[modes + i, j]) = (-common[i, j], own[i, j]) }
    }
    let w = u * power(0.5) * v.transposed
    return [
        "fc1/layer.input": .init(shape: [n, inputs], data: h.elements),
        "fc1/layer.output": .init(shape: [n, outputs], data: (h * w.transposed).elements),
        "fc1/layer.output_grad": .init(shape: [n, outputs], data: g.elements),
        "fc1/layer.input_grad": .init(shape: [n, inputs], data: (g * w).elements),
        "fc1/layer.weight": .init(shape: [outputs, inputs], data: w.elements),
    ]
}

/// The table of phases: what one forward and one backward relation say of all exponents.
@Suite struct PhaseTests {
    /// 1 RGA, 2 RWA, 3 GWA.
    @Test(arguments: [
        (1, 2, 1.0, 2.0), (1, 3, -1, 0), (2, 1, 0, -1), (3, 1, 2, 1), (3, 2, 1, 1), (2, 3, 0, 0),
    ]) func table(forward: Int, backward: Int, p: Double, q: Double) throws {
        let values = try measure("phase", ["threshold": .double(0.9999)], layer: "fc1", arrays: try layer(p: p, q: q))
        func value(_ name: String) -> Double { values["raw.\(name)"]?.number ?? .nan }
        #expect(value("forward") == Double(forward) && value("backward") == Double(backward))
        #expect(value("forward_holding") == 1 && value("backward_holding") == 1)
        for (i, exponent) in [p, p + 1, q + 1, q].enumerated() {
            #expect(value("predicted[\(i)]") == exponent)
            #expect(abs(value("measured[\(i)]") - exponent) < 1e-8)
        }
        #expect(value("table_error") < 1e-8)
    }

    /// p + q = 1 with p = 0: the three forward relations, and none backward.
    @Test func oneSideAlone() throws {
        let values = try measure("phase", ["threshold": .double(0.9999)], layer: "fc1", arrays: try layer(p: 0, q: 1))
        #expect(values["raw.forward_holding"]!.number == 3 && values["raw.backward_holding"]!.number == 0)
        #expect(values["raw.table_error"]!.reason == "no_backward_relation")
        #expect(values["raw.predicted[0]"]!.reason == "no_backward_relation")
        #expect(abs(values["raw.measured[2]"]!.number - 2) < 1e-8)
    }

    /// Exponents that no phase has are seen as an error of the table.
    @Test func brokenPhase() throws {
        let values = try measure(
            "phase", ["threshold": .double(0.8)], layer: "fc1", arrays: try layer(p: 1.2, q: 2.1))
        #expect(values["raw.table_error"]!.number > 0.1)
    }

    @Test(arguments: [0.0, 0.4, 1]) func correlationOfModes(rho: Double) throws {
        let values = try measure(
            "modes", ["leading": .int(7)], layer: "fc1", arrays: try layer(p: 0.5, q: -0.5, rho: rho))
        for side in ["a", "b"] {
            #expect(values["\(side).count"]!.number == 6)
            #expect(abs(values["\(side).mean_correlation"]!.number - rho) < 1e-9)
            #expect(abs(values["\(side).least_correlation"]!.number - rho) < 1e-9)
            for i in 0..<6 { #expect(abs(values["\(side).correlation[\(i)]"]!.number - rho) < 1e-9) }
            #expect(values["\(side).z[6]"]!.reason == "no_such_mode")
        }
        for i in 0..<6 {
            let z = pow(10, 1 - 2 * Double(i) / 5)
            #expect(abs(values["a.z[\(i)]"]!.number / z - 1) < 1e-9)
            #expect(abs(values["a.h[\(i)]"]!.number / z.squareRoot() - 1) < 1e-9)
            #expect(abs(values["b.g[\(i)]"]!.number * z.squareRoot() - 1) < 1e-9)
        }
    }

    /// Sorted eigenvalues cannot have a negative exponent; whole matrices can.
    @Test(arguments: [(-1.0, 1.0), (2, 2)]) func otherFits(p: Double, sorted: Double) throws {
        let values = try measure("exponent_checks", layer: "fc1", arrays: try layer(p: p, q: 0))
        #expect(abs(values["h_a.raw.sorted_slope"]!.number - sorted) < 1e-8)
        #expect(values["h_a.raw.sorted_points"]!.number == 6)
        #expect(abs(values["h_a.raw.matrix_exponent"]!.number - p) < 1e-6)
        #expect(values["h_a.raw.matrix_residual"]!.number < 1e-6)
    }
}
