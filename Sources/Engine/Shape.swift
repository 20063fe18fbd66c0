/// Shapes are arrays of positive sizes; `[]` is a single number. Layout is dense and row-major.
enum Shape {
    /// Elements of a tensor; 1 for `[]`. Shapes inside a graph never overflow: `check` guards the way in.
    static func elements(_ shape: [Int]) -> Int { shape.reduce(1, *) }

    /// The largest tensor we accept: 2^40 elements, far beyond memory and far below overflow.
    static let limit = 1 << 40
    /// Plugins make tensors of 8 axes; replicas, samples and directions of derivatives add some.
    static let maxRank = 12

    /// Throws a sentence if a size is not positive, there are too many axes or the tensor is absurdly large.
    static func check(_ shape: [Int], for what: @autoclosure () -> String) throws {
        guard shape.count <= maxRank else { throw GraphError("\(what()): \(shape) has more than \(maxRank) axes") }
        var count = 1
        for size in shape {
            guard size > 0 else { throw GraphError("\(what()): \(shape) has a size below 1") }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= limit else {
                throw GraphError("\(what()): \(shape) has more than 2^40 elements")
            }
            count = product
        }
    }

    /// NumPy's rule: sizes are compared from the right; equal, or one of them 1 or absent. Nil if they do not fit.
    static func broadcast(_ a: [Int], _ b: [Int]) -> [Int]? {
        let rank = max(a.count, b.count)
        var result = [Int](repeating: 1, count: rank)
        for i in 1..<(rank + 1) {
            let x = i <= a.count ? a[a.count - i] : 1
            let y = i <= b.count ? b[b.count - i] : 1
            guard x == y || x == 1 || y == 1 else { return nil }
            result[rank - i] = max(x, y)
        }
        return result
    }

    /// An axis counted from the front, for one that may be counted from the back (-1 is the last).
    static func axis(_ axis: Int, rank: Int) -> Int? {
        let resolved = axis < 0 ? axis + rank : axis
        return (0..<rank).contains(resolved) ? resolved : nil
    }
}
