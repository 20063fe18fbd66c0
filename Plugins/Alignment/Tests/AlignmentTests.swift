import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// Calls the probe on two matrices through the binding backward_rwa, whose arguments are given directly.
private func alignment(_ a: Matrix, _ b: Matrix) throws -> [String: Observation.Value] {
    let values = try measure(
        "alignment", layer: "fc1",
        arrays: [
            "fc1/layer.input": .init(shape: [a.rows, a.columns], data: (Double(a.rows).squareRoot() * a).elements),
            "fc1/layer.weight": .init(shape: [b.rows, b.columns], data: b.elements),
        ])
    let prefix = "backward_rwa.raw."
    return values.reduce(into: [:]) { result, item in
        if item.key.hasPrefix(prefix) { result[String(item.key.dropFirst(prefix.count))] = item.value }
    }
}

private func gaussian(_ rows: Int, _ columns: Int, _ name: String, seed: UInt64 = 11) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: seed, name: name).normal(into: $0) }
    return matrix
}

@Suite struct AlignmentTests {
    /// Independent Wishart matrices of n and m samples in dimension d have
    /// alpha ≈ (1/d − 1/d²) / sqrt((1/d + 1/n − 1/d²)(1/d + 1/m − 1/d²)): large without any learning.
    @Test(arguments: [(100, 3000, 0.694), (100, 100, 0.49)]) func unrelatedMatricesAlign(
        n: Int, m: Int, alpha: Double
    ) throws {
        let values = try alignment(
            (1 / Double(n).squareRoot()) * gaussian(n, 100, "a"), gaussian(m, 100, "b"))
        #expect(abs(values["alpha"]!.number - alpha) < 0.02)
        #expect(abs(values["cos_dev"]!.number) < 0.05)
        // The cosine itself is what chance gives.
        #expect(abs(values["cos"]!.number - values["cos_null"]!.number) < 0.01)
    }

    /// A → Q A Qᵀ leaves all cosines alone if both matrices turn, and `cos_null` even if one does; alpha changes.
    @Test func cosinesDoNotDependOnTheBasis() throws {
        let (a, b) = (gaussian(7, 5, "a"), gaussian(3, 5, "b"))
        let q = try gaussian(5, 5, "q").qr().q
        let (plain, turned, apart) = (try alignment(a, b), try alignment(a * q, b * q), try alignment(a * q, b))
        for output in ["cos", "cos_dev", "cos_null"] {
            #expect(abs(plain[output]!.number - turned[output]!.number) < 1e-13)
        }
        #expect(abs(plain["cos_null"]!.number - apart["cos_null"]!.number) < 1e-13)
        #expect(abs(plain["cos"]!.number - apart["cos"]!.number) > 1e-3)
        #expect(abs(plain["alpha"]!.number - turned["alpha"]!.number) > 1e-3)
    }

    @Test(arguments: [1e-150, 1e-9, 1e140]) func scaleDoesNotMatter(scale: Double) throws {
        let (a, b) = (gaussian(7, 5, "a"), gaussian(3, 5, "b"))
        let (plain, scaled) = (try alignment(a, b), try alignment(scale * a, b))
        for (output, value) in plain {
            #expect(abs(scaled[output]!.number - value.number) < 1e-12, "\(output)")
        }
    }

    /// Each relation reads the matrices that its name says: the six are different numbers, and exact ones agree.
    @Test func theSixRelationsReadTheirMatrices() throws {
        let (n, inputs, outputs) = (9, 4, 3)
        let (h, g, w) = (gaussian(n, inputs, "h"), gaussian(n, outputs, "g"), gaussian(outputs, inputs, "w"))
        let values = try measure(
            "alignment", ["variant": .array([.string("raw"), .string("centred"), .string("normalized")])],
            layer: "fc1",
            arrays: [
                "fc1/layer.input": .init(shape: [n, inputs], data: h.elements),
                "fc1/layer.output": .init(shape: [n, outputs], data: Matrix.product(h, w.transposed).elements),
                "fc1/layer.output_grad": .init(shape: [n, outputs], data: g.elements),
                "fc1/layer.input_grad": .init(shape: [n, inputs], data: (g * w).elements),
                "fc1/layer.weight": .init(shape: [outputs, inputs], data: w.elements),
            ])
        #expect(values.count == 3 * 6 * 4)
        #expect(Set(values.values.map(\.number)).count == values.count)
        func cosine(_ a: Matrix, _ b: Matrix) -> Double {
            zip(a.elements, b.elements).reduce(0) { $0 + $1.0 * $1.1 } / (a.frobeniusNorm * b.frobeniusNorm)
        }
        let (ha, gb) = (h.transposed * h, g.transposed * g)
        let (za, zb) = (w.transposed * w, w * w.transposed)
        let (hb, ga) = (w * ha * w.transposed, w.transposed * gb * w)
        let expected = [
            "forward_rga": cosine(hb, gb), "forward_rwa": cosine(hb, zb), "forward_gwa": cosine(gb, zb),
            "backward_rga": cosine(ha, ga), "backward_rwa": cosine(ha, za), "backward_gwa": cosine(ga, za),
        ]
        for (relation, value) in expected {
            #expect(abs(values["\(relation).raw.cos"]!.number - value) < 1e-13, "\(relation)")
        }
    }
}
