import Foundation
import Manifests
import Observing
import PluginHost
import PluginTesting
import Testing

/// Functions of OpenBLAS bound by a manifest alone.
@Suite struct NormsTests {
    @Test func theExamplesHold() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.norms")
        #expect(count == 6)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    /// Random matrices of all shapes against sums written out here; sizes differ, so that no axis can stand for another.
    @Test(arguments: [[7, 5], [3, 11], [1, 6], [9, 1], [130, 70]]) func randomMatrices(shape: [Int]) throws {
        let (rows, columns) = (shape[0], shape[1])
        var generator = SplitMix(seed: UInt64(rows * 1000 + columns))
        let w = (0..<rows * columns).map { _ in Double.random(in: -2...3, using: &generator) }
        func norm(_ probe: String, _ output: String) throws -> Double {
            let arrays: [String: RecordedQuantities.Array] = [
                "fc1/layer.weight": RecordedQuantities.Array(shape: shape, data: w),
                "fc1/layer.input": RecordedQuantities.Array(shape: shape, data: w.map { -3 * $0 }),
            ]
            return try #require(try measure(probe, layer: "fc1", arrays: arrays)[output]).number
        }
        func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-13 * abs(b) }

        let absolute = w.map(abs)
        let columnSums = (0..<columns).map { j in (0..<rows).reduce(0) { $0 + absolute[$1 * columns + j] } }
        let rowSums = (0..<rows).map { i in (0..<columns).reduce(0) { $0 + absolute[i * columns + $1] } }
        let frobenius = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(isClose(try norm("l2_norm", "weight.norm"), frobenius))
        #expect(isClose(try norm("l2_norm", "input.norm"), 3 * frobenius))
        #expect(isClose(try norm("l1_norm", "weight.norm"), absolute.reduce(0, +)))
        #expect(isClose(try norm("one_norm", "norm"), try #require(columnSums.max())))
        #expect(isClose(try norm("infinity_norm", "norm"), try #require(rowSums.max())))
    }

    /// NumPy's norms of a matrix, computed when the test runs.
    @Test(.enabled(if: hasNumPy, "needs python3 with NumPy")) func numPyAgrees() throws {
        let shape = [4, 6]
        let w = (0..<24).map { Double(($0 * 7 + 3) % 11) / 3 - 1.5 }
        let text = try #require(
            python(
                """
                import numpy as np
                w = (np.arange(24) * 7 + 3) % 11 / 3 - 1.5
                w = w.reshape(4, 6)
                print(*[repr(float(v)) for v in (np.linalg.norm(w), np.abs(w).sum(), np.linalg.norm(w, 1), np.linalg.norm(w, np.inf))])
                """))
        let expected = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        let arrays = ["head/layer.weight": RecordedQuantities.Array(shape: shape, data: w)]
        let probes = [
            ("l2_norm", "weight.norm"), ("l1_norm", "weight.norm"), ("one_norm", "norm"), ("infinity_norm", "norm"),
        ]
        #expect(expected.count == probes.count)
        for ((probe, output), number) in zip(probes, expected) {
            let values = try measure(probe, layer: "head", arrays: arrays)
            #expect(abs(try #require(values[output]).number - number) < 1e-14 * number, "\(probe)")
        }
    }
}
