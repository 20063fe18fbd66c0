import SyzygyKit

/// Adds the number of samples of each class, `labels` `[n]`, to `counts` `[classes]`. Of `outputs` only the columns matter, here
/// and below: they are the classes.
@c(collapse_add_counts) public func addCounts(
    _ labels: UnsafePointer<Int32>, _ outputs: UnsafePointer<Double>, _ n: Int64, _ classes: Int64,
    _ counts: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    guard areClasses(labels, n, classes, Message(message, size: messageSize)) else { return Status.invalid.rawValue }
    for i in 0..<Int(n) { counts[Int(labels[i])] += 1 }
    return Status.ok.rawValue
}

/// Adds the features `[n, d]` of each class to `sums` `[classes, d]`.
@c(collapse_add_sums) public func addSums(
    _ features: UnsafePointer<Double>, _ labels: UnsafePointer<Int32>, _ outputs: UnsafePointer<Double>, _ n: Int64,
    _ d: Int64, _ classes: Int64, _ sums: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>,
    _ messageSize: Int
) -> syzygy_status {
    guard areClasses(labels, n, classes, Message(message, size: messageSize)) else { return Status.invalid.rawValue }
    let width = Int(d)
    for i in 0..<Int(n) {
        let (h, sum) = (features + i * width, sums + Int(labels[i]) * width)
        for j in 0..<width { sum[j] += h[j] }
    }
    return Status.ok.rawValue
}

@c(collapse_counts) public func finishCounts(
    _ counts: UnsafePointer<Double>, _ classes: Int64, _ value: UnsafeMutablePointer<Double>
) { value.update(from: counts, count: Int(classes)) }

/// `sums` over `counts`; 0 for a class without samples.
@c(collapse_means) public func finishMeans(
    _ sums: UnsafePointer<Double>, _ counts: UnsafePointer<Double>, _ classes: Int64, _ d: Int64,
    _ value: UnsafeMutablePointer<Double>
) {
    for c in 0..<Int(classes) {
        for j in 0..<Int(d) { value[c * Int(d) + j] = sums[c * Int(d) + j] / max(counts[c], 1) }
    }
}

/// Every label must be one of the network's outputs.
func areClasses(_ labels: UnsafePointer<Int32>, _ n: Int64, _ classes: Int64, _ message: Message) -> Bool {
    guard let i = (0..<Int(n)).first(where: { labels[$0] < 0 || labels[$0] >= classes }) else { return true }
    message.write("label \(labels[i]) of a sample is not one of the network's \(classes) outputs")
    return false
}

/// The classes that are measured, and their means.
struct ClassMeans {
    /// Indices of the classes with at least `minCount` samples, ascending; the rows of everything below.
    var classes: [Int]
    var counts: [Double]
    /// Of the classes in μ_G.
    var weights: [Double]
    /// μ_c, `[K, d]`
    var means: Matrix
    /// μ_G, `[d]`
    var global: [Double]
    /// M: μ_c − μ_G, `[K, d]`
    var centred: Matrix

    /// What remains of the means below this part of their size is rounding.
    static let resolution = 1e-12

    var count: Int { classes.count }
    var samples: Double { counts.reduce(0, +) }
    /// All class means are the same point.
    var coincide: Bool { centred.squaredNorm <= Self.resolution * Self.resolution * means.squaredNorm }

    /// Of `means` `[K, d]` and `counts` `[K]` of all classes. μ_G is the mean of the class means, or with `overSamples` of the
    /// samples of the classes that are measured.
    init(
        _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>, classes: Int64, width: Int64,
        minCount: Int64 = 2, overSamples: Bool = false
    ) {
        let width = Int(width), used = (0..<Int(classes)).filter { counts[$0] >= Double(max(minCount, 1)) }
        self.classes = used
        self.counts = used.map { counts[$0] }
        self.means = rows(used, of: MatrixView(means, rows: Int(classes), columns: width))
        let total = self.counts.reduce(0, +)
        weights = self.counts.map { overSamples ? $0 / total : 1 / Double(used.count) }
        global = [Double](repeating: 0, count: width)
        for r in used.indices {
            for j in 0..<width { global[j] += weights[r] * self.means[r, j] }
        }
        centred = self.means
        for r in used.indices {
            for j in 0..<width { centred[r, j] -= global[j] }
        }
    }
}

func rows(_ indices: [Int], of a: MatrixView) -> Matrix {
    var result = Matrix(rows: indices.count, columns: a.columns)
    for (r, i) in indices.enumerated() {
        for j in 0..<a.columns { result[r, j] = a[i, j] }
    }
    return result
}
