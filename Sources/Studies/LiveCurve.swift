/// A series of a run that grows, with at most `limit` points: when there are more, every second is dropped, and from then on of those that come. Runs
/// with the same steps keep the same ones.
package struct LiveCurve: Sendable {
    package private(set) var steps: [Int32] = []
    /// NaN where there is no value.
    package private(set) var values: [Double] = []
    /// The newest point, kept or not.
    package private(set) var last: (step: Int32, value: Double) = (-1, .nan)
    /// Why the newest value that is missing is.
    package private(set) var reason = ""
    private var stride = 1
    private var count = 0

    package static let limit = 512

    package init() {}

    /// - Parameter value: NaN where there is none, and then `reason`.
    package mutating func append(step: Int, value: Double, reason: String = "") {
        last = (Int32(clamping: step), value)
        if value.isNaN { self.reason = reason }
        defer { count += 1 }
        guard count % stride == 0 else { return }
        steps.append(last.step)
        values.append(value)
        guard steps.count > Self.limit else { return }
        steps = Swift.stride(from: 0, to: steps.count, by: 2).map { steps[$0] }
        values = Swift.stride(from: 0, to: values.count, by: 2).map { values[$0] }
        stride *= 2
    }

    /// The kept points and the newest.
    package var points: (steps: [Int32], values: [Double]) {
        guard let end = steps.last, end != last.step else { return (steps, values) }
        return (steps + [last.step], values + [last.value])
    }
}
