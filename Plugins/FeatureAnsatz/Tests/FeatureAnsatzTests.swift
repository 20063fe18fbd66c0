import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 6, name: name).normal(into: $0) }
    return matrix
}

/// The probe on a layer with these Jacobians, `[n, C, d]`.
private func ansatz(
    _ weight: Matrix, initial: Matrix, jacobian: [Double], shape: [Int], _ options: [String: JSON] = [:]
) throws -> [String: Observation.Value] {
    try measure(
        "feature_ansatz", options, layer: "fc1",
        arrays: [
            "fc1/layer.weight": .init(shape: [weight.rows, weight.columns], data: weight.elements),
            "fc1/layer.weight_initial": .init(shape: [initial.rows, initial.columns], data: initial.elements),
            "fc1/layer.input_jacobian": .init(shape: shape, data: jacobian),
        ])
}

@Suite struct FeatureAnsatzTests {
    /// Linear networks W_l = Q_l diag(t) Q_{l−1}ᵀ: the Jacobian at the input of layer l is W_L … W_l, so AGOP = (W_lᵀW_l)^(L−l+1), and the
    /// ansatz holds with the power 1/(L − l + 1).
    @Test(arguments: [(2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 3)]) func balancedNetworks(depth: Int, layer: Int)
        throws
    {
        let t = (0..<8).map { 0.5 + 1.5 * Double($0) / 7 }, d = 9
        let q = try (0...depth).map { try gaussian(d, 8, "q\($0)").qr().q }
        let weights = (1...depth).map { q[$0] * .diagonal(t) * q[$0 - 1].transposed }
        let jacobian = weights[(layer - 1)...].dropFirst().reduce(weights[layer - 1]) { $1 * $0 }
        let above = depth - layer + 1
        let options: [String: JSON] = ["remove_init": .bool(false), "power": .double(1 / Double(above))]
        let values = try ansatz(
            weights[layer - 1], initial: gaussian(d, d, "w0"), jacobian: jacobian.elements, shape: [1, d, d], options)
        #expect(abs(values["raw.exponent"]!.number - 1 / Double(above)) < 1e-9)
        #expect(values["raw.residual"]!.number < 1e-10 && abs(values["raw.pearson"]!.number - 1) < 1e-12)
        #expect(values["raw.rank"]!.number == 8 && values["raw.points"]!.number == 8)
        guard depth == 3, layer == 1 else { return }
        // The correlation hardly sees the wrong power; the residual does.
        let half = try ansatz(
            weights[0], initial: weights[0], jacobian: jacobian.elements, shape: [1, d, d],
            ["remove_init": .bool(false)])
        #expect(abs(half["raw.pearson"]!.number - 0.98) < 0.01 && half["raw.residual"]!.number > 0.1)
        #expect(abs(half["raw.exponent"]!.number - 1.0 / 3) < 1e-9)
    }

    /// f = vᵀ W x: AGOP = Wᵀ v vᵀ W; and what is learned is W − W₀.
    @Test func theLearnedPart() throws {
        let (w0, v, u) = (gaussian(4, 6, "w0"), gaussian(1, 4, "v"), gaussian(1, 6, "u"))
        let w = w0 + 0.1 * (v.transposed * u)
        let values = try ansatz(w, initial: w0, jacobian: u.elements, shape: [1, 1, 6], ["power": .double(1)])
        #expect(abs(values["raw.pearson"]!.number - 1) < 1e-12 && values["raw.rank"]!.number == 1)
        #expect(values["raw.exponent"]?.reason == "too_few_points")
        let whole = try ansatz(
            w, initial: w0, jacobian: u.elements, shape: [1, 1, 6],
            ["power": .double(1), "remove_init": .bool(false)])
        #expect(whole["raw.pearson"]!.number < 0.9 && whole["raw.pearson_initial"]!.number > 0.9)
    }

    /// Jacobians that do not vary leave nothing when they are centred.
    @Test func centring() throws {
        let (w, j) = (gaussian(3, 5, "w"), gaussian(2, 5, "j"))
        let constant = (0..<4).flatMap { _ in j.elements }, zero = Matrix(rows: 3, columns: 5)
        let options: [String: JSON] = ["centring": .array([.string("raw"), .string("centred")])]
        let values = try ansatz(w, initial: zero, jacobian: constant, shape: [4, 2, 5], options)
        #expect(values["raw.rank"]!.number == 2)
        #expect(values["centred.rank"]?.reason == "zero_gradient")
        let opposite = (0..<4).flatMap { i in j.elements.map { i % 2 == 0 ? $0 : -$0 } }
        let varying = try ansatz(w, initial: zero, jacobian: opposite, shape: [4, 2, 5], options)
        #expect(abs(varying["centred.pearson"]!.number - values["raw.pearson"]!.number) < 1e-12)
    }

    /// C = λ WᵀW at convergence, in whatever sign and basis of its left side it comes.
    @Test func factRecoversTheWeight() throws {
        let w = gaussian(3, 5, "w"), n = 5
        // Rows with cross moment −0.3 WᵀW: inputs √n e_i, gradients the columns of it.
        let h = Double(n).squareRoot() * Matrix.diagonal([1.0, 1, 1, 1, 1])
        let g = (-0.3 * Double(n).squareRoot()) * (w.transposed * w)
        let values = try measure(
            "fact_ansatz", layer: "fc1",
            arrays: [
                "fc1/layer.input": .init(shape: [n, 5], data: h.elements),
                "fc1/layer.input_grad": .init(shape: [n, 5], data: g.elements),
                "fc1/layer.weight": .init(shape: [3, 5], data: w.elements),
            ])
        #expect(abs(values["scale"]!.number - 0.3) < 1e-12 && values["residual"]!.number < 1e-7)
    }

    @Test func examplesHold() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.feature-ansatz")
        #expect(count > 10 && failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
}
