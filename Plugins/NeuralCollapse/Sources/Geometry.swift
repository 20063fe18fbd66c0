import SyzygyKit

/// Distances of rows x_1 … x_K, `[K, d]`, from a simplex equiangular tight frame (NC2).
struct Geometry {
    private let gram: Matrix
    private var classes: Int { gram.rows }

    init(_ rows: Matrix, linalg: LinearAlgebra) {
        gram = linalg.rowProducts(rows, rows)
    }

    private var norms: [Double] { (0..<classes).map { max(gram[$0, $0], 0).squareRoot() } }

    /// Standard deviation (K − 1 in the denominator) over mean of the norms.
    var equinorm: Double? {
        let norms = norms
        let mean = norms.reduce(0, +) / Double(classes)
        guard mean > 0 else { return nil }
        let variance = norms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(classes - 1)
        return variance.squareRoot() / mean
    }

    /// Mean over ordered pairs of |cos + 1/(K − 1)|; nil if a row is zero.
    var equiangularity: Double? {
        let norms = norms
        guard let top = norms.max(), norms.allSatisfy({ $0 > ClassMeans.resolution * top }) else { return nil }
        var sum = 0.0
        for a in 0..<classes {
            for b in 0..<classes where a != b {
                sum += abs(gram[a, b] / (norms[a] * norms[b]) + 1 / Double(classes - 1))
            }
        }
        return sum / Double(classes * (classes - 1))
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
