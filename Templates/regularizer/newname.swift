/// Adds the gradient of strength sum_i (sqrt(w_i^2 + width^2) - width) to g and returns the penalty, summed in f64.
func penalty<T: BinaryFloatingPoint>(
    _ w: UnsafePointer<T>, _ g: UnsafeMutablePointer<T>, _ n: Int64, _ strength: Double, _ width: Double
) -> Double {
    var sum = 0.0
    for i in 0..<Int(n) {
        let x = Double(w[i])
        let root = (x * x + width * width).squareRoot()
        g[i] += T(strength * x / root)
        sum += root - width
    }
    return strength * sum
}

@c @implementation
public func newname_f32(
    _ w: UnsafePointer<Float>!, _ g: UnsafeMutablePointer<Float>!, _ n: Int64, _ strength: Double, _ width: Double
) -> Double { penalty(w, g, n, strength, width) }

@c @implementation
public func newname_f64(
    _ w: UnsafePointer<Double>!, _ g: UnsafeMutablePointer<Double>!, _ n: Int64, _ strength: Double, _ width: Double
) -> Double { penalty(w, g, n, strength, width) }
