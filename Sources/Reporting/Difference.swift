/// B − A of one number, with its 95 % interval.
///
/// Paired: the mean d of the differences of runs with one seed, d ± t s/√n, t with n − 1 degrees of freedom. Of different seeds (Welch):
/// x̄ − ȳ ± t √(u + v), u = s²/n of the one and v of the other side, t with (u + v)²/(u²/(n − 1) + v²/(m − 1)) degrees of freedom.
///
/// - Source: Welch, Biometrika 34 (1947) 28; Student, Biometrika 6 (1908) 1.
package struct Difference: Hashable, Sendable {
    package var mean: Double
    /// nil below two pairs, or two values on each side.
    package var halfWidth: Double?
    /// Two-sided, of the hypothesis that the means agree; nil where there is no interval or no spread.
    package var p: Double?
    /// nil where there is no interval.
    package var degrees: Double?
    /// Number of pairs; nil: not paired.
    package var pairs: Int?

    /// nil without pairs.
    package init?(paired differences: [Double]) {
        let value = Aggregate(differences)
        guard let mean = value.mean else { return nil }
        (self.mean, halfWidth, pairs) = (mean, value.halfWidth, value.n)
        guard let deviation = value.deviation else { return }
        degrees = Double(value.n - 1)
        let error = deviation / Double(value.n).squareRoot()
        if error > 0 { p = StudentT.tails(mean / error, degrees: Double(value.n - 1)) }
    }

    /// nil if a side has no value.
    package init?(_ a: [Double], _ b: [Double]) {
        let (left, right) = (Aggregate(a), Aggregate(b))
        guard let meanA = left.mean, let meanB = right.mean else { return nil }
        mean = meanB - meanA
        guard let deviationA = left.deviation, let deviationB = right.deviation else { return }
        let (n, m) = (Double(left.n), Double(right.n))
        let (u, v) = (deviationA * deviationA / n, deviationB * deviationB / m)
        guard u + v > 0 else {
            halfWidth = 0
            return
        }
        let degrees = (u + v) * (u + v) / (u * u / (n - 1) + v * v / (m - 1))
        self.degrees = degrees
        let error = (u + v).squareRoot()
        halfWidth = StudentT.twoSided(coverage: 0.95, degrees: degrees).map { $0 * error }
        p = StudentT.tails(mean / error, degrees: degrees)
    }

    /// As tables show numbers.
    var value: Aggregate {
        var value = Aggregate([mean])
        value.halfWidth = halfWidth
        value.low = halfWidth.map { mean - $0 }
        value.high = halfWidth.map { mean + $0 }
        return value
    }
}
