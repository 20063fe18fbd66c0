/// The fraction of entries of x with |x| <= threshold.
@c @implementation
public func newname(
    _ x: UnsafePointer<Double>!, _ n: Int64, _ threshold: Double, _ fraction: UnsafeMutablePointer<Double>!
) {
    var small = 0
    for i in 0..<Int(n) where abs(x[i]) <= threshold { small += 1 }
    fraction.pointee = Double(small) / Double(n)
}
