import SyzygyKit

/// Within-class variability around the class means (NC1) and the nearest-mean rule (NC4): one pass over the samples.
struct Variability {
    /// v_c = mean over the class of ‖h − μ_c‖², `[K]`
    var variances: [Double]
    /// Tr Σ_W = mean over all samples of ‖h − μ_y‖²
    var trace = 0.0
    /// Tr(Σ_W Σ_B^†) / K; nil if the class means coincide
    var ratio: Double?
    /// Rank of Σ_B: singular values of M above 1e-6 of the largest, at most K − 1.
    var rank = 0
    /// Fraction of samples that the network and the nearest mean put into different classes.
    var mismatch = 0.0

    /// Nil if the factorization of the means does not converge.
    ///
    /// Residuals r = h − μ_y are formed row by row, never as differences of second moments, and meet M and the right
    /// singular vectors of M in one product per block: O(n d (K + rank)) time, no d × d matrix.
    init?(
        features: MatrixView, labels: UnsafePointer<Int32>, outputs: MatrixView, means: ClassMeans,
        linalg: LinearAlgebra
    ) {
        guard let (_, s, vt) = linalg.svd(means.centred) else { return nil }
        let classes = means.count
        let width = features.columns
        if !means.coincide {
            rank = min(s.prefix { $0 > 1e-6 * s[0] }.count, classes - 1)
        }
        var axes = Matrix(rows: classes + rank, columns: width)
        for j in 0..<(classes * width) { axes.elements[j] = means.centred.elements[j] }
        for j in 0..<(rank * width) { axes.elements[classes * width + j] = vt.elements[j] }

        variances = [Double](repeating: 0, count: classes)
        var projected = [Double](repeating: 0, count: rank)
        var wrong = 0
        let block = 64
        var residuals = Matrix(rows: block, columns: width)
        var products = Matrix(rows: block, columns: axes.rows)
        var members: [(sample: Int, row: Int)] = []
        members.reserveCapacity(block)

        func finishBlock() {
            linalg.rowProducts(residuals, axes, into: &products)
            for (k, member) in members.enumerated() {
                for j in 0..<rank {
                    let p = products[k, classes + j]
                    projected[j] += p * p
                }
                let nearest = Self.nearest(products, k, own: member.row, means.distances)
                if means.classes[nearest] != largest(outputs.row(member.sample)) { wrong += 1 }
            }
            members.removeAll(keepingCapacity: true)
        }
        for i in 0..<features.rows {
            guard let row = means.row[Int(labels[i])] else { continue }
            variances[row] += Self.residual(features.row(i), means.means, row, into: &residuals, at: members.count)
            members.append((i, row))
            if members.count == block { finishBlock() }
        }
        if !members.isEmpty { finishBlock() }

        let samples = means.samples
        trace = variances.reduce(0, +) / samples
        for c in 0..<classes { variances[c] /= means.counts[c] }
        mismatch = Double(wrong) / samples
        if rank > 0 {
            ratio = (0..<rank).reduce(0) { $0 + projected[$1] / samples / (s[$1] * s[$1]) }
        }
    }

    /// Mean over pairs of classes of (v_a + v_b) / (2 ‖μ_a − μ_b‖²); nil if two class means coincide.
    func classDistanceNormalizedVariance(_ means: ClassMeans) -> Double? {
        let scale = means.means.squaredNorm * ClassMeans.resolution * ClassMeans.resolution
        var sum = 0.0
        for a in 0..<means.count {
            for b in 0..<a {
                guard means.distances[a, b] > scale else { return nil }
                sum += (variances[a] + variances[b]) / (2 * means.distances[a, b])
            }
        }
        return sum / Double(means.count * (means.count - 1) / 2)
    }

    /// Writes h − μ and returns its squared norm.
    private static func residual(
        _ h: UnsafeBufferPointer<Double>, _ means: Matrix, _ row: Int, into residuals: inout Matrix, at k: Int
    ) -> Double {
        let width = h.count
        return means.elements.withUnsafeBufferPointer { means in
            residuals.elements.withUnsafeMutableBufferPointer { residuals in
                var sum = 0.0
                for j in 0..<width {
                    let r = h[j] - means[row * width + j]
                    residuals[k * width + j] = r
                    sum += r * r
                }
                return sum
            }
        }
    }

    /// The class mean nearest to a sample: ‖h − μ_c‖² = ‖r‖² + 2 r·(μ_y − μ_c) + ‖μ_y − μ_c‖². Ties go to the lowest index.
    private static func nearest(_ products: Matrix, _ k: Int, own: Int, _ distances: Matrix) -> Int {
        var best = 0
        var smallest = Double.infinity
        for c in 0..<distances.rows {
            let distance = 2 * (products[k, own] - products[k, c]) + distances[own, c]
            if distance < smallest { (best, smallest) = (c, distance) }
        }
        return best
    }
}

/// Index of the largest entry; ties go to the lowest.
private func largest(_ values: UnsafeBufferPointer<Double>) -> Int {
    var best = 0
    for k in 1..<max(values.count, 1) where values[k] > values[best] { best = k }
    return best
}
