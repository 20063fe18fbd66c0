/// v <- beta v + g, then w <- w - lr v.
func step<T: BinaryFloatingPoint>(
    _ w: UnsafeMutablePointer<T>, _ g: UnsafePointer<T>, _ v: UnsafeMutablePointer<T>, _ n: Int64, _ lr: T, _ beta: T
) {
    for i in 0..<Int(n) {
        v[i] = beta * v[i] + g[i]
        w[i] -= lr * v[i]
    }
}

@c @implementation
public func newname_f32(
    _ w: UnsafeMutablePointer<Float>!, _ g: UnsafePointer<Float>!, _ v: UnsafeMutablePointer<Float>!, _ n: Int64,
    _ lr: Double, _ beta: Double
) { step(w, g, v, n, Float(lr), Float(beta)) }

@c @implementation
public func newname_f64(
    _ w: UnsafeMutablePointer<Double>!, _ g: UnsafePointer<Double>!, _ v: UnsafeMutablePointer<Double>!, _ n: Int64,
    _ lr: Double, _ beta: Double
) { step(w, g, v, n, lr, beta) }
