import Foundation
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func rows(
    _ component: String, _ options: [String: JSON], split: String = "train", seed: UInt64 = 5
) throws -> (x: Matrix, y: [Int]) {
    let dataset = try ShippedPlugins.loader(seed: seed).dataset(Choice(component: component, options: options))
    let fields = try readRows(of: dataset, split)
    let y = (fields["y"] ?? []).map { Int($0) }
    return (Matrix(rows: y.count, columns: dataset.fields[0].elements, elements: fields["x"] ?? []), y)
}

private func means(_ x: Matrix, _ y: [Int], _ classes: Int) -> Matrix {
    var means = Matrix(rows: classes, columns: x.columns)
    for (i, c) in y.enumerated() {
        for j in 0..<x.columns { means[c, j] += x[i, j] / Double(y.count { $0 == c }) }
    }
    return means
}

@Suite struct ClustersTests {
    /// Norms m, angles −1/(K − 1), and with points on axes a covariance of exactly σ² I in each class.
    @Test(arguments: [(3, 2), (4, 7), (5, 5)]) func anExactSimplex(classes: Int, d: Int) throws {
        let options: [String: JSON] = [
            "classes": .int(classes), "d": .int(d), "radius": .double(1.75), "sigma": .double(0.3), "spread": "axes",
            "train_rows": .int(4 * d * classes), "test_rows": .int(0),
        ]
        let (x, y) = try rows("simplex_clusters", options)
        let m = means(x, y, classes)
        for a in 0..<classes {
            #expect(y.count { $0 == a } == 4 * d)
            for b in 0..<classes {
                let product = (0..<d).reduce(0) { $0 + m[a, $1] * m[b, $1] }
                let expected = 1.75 * 1.75 * (a == b ? 1 : -1 / Double(classes - 1))
                #expect(abs(product - expected) < 1e-12)
            }
            for j in 0..<d {
                for k in 0..<d {
                    let covariance =
                        y.indices.filter { y[$0] == a }
                        .reduce(0) { $0 + (x[$1, j] - m[a, j]) * (x[$1, k] - m[a, k]) } / Double(4 * d)
                    #expect(abs(covariance - (j == k ? 0.09 : 0)) < 1e-13)
                }
            }
        }
    }

    /// The two splits have the same means, and points of their own; another seed turns the simplex.
    @Test func gaussianClusters() throws {
        let options: [String: JSON] = [
            "classes": .int(3), "d": .int(4), "sigma": .double(0.2), "train_rows": .int(903), "test_rows": .int(600),
        ]
        let train = try rows("simplex_clusters", options)
        let test = try rows("simplex_clusters", options, split: "test")
        let other = try rows("simplex_clusters", options, seed: 6)
        let (a, b, c) = (means(train.x, train.y, 3), means(test.x, test.y, 3), means(other.x, other.y, 3))
        let (same, turned) = ((a - b).elements.map(abs).max() ?? 1, (a - c).elements.map(abs).max() ?? 0)
        #expect(same < 4 * 0.2 * (1 / 301.0 + 1 / 200.0).squareRoot() && turned > 0.2)
        let residuals = train.y.indices.reduce(0) { sum, i in
            sum + (0..<4).reduce(0) { $0 + pow(train.x[i, $1] - a[train.y[i], $1], 2) }
        }
        #expect(abs(residuals / Double(900 * 4) / 0.04 - 1) < 4 / (2 * 3600.0).squareRoot() * 2)
        #expect(train.x[0, 0] != test.x[0, 0])
    }

    @Test func sizesThatDoNotFit() throws {
        let small: [String: JSON] = ["classes": .int(5), "d": .int(3)]
        let error = #expect(throws: (any Error).self) { try rows("simplex_clusters", small) }
        #expect("\(error!)".contains("a simplex of 5 classes needs d >= 4, got 3"))
        let uneven: [String: JSON] = ["classes": .int(3), "d": .int(4), "spread": "axes", "train_rows": .int(25)]
        let other = #expect(throws: (any Error).self) { try rows("simplex_clusters", uneven) }
        #expect("\(other!)".contains("a multiple of 2 d classes = 24, got 25"))
    }

    @Test func oneHotSamples() throws {
        let (x, y) = try rows("one_hot_samples", ["rows": .int(7), "classes": .int(3)])
        #expect(x == .identity(7) && y == [0, 1, 2, 0, 1, 2, 0])
    }
}
