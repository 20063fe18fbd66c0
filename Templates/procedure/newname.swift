/// x <- (x + number / x) / 2, from x = number; records root x and error x^2 - number of every step.
@c @implementation
public func newname(_ number: Double, _ iterations: Int64, _ record: UnsafePointer<syzygy_record>!) -> Int32 {
    let record = record.pointee
    var x = number
    for step in 0...iterations {
        var error = x * x - number
        _ = record.values(record.context, step, "root", &x, 1)
        _ = record.values(record.context, step, "error", &error, 1)
        guard record.progress(record.context, step) == SYZYGY_OK else { return Int32(SYZYGY_CANCELLED) }
        x = (x + number / x) / 2
    }
    return Int32(SYZYGY_OK)
}
