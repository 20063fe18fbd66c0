import Engine
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Testing
import Validating

@Suite struct SharpnessAwareTests {
    /// f = ½ Σ a_i w_i²: the gradient at w + rho g/|g| is a (w + rho a w / |a w|), for all blocks together.
    @Test(arguments: [(Precision.f64, 1e-12), (.f32, 1e-6)])
    func aStepOnAQuadratic(precision: Precision, tolerance: Double) throws {
        let a = [0.5, 3, 1.25, 2, 0.75], w = [1.5, -0.5, 2, 0.25, -1], rho = 0.7, lr = 0.1
        let g = zip(a, w).map { $0 * $1 }
        let norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let expected = zip(zip(a, w), g).map { pair, g in pair.1 - lr * pair.0 * (pair.1 + rho * g / norm) }
        // ½ of the mean over 5 samples of (x_s · w)², so x_s = √(5 a_s) e_s.
        var x = [Double](repeating: 0, count: 25)
        for i in 0..<5 { x[6 * i] = (5 * a[i]).squareRoot() }
        let bench = try UpdateBench(
            Choice(component: "sharpness_aware", options: ["rho": .double(rho), "lr": .double(lr)]),
            kind: .optimizer, values: [("u", [2], Array(w[..<2])), ("v", [3], Array(w[2...]))], precision: precision,
            problem: (Matrix(rows: 5, columns: 5, elements: x), [0, 0, 0, 0, 0]), loader: ShippedPlugins.loader())
        try bench.update([Array(g[..<2]), Array(g[2...])])
        for (found, expected) in zip(bench.values(0) + bench.values(1), expected) {
            #expect(abs(found - expected) <= tolerance)
        }
        #expect(bench.state("velocity/u")?.count == 2 && bench.state("velocity/v")?.count == 3)
    }

    @Test func withoutAnObjectiveItSaysSo() throws {
        let bench = try? UpdateBench(
            Choice(component: "sharpness_aware"), kind: .optimizer, values: [("w", [3], [1, 2, 3])],
            loader: ShippedPlugins.loader())
        #expect(bench == nil)
    }
}
