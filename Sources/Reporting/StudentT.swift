import Foundation

/// Student's t distribution.
package enum StudentT {
    /// P(|T| ≤ t) for T with `degrees` degrees of freedom: the finite series in cos θ, θ = atan(t/√ν).
    ///
    /// - Complexity: O(degrees), less where the terms vanish early.
    /// - Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 (odd ν) and 26.7.4 (even ν).
    package static func central(_ t: Double, degrees: Int) -> Double {
        let theta = atan(t / Double(degrees).squareRoot())
        let square = cos(theta) * cos(theta)
        let isOdd = degrees % 2 == 1
        var term = isOdd ? cos(theta) : 1
        var sum = 0.0
        var k = isOdd ? 1 : 0
        while k <= degrees - 2, term > sum * 1e-18 {
            sum += term
            term *= square * Double(k + 1) / Double(k + 2)
            k += 2
        }
        return isOdd ? 2 / .pi * (theta + sin(theta) * sum) : sin(theta) * sum
    }

    /// The t with P(|T| ≤ t) = `coverage`, in (0, 1); 12.706 for one degree of freedom and 0.95. Nil outside the
    /// domain.
    package static func twoSided(coverage: Double, degrees: Int) -> Double? {
        guard degrees >= 1, coverage > 0, coverage < 1 else { return nil }
        var low = 0.0
        var high = 1.0
        while central(high, degrees: degrees) < coverage {
            low = high
            high *= 2
            guard high < 1e12 else { return nil }
        }
        while high - low > 1e-14 * high {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { break }
            if central(middle, degrees: degrees) < coverage { low = middle } else { high = middle }
        }
        return low + (high - low) / 2
    }
}
