/// y = x / sqrt(1 + (x/scale)^2)
func value<T: BinaryFloatingPoint>(
    _ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>, _ n: Int64, _ scale: T
) {
    for i in 0..<Int(n) { y[i] = x[i] / (1 + (x[i] / scale) * (x[i] / scale)).squareRoot() }
}

/// Its derivative, (1 + (x/scale)^2)^(-3/2).
func slope<T: BinaryFloatingPoint>(
    _ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>, _ n: Int64, _ scale: T
) {
    for i in 0..<Int(n) {
        let square = 1 + (x[i] / scale) * (x[i] / scale)
        y[i] = 1 / (square * square.squareRoot())
    }
}

@c @implementation
public func newname_f32(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ n: Int64, _ scale: Double) {
    value(x, y, n, Float(scale))
}

@c @implementation
public func newname_f64(_ x: UnsafePointer<Double>!, _ y: UnsafeMutablePointer<Double>!, _ n: Int64, _ scale: Double)
{
    value(x, y, n, scale)
}

@c @implementation
public func newname_slope_f32(
    _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ n: Int64, _ scale: Double
) { slope(x, y, n, Float(scale)) }

@c @implementation
public func newname_slope_f64(
    _ x: UnsafePointer<Double>!, _ y: UnsafeMutablePointer<Double>!, _ n: Int64, _ scale: Double
) { slope(x, y, n, scale) }
