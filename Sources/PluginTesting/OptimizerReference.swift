import Engine
import Foundation
import Manifests

/// The problem of `Tests/References/optimizers.py`, and what PyTorch's optimizers do with it in 100 steps.
package enum OptimizerReference {
    package static let n = 37
    private static let indices = (1...n).map(Double.init)
    package static let start = indices.map { sin(2 * $0 + 0.5) }
    package static let anchor = indices.map { 0.1 * sin(3 * $0) }
    package static let diagonal = indices.map { 1 + 0.4 * cos(2 * $0) }
    private static let matrix = indices.map { i in indices.map { j in (i == j ? 2 : 0) + 0.1 * sin(i * j) } }

    /// Σ_j A_ij w_j − b_i + 0.1 w_i³.
    package static func gradient(at w: [Double]) -> [Double] {
        zip(matrix, indices.enumerated()).map { row, place in
            zip(row, w).reduce(0) { $0 + $1.0 * $1.1 } - cos(place.element) + 0.1 * pow(w[place.offset], 3)
        }
    }

    /// One optimizer with one set of options.
    package struct Variant: Sendable, CustomStringConvertible {
        package var name: String
        package var component: String
        package var options: [String: JSON]
        /// Weights after some of the steps.
        package var weights: [Precision: [Int: [Double]]]
        package var description: String { name }
    }

    /// All variants of the file; empty if it cannot be read, which `theFileIsComplete` in the tests notices.
    package static let variants: [Variant] = {
        guard let root = try? Installation.root,
            let document = try? StrictJSON.read(root + "/Tests/References/optimizers.json")
        else { return [] }
        return (document.root["variants"]?.array ?? []).map { json in
            var weights: [Precision: [Int: [Double]]] = [:]
            for precision in Precision.allCases {
                for (step, values) in json[precision.rawValue]?.object ?? [:] {
                    weights[precision, default: [:]][Int(step) ?? 0] = values.array?.compactMap(\.double)
                }
            }
            return Variant(
                name: json["name"]?.string ?? "", component: json["component"]?.string ?? "",
                options: Dictionary(uniqueKeysWithValues: (json["options"]?.object ?? [:]).map { ($0, $1) }),
                weights: weights)
        }
    }()

    package static func variants(of components: String...) -> [Variant] {
        variants.filter { components.contains($0.component) }
    }
}

extension OptimizerReference.Variant {
    /// The largest distance to PyTorch's weights after 1, 2, 10 and 100 steps, relative to the largest weight.
    /// `step` gets the gradient at the current weights and returns the next weights.
    package func error(
        _ precision: Precision, from start: [Double], step: ([Double]) throws -> [Double]
    ) rethrows -> Double {
        var w = start
        var worst = weights[precision]?.count == 4 ? 0 : Double.infinity
        for t in 1...100 {
            w = try step(OptimizerReference.gradient(at: w))
            guard let expected = weights[precision]?[t] else { continue }
            let scale = expected.reduce(0) { max($0, abs($1)) }
            for (a, b) in zip(w, expected) { worst = (a - b).isNaN ? .infinity : max(worst, abs(a - b) / scale) }
        }
        return worst
    }

    /// The error of an optimizer plugin; `change` alters options, to see that the comparison notices.
    package func error(_ precision: Precision, change: [String: JSON] = [:]) throws -> Double {
        let bench = try UpdateBench(
            Choice(component: component, options: options.merging(change) { $1 }), kind: .optimizer,
            values: [("w", [OptimizerReference.n], OptimizerReference.start)], precision: precision)
        return try error(precision, from: bench.values()) { gradient in
            try bench.update([gradient])
            return bench.values()
        }
    }
}
