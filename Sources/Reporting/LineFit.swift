/// Least squares of y on x with a straight line.
///
/// With n points, x̄ their mean and S = Σ(x − x̄)²: slope b = Σ(x − x̄)(y − ȳ)/S, intercept ȳ − b x̄, s² = Σ(y − ŷ)²/(n − 2).
/// Half-widths are of 95 % and take t, the 97.5 % quantile of Student's t with n − 2 degrees of freedom: of the slope t s/√S, of the line at x
/// t s √(1/n + (x − x̄)²/S).
///
/// - Source: Draper and Smith, Applied Regression Analysis, 3rd edition, sections 1.4 and 3.1.
package struct LineFit: Hashable, Sendable {
    package let n: Int
    package let slope: Double
    package let intercept: Double
    package let slopeHalfWidth: Double
    /// 1 − Σ(y − ŷ)²/Σ(y − ȳ)²; nil if all y are equal.
    package let r2: Double?
    private let meanX: Double
    private let spread: Double
    /// t s
    private let scale: Double

    /// Why there is no line.
    package enum Failure: String, Error { case tooFewPoints = "fewer than 3 points", noSpread = "all at one x" }

    package init(_ points: [(x: Double, y: Double)]) throws(Failure) {
        guard points.count >= 3 else { throw .tooFewPoints }
        n = points.count
        let count = Double(n)
        // Deviations from the first point: points in a line have no rounding from a large common offset.
        let (x0, y0) = (points[0].x, points[0].y)
        let meanX = points.reduce(0) { $0 + ($1.x - x0) } / count
        let meanY = points.reduce(0) { $0 + ($1.y - y0) } / count
        var (sxx, sxy, syy) = (0.0, 0.0, 0.0)
        for point in points {
            let (dx, dy) = (point.x - x0 - meanX, point.y - y0 - meanY)
            sxx += dx * dx
            sxy += dx * dy
            syy += dy * dy
        }
        guard sxx > 0, sxx.isFinite else { throw .noSpread }
        slope = sxy / sxx
        self.meanX = meanX + x0
        intercept = meanY + y0 - slope * self.meanX
        let slope = slope
        let squares = points.reduce(0) { sum, point in
            let residual = (point.y - y0 - meanY) - slope * (point.x - x0 - meanX)
            return sum + residual * residual
        }
        let t = StudentT.twoSided(coverage: 0.95, degrees: Double(n - 2)) ?? .nan
        spread = sxx
        scale = t * (squares / (count - 2)).squareRoot()
        slopeHalfWidth = scale / sxx.squareRoot()
        r2 = syy > 0 ? 1 - squares / syy : nil
    }

    package func value(at x: Double) -> Double { intercept + slope * x }

    /// Half the width of the band around the line.
    package func halfWidth(at x: Double) -> Double {
        scale * (1 / Double(n) + (x - meanX) * (x - meanX) / spread).squareRoot()
    }
}
