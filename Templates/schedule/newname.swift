/// 1 / (1 + step / time)
@c @implementation
public func newname(_ step: Int64, _ time: Double) -> Double { 1 / (1 + Double(step) / time) }
