import SyzygyKit

/// Distances of rows x_1 … x_K, `[K, d]`, from a simplex equiangular tight frame (NC2), and how evenly they spread on a sphere.
struct Geometry {
    private let gram: Matrix
    let norms: [Double]
    private var classes: Int { gram.rows }

    init(_ rows: Matrix, linalg: LinearAlgebra) {
        let gram = linalg.rowProducts(rows, rows)
        self.gram = gram
        norms = (0..<gram.rows).map { max(gram[$0, $0], 0).squareRoot() }
    }

    /// Standard deviation (K − 1) over mean of the norms.
    var equinorm: Double? {
        let mean = norms.reduce(0, +) / Double(classes)
        guard mean > 0 else { return nil }
        let variance = norms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(classes - 1)
        return variance.squareRoot() / mean
    }

    /// Of all pairs; nil if a row is zero.
    private var cosines: [Double]? {
        guard let top = norms.max(), norms.allSatisfy({ $0 > ClassMeans.resolution * top }) else { return nil }
        return (0..<classes).flatMap { a in (0..<a).map { gram[a, $0] / (norms[a] * norms[$0]) } }
    }

    /// Mean over pairs of |cos + 1/(K − 1)|; nil if a row is zero.
    var equiangularity: Double? { cosines?.map { abs($0 + 1 / Double(classes - 1)) }.mean }

    /// Standard deviation over pairs of the cosine; nil if a row is zero.
    var cosineSpread: Double? { cosines?.variance.squareRoot() }

    /// Variance over pairs of a function of the distance ‖x_a/‖x_a‖ − x_b/‖x_b‖‖ (GNC2); nil if a row is zero, or two have one
    /// direction and the function is infinite there.
    func kernelVariance(_ kernel: (Double) -> Double) -> Double? {
        guard let values = cosines?.map({ kernel(max(2 - 2 * $0, 0).squareRoot()) }), values.allSatisfy(\.isFinite)
        else { return nil }
        return values.variance
    }

    var frameError: Double? { Self.frameError(gram) }

    /// ‖ A/‖A‖_F − (I − 11ᵀ/K)/√(K−1) ‖_F for a K × K matrix of products; nil for A = 0.
    static func frameError(_ a: Matrix) -> Double? {
        let classes = Double(a.rows)
        let norm = a.squaredNorm.squareRoot()
        guard norm > 0 else { return nil }
        let off = -1 / classes / (classes - 1).squareRoot()
        var sum = 0.0
        for i in 0..<a.rows {
            for j in 0..<a.columns {
                let target = i == j ? (1 - 1 / classes) / (classes - 1).squareRoot() : off
                let difference = a[i, j] / norm - target
                sum += difference * difference
            }
        }
        return sum.squareRoot()
    }
}

/// ‖ A/‖A‖_F − B/‖B‖_F ‖_F² (NC3); nil if one is zero.
func selfDuality(_ a: Matrix, _ b: Matrix) -> Double? {
    let sizes = (a.squaredNorm.squareRoot(), b.squaredNorm.squareRoot())
    guard sizes.0 > 0, sizes.1 > 0 else { return nil }
    return zip(a.elements, b.elements).reduce(0) {
        let difference = $1.0 / sizes.0 - $1.1 / sizes.1
        return $0 + difference * difference
    }
}

extension [Double] {
    var mean: Double { reduce(0, +) / Double(count) }
    /// Around the mean, over the number of values.
    var variance: Double {
        let mean = mean
        return reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
    }
}
