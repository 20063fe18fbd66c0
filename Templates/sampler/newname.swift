/// Place i of epoch e is row (i + e shift) mod n.
@c @implementation
public func newname(_ epoch: Int64, _ shift: Int64, _ n: Int64, _ order: UnsafeMutablePointer<Int64>!) {
    let begin = (epoch % n) * (shift % n) % n  // no product leaves 64 bits
    for i in 0..<n { order[Int(i)] = (i + begin) % n }
}
