import Foundation
import LinearAlgebra
import Manifests
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 4, name: name).normal(into: $0) }
    return matrix
}

@Suite struct ExponentsTests {
    /// W = U diag(√z) Vᵀ, inputs with H_a = V diag(z^p) Vᵀ and gradients with G_b = U diag(z^q) Uᵀ exactly: then
    /// H_b ~ z^(p+1) and G_a ~ z^(q+1) in the eigenbases of W.
    @Test(arguments: [(1.0, 2.0), (-1, 0), (0.5, -0.5)]) func exponentsAreRecovered(p: Double, q: Double) throws {
        let (outputs, inputs, modes) = (11, 13, 9)
        let u = try gaussian(outputs, modes, "u").qr().q
        let v = try gaussian(inputs, modes, "v").qr().q
        let z = (0..<modes).map { pow(10, -1 + 2 * Double($0) / Double(modes - 1)) }
        func power(_ e: Double) -> Matrix { .diagonal(z.map { pow($0, e) }) }
        // The rows of √n X^(1/2) have the second moment X.
        let h = Double(modes).squareRoot() * (power(p / 2) * v.transposed)
        let g = Double(modes).squareRoot() * (power(q / 2) * u.transposed)
        let w = u * power(0.5) * v.transposed
        let values = try measure(
            "exponents", layer: "fc1",
            arrays: [
                "fc1/layer.input": .init(shape: [modes, inputs], data: h.elements),
                "fc1/layer.output": .init(shape: [modes, outputs], data: (h * w.transposed).elements),
                "fc1/layer.output_grad": .init(shape: [modes, outputs], data: g.elements),
                "fc1/layer.input_grad": .init(shape: [modes, inputs], data: (g * w).elements),
                "fc1/layer.weight": .init(shape: [outputs, inputs], data: w.elements),
            ])
        for (matrix, exponent) in [("h_a", p), ("h_b", p + 1), ("g_b", q), ("g_a", q + 1)] {
            #expect(abs(values["\(matrix).raw.slope"]!.number - exponent) < 1e-9, "\(matrix)")
            #expect(values["\(matrix).raw.points"]!.number == Double(modes))
            #expect(abs(values["\(matrix).raw.decades"]!.number - 2) < 1e-9)
            #expect(values["\(matrix).raw.off_diagonal"]!.number < 1e-20)
            #expect(values["\(matrix).raw.outside"]!.number < 1e-12)
            if exponent == 0 {
                #expect(values["\(matrix).raw.r2"]!.reason == "no_variation")
            } else {
                #expect(values["\(matrix).raw.r2"]!.number > 1 - 1e-12)
            }
        }
    }

    /// Unrelated matrices share no eigenbasis, and the fit says so.
    @Test func unrelatedMatricesAreNotDiagonalTogether() throws {
        let values = try measure(
            "exponents", layer: "fc1",
            arrays: [
                "fc1/layer.input": .init(shape: [40, 7], data: gaussian(40, 7, "h").elements),
                "fc1/layer.weight": .init(shape: [8, 7], data: gaussian(8, 7, "w").elements),
            ])
        #expect(values["h_a.raw.off_diagonal"]!.number > 0.02)
        #expect(values["h_a.raw.r2"]!.number < 0.9)
        #expect(values["g_a.raw.slope"]!.reason?.hasPrefix("no_") == true)
    }
}
