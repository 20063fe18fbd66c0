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

    /// The same exponents from 20,000 samples: h = V z^(p/2) ξ, g = U z^(q/2) η with Gaussian ξ, η. At p = 1, q = 2 the moments
    /// themselves are aligned as their powers say: H_b = z² = G_b, H_a = z = WᵀW, and WWᵀ = z is neither H_b nor G_b.
    @Test func exponentsOfSamples() throws {
        let (n, modes) = (20_000, 30)
        let u = try gaussian(modes, modes, "u").qr().q, v = try gaussian(modes, modes, "v").qr().q
        let z = (0..<modes).map { pow(10, -1 + 2 * Double($0) / Double(modes - 1)) }
        func arrays(_ xi: Matrix, _ eta: Matrix) -> [String: RecordedQuantities.Array] {
            let h = xi * .diagonal(z.map { $0.squareRoot() }) * v.transposed
            let g = eta * .diagonal(z) * u.transposed
            let w = u * .diagonal(z.map { $0.squareRoot() }) * v.transposed
            return [
                "fc1/layer.input": .init(shape: [h.rows, modes], data: h.elements),
                "fc1/layer.output": .init(shape: [h.rows, modes], data: (h * w.transposed).elements),
                "fc1/layer.output_grad": .init(shape: [h.rows, modes], data: g.elements),
                "fc1/layer.input_grad": .init(shape: [h.rows, modes], data: (g * w).elements),
                "fc1/layer.weight": .init(shape: [modes, modes], data: w.elements),
            ]
        }
        let sampled = try measure(
            "exponents", layer: "fc1", arrays: arrays(gaussian(n, modes, "xi"), gaussian(n, modes, "eta")))
        for (matrix, exponent) in [("h_a", 1.0), ("h_b", 2), ("g_b", 2), ("g_a", 3)] {
            #expect(abs(sampled["\(matrix).raw.slope"]!.number - exponent) < 0.02, "\(matrix)")
            #expect(sampled["\(matrix).raw.r2"]!.number > 0.999)
        }
        let all = Double(modes).squareRoot() * Matrix.identity(modes)
        let exact = try measure("alignment", layer: "fc1", arrays: arrays(all, all))
        func alpha(_ relation: String) -> Double { exact["\(relation).raw.alpha"]!.number }
        #expect(abs(alpha("forward_rga") - 1) < 1e-12 && abs(alpha("backward_rwa") - 1) < 1e-12)
        #expect(abs(alpha("forward_rwa") - alpha("forward_gwa")) < 1e-12 && alpha("forward_rwa") < 0.99)
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
