import Foundation

/// Student's t distribution; degrees of freedom may be broken (Welch's test).
package enum StudentT {
    /// P(|T| > t) = I(x; ν/2, 1/2) with x = ν/(ν + t²): the two-sided p-value of t.
    ///
    /// - Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1.
    package static func tails(_ t: Double, degrees: Double) -> Double {
        let square = t * t / degrees
        let (a, b) = (degrees / 2, 0.5)
        // x^a (1 − x)^b / B(a, b), without a difference of large logarithms
        let scale =
            exp(-a * log1p(square)) * (square / (1 + square)).squareRoot() * gammaRatio(a) / Double.pi.squareRoot()
        let x = 1 / (1 + square)
        // The continued fraction converges fast up to the mean of the beta distribution.
        return x < (a + 1) / (a + b + 2)
            ? scale * fraction(x, a, b) / a : 1 - scale * fraction(square / (1 + square), b, a) / b
    }

    /// The t with P(|T| ≤ t) = `coverage`, in (0, 1); 12.706 for one degree of freedom and 0.95. Nil outside the
    /// domain.
    package static func twoSided(coverage: Double, degrees: Double) -> Double? {
        guard degrees > 0, degrees.isFinite, coverage > 0, coverage < 1 else { return nil }
        let rest = 1 - coverage
        var low = 0.0
        var high = 1.0
        while tails(high, degrees: degrees) > rest {
            low = high
            high *= 2
            guard high < 1e150 else { return nil }
        }
        while high - low > 1e-15 * high {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { break }
            if tails(middle, degrees: degrees) > rest { low = middle } else { high = middle }
        }
        return low + (high - low) / 2
    }

    /// Γ(a + 1/2)/Γ(a): for large a √w (1 + 1/(64 w²) − 19/(8192 w⁴) + 631/(524288 w⁶) − 174317/(134217728 w⁸) + …) with w = a − 1/4, to which smaller ones go by
    /// Γ(z + 1) = z Γ(z).
    ///
    /// - Source: NIST Digital Library of Mathematical Functions, 5.11.14.
    static func gammaRatio(_ a: Double) -> Double {
        var factor = 1.0
        var a = a
        while a < 30 {
            factor *= a / (a + 0.5)
            a += 1
        }
        let w = a - 0.25
        let u = 1 / (w * w)
        return factor * w.squareRoot()
            * (1 + u * (1.0 / 64 + u * (-19.0 / 8192 + u * (631.0 / 524_288 - u * (174_317.0 / 134_217_728)))))
    }

    /// The continued fraction of the incomplete beta function, I(x; a, b) = x^a (1 − x)^b/(a B(a, b)) · 1/(1 + d₁/(1 + d₂/(1 + …))), from the
    /// front by the method of Lentz.
    ///
    /// - Source: DLMF 8.17.22, 8.17.23; Lentz, Applied Optics 15 (1976) 668.
    private static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        var c = 1.0
        var d = 1 / nonzero(1 - (a + b) * x / (a + 1), tiny)
        var result = d
        for m in 1...10_000 {
            let m = Double(m)
            for coefficient in [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ] {
                d = 1 / nonzero(1 + coefficient * d, tiny)
                c = nonzero(1 + coefficient / c, tiny)
                result *= c * d
            }
            if abs(c * d - 1) < 1e-16 { break }
        }
        return result
    }

    private static func nonzero(_ value: Double, _ tiny: Double) -> Double { abs(value) < tiny ? tiny : value }
}
