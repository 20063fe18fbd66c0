import Glibc

/// Rows begin ..< end of a split: points x [rows, 2] of two rings and their labels y [rows].
@c @implementation
public func newname(
    _ split: Int32, _ begin: Int64, _ end: Int64, _ radius: Double, _ x: UnsafeMutablePointer<Double>!,
    _ y: UnsafeMutablePointer<Int32>!
) {
    let goldenAngle = 2.399963229728653
    for i in begin..<end {
        let angle = goldenAngle * Double(i) + Double(split)
        let label = Int32(i % 2), row = Int(i - begin)
        let r = label == 1 ? radius : 1
        x[2 * row] = r * cos(angle)
        x[2 * row + 1] = r * sin(angle)
        y[row] = label
    }
}
