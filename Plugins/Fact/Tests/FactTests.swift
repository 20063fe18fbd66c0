import LinearAlgebra
import Manifests
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 9, name: name).normal(into: $0) }
    return matrix
}

@Suite struct FactTests {
    /// With W := −E[grad h_aᵀ] / decay the layer is stationary by construction, whatever h and grad are.
    @Test func residualsVanishAtAStationaryPointOnly() throws {
        let (n, inputs, outputs, decay) = (17, 5, 3, 0.3)
        let (h, g) = (gaussian(n, inputs, "h"), gaussian(n, outputs, "g"))
        let w = (-1 / (Double(n) * decay)) * (g.transposed * h)
        func values(_ w: Matrix) throws -> [String: Observation.Value] {
            try measure(
                "fact", ["weight_decay": .double(decay)], layer: "fc1",
                arrays: [
                    "fc1/layer.input": .init(shape: [n, inputs], data: h.elements),
                    "fc1/layer.output": .init(shape: [n, outputs], data: (h * w.transposed).elements),
                    "fc1/layer.output_grad": .init(shape: [n, outputs], data: g.elements),
                    "fc1/layer.input_grad": .init(shape: [n, inputs], data: (g * w).elements),
                    "fc1/layer.weight": .init(shape: [outputs, inputs], data: w.elements),
                ])
        }
        let stationary = try values(w)
        let larger = try values(1.25 * w)
        let reversed = try values(-1 * w)
        for output in ["residual_b", "residual_a"] {
            #expect(stationary[output]!.number < 1e-13)
            // E[g hᵀ] grows with W, W Wᵀ with its square: |1.25 − 1.25²| / 1.25² = 0.2.
            #expect(abs(larger[output]!.number - 0.2) < 1e-12)
            // The sign matters: −W turns the residual into |−1 − 1|.
            #expect(abs(reversed[output]!.number - 2) < 1e-12)
        }
        let ratio = g.frobeniusNorm * g.frobeniusNorm / Double(n) / (w.frobeniusNorm * w.frobeniusNorm)
        #expect(abs(stationary["trace_ratio"]!.number / ratio - 1) < 1e-12)
    }
}
