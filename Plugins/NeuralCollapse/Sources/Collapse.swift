import SyzygyKit

/// Variability within classes and geometry of their means, from what the passes have collected. Nil: no value.
struct Collapse {
    let means: ClassMeans
    private let collected: Residuals
    private let linalg: LinearAlgebra
    /// v_c = mean over the class of ‖h − μ_c‖², `[K]`
    private let variances: [Double]

    init(_ means: ClassMeans, _ collected: Residuals, linalg: LinearAlgebra) {
        (self.means, self.collected, self.linalg) = (means, collected, linalg)
        variances = zip(means.classes, means.counts).map { collected.squares[$0] / $1 }
    }

    /// Tr Σ_W = mean over all samples of ‖h − μ_y‖²
    private var trace: Double { zip(variances, means.counts).reduce(0) { $0 + $1.0 * $1.1 } / means.samples }

    /// Tr Σ_W/Tr Σ_B
    var quotient: Double? {
        means.coincide ? nil : trace / (means.centred.squaredNorm / Double(means.count))
    }

    /// Tr(Σ_W Σ_B^†)/K = Σ_j (v_jᵀ Σ_W v_j)/s_j² with M = U diag(s) Vᵀ, and the rank of Σ_B: singular values above 1e-6 of the
    /// largest, at most K − 1. All of it in the coordinates of the basis, where M has K rows and `collected.rank` columns.
    func ratio() -> (value: Double?, rank: Int)? {
        guard !means.coincide, collected.rank > 0 else { return (nil, 0) }
        let r = collected.rank
        var m = Matrix(rows: means.count, columns: r)
        for (a, c) in means.classes.enumerated() {
            for j in 0..<r { m[a, j] = collected.coordinates[c * collected.classes + j] }
        }
        // They lie around the mean of the classes; μ_G may be another point.
        for j in 0..<r {
            let centre = (0..<m.rows).reduce(0) { $0 + means.weights[$1] * m[$1, j] }
            for a in 0..<m.rows { m[a, j] -= centre }
        }
        guard let (_, s, vt) = linalg.svd(m) else { return nil }
        let rank = min(s.prefix { $0 > 1e-6 * s[0] }.count, means.count - 1)
        var sum = 0.0
        for j in 0..<rank {
            var square = 0.0
            for a in 0..<r {
                for b in 0..<r { square += vt[j, a] * vt[j, b] * collected.scatter[a * collected.classes + b] }
            }
            sum += square / means.samples / (s[j] * s[j])
        }
        return (sum, rank)
    }

    /// Mean over pairs of classes of (v_a + v_b) / (2 ‖μ_a − μ_b‖²); nil if two class means coincide.
    var classDistanceNormalizedVariance: Double? {
        let smallest = means.means.squaredNorm * ClassMeans.resolution * ClassMeans.resolution
        var sum = 0.0
        for a in 0..<means.count {
            for b in 0..<a {
                let distance = collected.distances[means.classes[a] * collected.classes + means.classes[b]]
                guard distance > smallest else { return nil }
                sum += (variances[a] + variances[b]) / (2 * distance)
            }
        }
        return sum / Double(means.count * (means.count - 1) / 2)
    }

    /// Share of the samples whose nearest class mean is not that of their own class.
    var ownMisses: Double { Double(collected.counters[1]) / means.samples }
    /// Share of the samples whose nearest class mean is not that of the class the network says.
    var networkMisses: Double { Double(collected.counters[2]) / means.samples }
}

extension ClassMeans {
    /// Why NC2 says nothing of the means: around their mean, two are opposite by construction.
    var reason: String? { coincide ? "coincident_means" : count == 2 ? "two_classes" : nil }
}

extension Collapse {
    /// NC1 and NC4. False if LAPACK does not converge.
    func write(
        rank: UnsafeMutablePointer<Double>, _ nc1: UnsafeMutablePointer<Double>,
        _ nc1Quotient: UnsafeMutablePointer<Double>, _ nc1CDNV: UnsafeMutablePointer<Double>,
        nc4: UnsafeMutablePointer<Double>, nccError: UnsafeMutablePointer<Double>, to results: inout Results
    ) -> Bool {
        guard let ratio = ratio() else { return false }
        rank.pointee = Double(ratio.rank)
        results.set(nc1, ratio.value, else: "coincident_means")
        results.set(nc1Quotient, quotient, else: "coincident_means")
        results.set(nc1CDNV, classDistanceNormalizedVariance, else: "coincident_means")
        (nc4.pointee, nccError.pointee) = (networkMisses, ownMisses)
        return true
    }

    /// NC2 of the means.
    func writeGeometry(
        _ equinorm: UnsafeMutablePointer<Double>, _ angle: UnsafeMutablePointer<Double>,
        _ frame: UnsafeMutablePointer<Double>, _ linalg: LinearAlgebra, to results: inout Results
    ) {
        let reason = means.reason
        let geometry = reason == nil ? Geometry(means.centred, linalg: linalg) : nil
        results.set(equinorm, geometry?.equinorm, else: reason ?? "")
        results.set(angle, geometry?.equiangularity, else: reason ?? "central_class_mean")
        results.set(frame, geometry?.frameError, else: reason ?? "")
    }
}

/// Writes results, and keeps the reasons of those that have no value, each once.
struct Results {
    private(set) var reasons: [String] = []

    mutating func set(_ place: UnsafeMutablePointer<Double>, _ value: Double?, else reason: String) {
        if let value {
            place.pointee = value
        } else if !reasons.contains(reason) {
            reasons.append(reason)
        }
    }

    func write(to message: Message) {
        if !reasons.isEmpty { message.write(reasons.joined(separator: "_and_")) }
    }
}
