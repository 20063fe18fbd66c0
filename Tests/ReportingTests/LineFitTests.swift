import Foundation
import Reporting
import Testing

@Suite struct LineFitTests {
    private func close(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool {
        abs(a - b) <= tolerance * max(1, abs(b))
    }

    /// Σ(x − x̄)² = 5, Σ(x − x̄)(y − ȳ) = 11, residuals 0.3, 0.1, −1.1, 0.7 with Σ = 1.8 and s² = 0.9; t of two degrees of freedom
    /// in closed form.
    @Test func byHand() throws {
        let fit = try LineFit([(0, 1), (1, 3), (2, 4), (3, 8)])
        let t = 0.95 * (2 / (1 - 0.95 * 0.95)).squareRoot()
        #expect(fit.n == 4 && close(fit.slope, 2.2) && close(fit.intercept, 0.7))
        #expect(close(fit.slopeHalfWidth, t * (0.9 / 5).squareRoot()))
        #expect(close(try #require(fit.r2), 1 - 1.8 / 26))
        #expect(close(fit.halfWidth(at: 1.5), t * (0.9 / 4).squareRoot()))
        #expect(close(fit.halfWidth(at: 3), t * (0.9 * (0.25 + 2.25 / 5)).squareRoot()))
        #expect(close(fit.value(at: 3), 7.3))
    }

    /// SciPy 1.17: stats.linregress of the logarithms, and stats.t.ppf(0.975, 9).
    @Test func asSciPy() throws {
        let points = (1...11).map { i -> (x: Double, y: Double) in
            let z = pow(10, -0.37 * Double(i)) * (1 + 0.1 * Double(i % 3))
            return (log10(z), log10(3.7 * pow(z, 1.9) * exp(0.3 * sin(Double(i * i)))))
        }
        let fit = try LineFit(points)
        #expect(close(fit.slope, 1.8999703698962178) && close(fit.intercept, 0.5552693518992728))
        #expect(close(fit.slopeHalfWidth, 0.06124275655513263, 1e-10))
        #expect(close(try #require(fit.r2), 0.9981760207315697))
        for (x, y, half) in [
            (-4.0, -7.044612127685598, 0.1326482915023567), (-2.2, -3.624665461872407, 0.07156406318060966),
            (0, 0.5552693518992728, 0.15126522674804),
        ] {
            #expect(close(fit.value(at: x), y) && close(fit.halfWidth(at: x), half, 1e-10))
        }
    }

    @Test func shiftsAndScales() throws {
        let points: [(x: Double, y: Double)] = [(1, 2), (2, 1), (4, 7), (8, 5), (9, 11)]
        let fit = try LineFit(points)
        let moved = try LineFit(points.map { (x: $0.x + 1e6, y: 3 * $0.y - 1e6) })
        #expect(close(moved.slope, 3 * fit.slope, 1e-9) && close(moved.slopeHalfWidth, 3 * fit.slopeHalfWidth, 1e-9))
        #expect(close(try #require(moved.r2), try #require(fit.r2), 1e-9))
        #expect(close(moved.halfWidth(at: 1e6 + 5), 3 * fit.halfWidth(at: 5), 1e-9))
        let reversed = try LineFit(points.reversed())
        #expect(close(reversed.slope, fit.slope) && close(reversed.slopeHalfWidth, fit.slopeHalfWidth))
    }

    @Test func degenerateCases() throws {
        #expect(throws: LineFit.Failure.tooFewPoints) { try LineFit([(1, 2), (3, 4)]) }
        #expect(throws: LineFit.Failure.noSpread) { try LineFit([(2, 2), (2, 4), (2, 5)]) }
        let exact = try LineFit([(1, 3), (2, 5), (4, 9)])
        #expect(exact.slope == 2 && exact.slopeHalfWidth == 0 && exact.r2 == 1)
        let flat = try LineFit([(1, 3), (2, 3), (4, 3)])
        #expect(flat.slope == 0 && flat.r2 == nil)
    }
}
