/// w scaled to a root mean square of rms / sqrt(fan_in).
@c @implementation
public func newname(
    _ w: UnsafePointer<Double>!, _ n: Int64, _ fan_in: Int64, _ rms: Double, _ value: UnsafeMutablePointer<Double>!
) {
    var largest = 0.0, sum = 0.0  // relative to the largest, so that no square leaves the range of numbers
    for i in 0..<Int(n) { largest = max(largest, abs(w[i])) }
    for i in 0..<Int(n) where largest > 0 { sum += w[i] / largest * (w[i] / largest) }
    let size = (sum / Double(n) * Double(fan_in)).squareRoot()
    for i in 0..<Int(n) { value[i] = largest > 0 ? rms * (w[i] / largest) / size : 0 }
}
