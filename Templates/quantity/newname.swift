/// The mean of |x| of each neuron, x: [n, d].
@c @implementation
public func newname(
    _ x: UnsafePointer<Double>!, _ n: Int64, _ d: Int64, _ floor: Double, _ value: UnsafeMutablePointer<Double>!
) {
    let (n, d) = (Int(n), Int(d))
    for j in 0..<d {
        var sum = 0.0
        for i in 0..<n {
            let size = abs(x[i * d + j])
            if size > floor { sum += size }
        }
        value[j] = sum / Double(n)
    }
}

/// The fraction of neurons without any activity.
@c @implementation
public func newname_silent(_ activity: UnsafePointer<Double>!, _ d: Int64) -> Double {
    var silent = 0
    for j in 0..<Int(d) where activity[j] == 0 { silent += 1 }
    return Double(silent) / Double(d)
}
