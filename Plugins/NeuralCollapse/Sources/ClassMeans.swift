import SyzygyKit

/// Which classes are measured, and their means.
struct ClassMeans {
    /// Indices of the classes with at least `minCount` samples, ascending; the rows of everything below.
    var classes: [Int] = []
    /// Row of a class in `means`; nil for a class left out.
    var row: [Int?]
    var counts: [Double] = []
    /// μ_c, `[K, d]`
    var means: Matrix
    /// μ_G, `[d]`
    var global: [Double]
    /// M: μ_c − μ_G, `[K, d]`
    var centred: Matrix
    /// ‖μ_c − μ_c'‖², `[K, K]`
    var distances: Matrix

    /// What remains of the means below this part of their size is rounding.
    static let resolution = 1e-12

    var count: Int { classes.count }
    var samples: Double { counts.reduce(0, +) }
    /// All class means are the same point.
    var coincide: Bool { centred.squaredNorm <= Self.resolution * Self.resolution * means.squaredNorm }

    /// First pass over the features, `[n, d]`, with labels in 0 ..< classCount. μ_G is the mean of the class means, or of
    /// the samples of the classes used with `overSamples`.
    init(features: MatrixView, labels: UnsafePointer<Int32>, classCount: Int, minCount: Int, overSamples: Bool) {
        var sizes = [Int](repeating: 0, count: classCount)
        for i in 0..<features.rows { sizes[Int(labels[i])] += 1 }
        row = [Int?](repeating: nil, count: classCount)
        for c in 0..<classCount where sizes[c] >= max(minCount, 1) {
            row[c] = classes.count
            classes.append(c)
            counts.append(Double(sizes[c]))
        }
        let width = features.columns
        means = Self.sums(features, labels, row: row, classes: classes.count)
        let total = counts.reduce(0, +)
        global = [Double](repeating: 0, count: width)
        for r in classes.indices {
            let weight = overSamples ? counts[r] / total : 1 / Double(classes.count)
            for j in 0..<width {
                means[r, j] /= counts[r]
                global[j] += weight * means[r, j]
            }
        }
        centred = means
        for r in classes.indices {
            for j in 0..<width { centred[r, j] -= global[j] }
        }
        distances = Matrix(rows: classes.count, columns: classes.count)
        for a in classes.indices {
            for b in 0..<a {
                var sum = 0.0
                for j in 0..<width {
                    let difference = centred[a, j] - centred[b, j]
                    sum += difference * difference
                }
                distances[a, b] = sum
                distances[b, a] = sum
            }
        }
    }

    /// The sum of the features of each class, `[K, d]`.
    private static func sums(
        _ features: MatrixView, _ labels: UnsafePointer<Int32>, row: [Int?], classes: Int
    ) -> Matrix {
        let width = features.columns
        var result = Matrix(rows: classes, columns: width)
        result.elements.withUnsafeMutableBufferPointer { sums in
            for i in 0..<features.rows {
                guard let r = row[Int(labels[i])] else { continue }
                let h = features.row(i)
                for j in 0..<width { sums[r * width + j] += h[j] }
            }
        }
        return result
    }
}
