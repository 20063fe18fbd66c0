import SyzygyKit

/// Gradient flow of free features under the classifier that is best for them at every moment (Tirer, Huang, Niles-Weed), in Euler
/// steps: Ḣ = −Wᵀ(W H − Y) with W = Y Hᵀ (H Hᵀ + n λ I)⁻¹, n = N/K. `features` `[N, d]` are where H begins, sample by sample;
/// `labels` are N classes or, `[N, K]`, rows that are largest there.
@c(central_path) public func centralPath(
    _ linalg: UnsafePointer<syzygy_linalg>, _ record: UnsafePointer<syzygy_record>,
    _ features: UnsafePointer<Double>, _ labels: UnsafePointer<Double>, _ n: Int64, _ d: Int64, _ classes: Int64,
    _ labelCount: Int64, _ weightDecay: Double, _ stepSize: Double, _ steps: Int64, _ every: Int64,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let samples = Int(n), width = Int(d), classCount = Int(classes),
        (record, service) = (record.pointee, linalg.pointee)
    let labels = (0..<samples).map { i in
        guard labelCount != n else { return Int(labels[i]) }
        return (0..<classCount).max { labels[i * classCount + $0] < labels[i * classCount + $1] } ?? 0
    }
    var counts = [Double](repeating: 0, count: classCount)
    for y in labels {
        guard counts.indices.contains(y) else {
            Message(message, size: messageSize).write("label \(y) is not one of \(classCount) classes")
            return Status.invalid.rawValue
        }
        counts[y] += 1
    }
    var path = Features(
        h: Array(UnsafeBufferPointer(start: features, count: samples * width)), labels: labels, counts: counts,
        width: width, decay: Double(samples) / Double(classCount) * weightDecay)

    func put(_ step: Int64, _ output: String, _ value: Double?, else reason: String = "") {
        if var value {
            _ = record.values(record.context, step, output, &value, 1)
        } else {
            _ = record.undefined(record.context, step, output, reason)
        }
    }
    let first = path.quotient()
    var (last, increases) = (first, 0.0)
    for step in 0...steps {
        guard path.classify(service) else {
            Message(message, size: messageSize).write(
                "H Hᵀ + n λ I is singular at step \(step): give weight_decay > 0")
            return Status.invalid.rawValue
        }
        if step % every == 0 {
            put(step, "quotient", last, else: "coincident_means")
            put(step, "loss", path.loss)
            put(
                step, "ratio", last.flatMap { last in first.flatMap { $0 > 0 ? last / $0 : nil } },
                else: first == 0 ? "no_variability" : "coincident_means")
            put(step, "increases", increases)
        }
        if record.progress(record.context, step) != SYZYGY_OK { return Status.cancelled.rawValue }
        if step == steps { break }
        path.move(stepSize, service)
        let next = path.quotient()
        if let before = last, let next, next >= before { increases += 1 }
        last = next
    }
    return Status.ok.rawValue
}

private struct Features {
    /// `[N, d]`
    var h: [Double]
    let labels: [Int]
    let counts: [Double]
    let width: Int
    /// n λ
    let decay: Double
    /// Wᵀ, `[d, K]`
    private var classifier: [Double] = []
    /// W h − y, `[N, K]`
    private var errors: [Double] = []

    init(h: [Double], labels: [Int], counts: [Double], width: Int, decay: Double) {
        (self.h, self.labels, self.counts, self.width, self.decay) = (h, labels, counts, width, decay)
    }

    private var classes: Int { counts.count }

    /// The best classifier, and its errors. False if there is not one.
    mutating func classify(_ linalg: syzygy_linalg) -> Bool {
        let (n, d, k) = (Int64(labels.count), Int64(width), Int64(classes))
        var gram = [Double](repeating: 0, count: width * width)
        linalg.gemm(linalg.context, 1, 0, d, d, n, 1, h, h, 0, &gram)
        for j in 0..<width { gram[j * width + j] += decay }
        classifier = [Double](repeating: 0, count: width * classes)
        for (i, y) in labels.enumerated() {
            for j in 0..<width { classifier[j * classes + y] += h[i * width + j] }
        }
        guard linalg.cholesky_solve(linalg.context, d, k, gram, &classifier) == SYZYGY_OK else { return false }
        errors = [Double](repeating: 0, count: labels.count * classes)
        linalg.gemm(linalg.context, 0, 0, n, k, d, 1, h, classifier, 0, &errors)
        for (i, y) in labels.enumerated() { errors[i * classes + y] -= 1 }
        return true
    }

    mutating func move(_ step: Double, _ linalg: syzygy_linalg) {
        linalg.gemm(
            linalg.context, 0, 1, Int64(labels.count), Int64(width), Int64(classes), -step, errors, classifier, 1, &h)
    }

    /// (1/2N) ‖W H − Y‖² + (λ/2K) ‖W‖²
    var loss: Double {
        let squares = errors.reduce(0) { $0 + $1 * $1 } + decay * classifier.reduce(0) { $0 + $1 * $1 }
        return squares / (2 * Double(labels.count))
    }

    /// Tr Σ_W/Tr Σ_B, nil if the class means are one point.
    func quotient() -> Double? {
        var means = [Double](repeating: 0, count: classes * width)
        for (i, y) in labels.enumerated() {
            for j in 0..<width { means[y * width + j] += h[i * width + j] / counts[y] }
        }
        var within = 0.0
        for (i, y) in labels.enumerated() {
            for j in 0..<width {
                let residual = h[i * width + j] - means[y * width + j]
                within += residual * residual
            }
        }
        let used = counts.indices.filter { counts[$0] > 0 }
        var between = 0.0, size = 0.0
        for j in 0..<width {
            let centre = used.reduce(0) { $0 + means[$1 * width + j] } / Double(used.count)
            for c in used {
                let difference = means[c * width + j] - centre
                between += difference * difference
                size += means[c * width + j] * means[c * width + j]
            }
        }
        guard between > ClassMeans.resolution * ClassMeans.resolution * size else { return nil }
        return within / Double(labels.count) / (between / Double(used.count))
    }
}
