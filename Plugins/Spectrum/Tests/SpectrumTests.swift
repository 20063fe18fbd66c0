import LinearAlgebra
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 9, name: name).normal(into: $0) }
    return matrix
}

@Suite struct SpectrumTests {
    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.spectrum")
        #expect(count == 17 && failures == [])
    }

    @Test(arguments: [(3, 7), (7, 3)]) func ranksDependOnTheSpectrumOnly(rows: Int, columns: Int) throws {
        let u = try gaussian(rows, rows, "u").qr().q
        let v = try gaussian(columns, columns, "v").qr().q
        var w = Matrix(rows: rows, columns: columns)
        for (i, s) in [2.0, 1, 0.5].enumerated() { w[i, i] = s }
        let values = try measure(
            "spectrum", layer: "fc1",
            arrays: ["fc1/layer.weight": .init(shape: [rows, columns], data: (u * w * v).elements)])
        for i in 0..<rows {
            let expected = i < 3 ? [2, 1, 0.5][i] : 0
            #expect(abs(values["singular_values[\(i)]"]!.number - expected) < 1e-14)
        }
        #expect(values["singular_values[\(rows)]"] == nil)
        // Entropy of 4/7, 2/7, 1/7 in nats, to the power e; (4 + 1 + 1/4) / 4.
        #expect(abs(values["effective_rank"]!.number - 2.60049000598966) < 1e-12)
        #expect(abs(values["stable_rank"]!.number - 1.3125) < 1e-13)
    }

    /// Rows ±√(n λ_i / 2) e_i, rotated: the centred moment has the eigenvalues λ exactly, whatever is added to all rows.
    @Test func featuresOfKnownSpectrum() throws {
        let spectrum = [4.0, 2, 1, 0], d = spectrum.count, n = 2 * d
        let q = try gaussian(d, d, "q").qr().q
        var x = Matrix(rows: n, columns: d)
        for (i, value) in spectrum.enumerated() {
            x[2 * i, i] = (Double(n) * value / 2).squareRoot()
            x[2 * i + 1, i] = -x[2 * i, i]
        }
        var rows = x * q
        for i in 0..<n { for j in 0..<d { rows[i, j] += 3 } }
        let arrays = ["fc1/layer.input": RecordedQuantities.Array(shape: [n, d], data: rows.elements)]
        func values(_ moment: String) throws -> [String: Observation.Value] {
            try measure(
                "feature_spectrum",
                ["of": .array([.string("input")]), "moment": .string(moment), "leading": .int(3)], layer: "fc1",
                arrays: arrays)
        }
        let centred = try values("centred")
        for (i, value) in spectrum.prefix(3).enumerated() {
            #expect(abs(centred["input.eigenvalues[\(i)]"]!.number - value) < 1e-13)
        }
        #expect(centred["input.eigenvalues[3]"] == nil)
        #expect(abs(centred["input.trace"]!.number - 7) < 1e-13)
        #expect(abs(centred["input.participation_ratio"]!.number - 49.0 / 21) < 1e-13)
        #expect(abs(centred["input.stable_rank"]!.number - 1.75) < 1e-13)
        #expect(abs(centred["input.effective_rank"]!.number - 2.60049000598966) < 1e-12)
        #expect(centred["input.numerical_rank"]!.number == 3)
        // The mean, (3, 3, 3, 3), adds 36 to the trace of the raw moment.
        #expect(abs(try values("raw")["input.trace"]!.number - 43) < 1e-12)
    }

    /// Both definitions are the same function of W Wᵀ.
    @Test func eigenvaluesAreSquaredSingularValues() throws {
        let w = gaussian(5, 3, "w")
        let source = RecordedQuantities(
            ["fc1/layer.weight": .init(shape: [5, 3], data: w.elements)], definitions: ShippedPlugins.loader())
        func numbers(_ expression: String) throws -> [Double] {
            let quantity = try #require(try source.quantity(expression, layer: "fc1"))
            guard case .real(let pointer) = quantity.data else { return [] }
            #expect(quantity.shape == [5])
            return (0..<5).map { pointer[$0] }
        }
        let squares = try numbers("syzygy.spectrum/singular_values(layer.weight)").map { $0 * $0 }
        let eigenvalues = try numbers("syzygy.spectrum/eigenvalues(wwt(layer.weight))")
        for (square, eigenvalue) in zip(squares, eigenvalues) { #expect(abs(square - eigenvalue) < 1e-13) }
        #expect(squares[2] > 0.01 && squares[3] == 0)
    }

    @Test func whatIsNotFiniteHasNoSpectrum() throws {
        let values = try measure(
            "spectrum", layer: "fc1",
            arrays: ["fc1/layer.weight": .init(shape: [2, 3], data: [1, 2, .infinity, 4, 5, 6])])
        #expect(values["stable_rank"] == .missing(reason: "input_not_finite"))
    }
}
