import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// Calls the probe on AᵀA and BᵀB, through the binding backward_rwa.
private func proportionality(_ a: Matrix, _ b: Matrix, leading: Int) throws -> [String: Observation.Value] {
    let values = try measure(
        "proportionality", ["leading": .int(leading)], layer: "fc1",
        arrays: [
            "fc1/layer.input": .init(shape: [a.rows, a.columns], data: (Double(a.rows).squareRoot() * a).elements),
            "fc1/layer.weight": .init(shape: [b.rows, b.columns], data: b.elements),
        ])
    let prefix = "backward_rwa.raw."
    return values.reduce(into: [:]) { result, item in
        if item.key.hasPrefix(prefix) { result[String(item.key.dropFirst(prefix.count))] = item.value }
    }
}

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 5, name: name).normal(into: $0) }
    return matrix
}

@Suite struct ProportionalityTests {
    @Test func multiplesAreProportional() throws {
        let a = gaussian(7, 5, "a")
        let values = try proportionality(1.5 * a, a, leading: 3)
        #expect(abs(values["scale"]!.number - 2.25) < 1e-13)
        #expect(values["residual"]!.number < 1e-14 && values["commutator"]!.number < 1e-15)
        #expect(abs(values["overlap"]!.number - 1) < 1e-13 && values["overlap_null"]!.number == 0.6)
        for i in 0..<3 { #expect(values["angles[\(i)]"]!.number < 1e-7) }
    }

    /// B is A with its basis turned by 0.3 in the plane of its first and last eigenvectors: of the space of the first two,
    /// one direction stays and the other turns by 0.3.
    @Test func anglesAreThoseOfTheRotation() throws {
        let turn = 0.3, scales = [3.0, 2, 1, 0.5]
        var rotation = Matrix.diagonal([1.0, 1, 1, 1])
        (rotation[0, 0], rotation[3, 3], rotation[0, 3], rotation[3, 0]) = (
            cos(turn), cos(turn), sin(turn), -sin(turn)
        )
        let q = try gaussian(4, 4, "q").qr().q
        let a = Matrix.diagonal(scales) * q, b = Matrix.diagonal(scales) * rotation * q
        let values = try proportionality(a, b, leading: 2)
        #expect(values["angles[0]"]!.number < 1e-7)
        #expect(abs(values["angles[1]"]!.number - turn) < 1e-12)
        #expect(abs(values["overlap"]!.number - (1 + cos(turn) * cos(turn)) / 2) < 1e-12)
        #expect(abs(values["gap"]!.number - (1 - 1.0 / 4)) < 1e-12)
        #expect(values["commutator"]!.number > 0.01)
    }

    /// Of random spaces the mean squared cosine is k/d.
    @Test func overlapOfRandomSpaces() throws {
        var sum = 0.0
        for trial in 0..<200 {
            let values = try proportionality(gaussian(6, 6, "a\(trial)"), gaussian(6, 6, "b\(trial)"), leading: 2)
            sum += values["overlap"]!.number - values["overlap_null"]!.number
        }
        #expect(abs(sum / 200) < 0.04)
    }

    /// The residual is √(1 − cos²) of the probe `alignment`, and neither depends on a common basis.
    @Test func agreesWithTheCosine() throws {
        let (a, b) = (gaussian(7, 5, "a"), gaussian(3, 5, "b"))
        let q = try gaussian(5, 5, "q").qr().q
        let (plain, turned) = (try proportionality(a, b, leading: 2), try proportionality(a * q, b * q, leading: 2))
        for (output, value) in plain { #expect(abs(turned[output]!.number - value.number) < 1e-10, "\(output)") }
        let aligned = try measure(
            "alignment", layer: "fc1",
            arrays: [
                "fc1/layer.input": .init(shape: [7, 5], data: (7.0.squareRoot() * a).elements),
                "fc1/layer.weight": .init(shape: [3, 5], data: b.elements),
            ])
        let cosine = aligned["backward_rwa.raw.cos"]!.number
        #expect(abs(plain["residual"]!.number - (1 - cosine * cosine).squareRoot()) < 1e-12)
    }

    @Test func reasons() throws {
        #expect(
            try proportionality(gaussian(7, 2, "a"), gaussian(3, 2, "b"), leading: 3)["overlap"]?.reason
                == "fewer_dimensions")
        let zero = Matrix(rows: 3, columns: 2)
        #expect(try proportionality(gaussian(7, 2, "a"), zero, leading: 1)["scale"]?.reason == "zero_matrix")
        let low = try proportionality(.diagonal([2.0, 0, 0, 0]), gaussian(3, 4, "b"), leading: 2)
        #expect(low["gap"]?.reason == "no_such_eigenvalue" && low["overlap"]!.number > 0)
    }
}
