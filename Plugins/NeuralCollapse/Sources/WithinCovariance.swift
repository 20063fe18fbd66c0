import SyzygyKit

/// Adds the residuals h − μ_y of features `[n, d]`, in classes of at least `minCount` samples, to Σ r rᵀ, `scatter` `[d, d]`, and
/// their number to `samples`.
@c(collapse_add_scatter) public func addScatter(
    _ linalg: UnsafePointer<syzygy_linalg>, _ features: UnsafePointer<Double>, _ labels: UnsafePointer<Int32>,
    _ outputs: UnsafePointer<Double>, _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>, _ n: Int64,
    _ d: Int64, _ classes: Int64, _ meanRows: Int64, _ meanColumns: Int64, _ minCount: Int64,
    _ scatter: UnsafeMutablePointer<Double>, _ samples: UnsafeMutablePointer<Double>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let note = Message(message, size: messageSize)
    guard areClasses(labels, n, classes, note) else { return Status.invalid.rawValue }
    guard meanRows == classes, meanColumns == d else {
        note.write("means are [\(meanRows), \(meanColumns)], not the [\(classes), \(d)] of these features")
        return Status.invalid.rawValue
    }
    let width = Int(d), block = 256
    var residuals = [Double](repeating: 0, count: min(block, Int(n)) * width)
    var filled = 0
    func finishBlock() {
        linalg.pointee.gemm(
            linalg.pointee.context, 1, 0, d, d, Int64(filled), 1, residuals, residuals, 1, scatter)
        samples.pointee += Double(filled)
        filled = 0
    }
    for i in 0..<Int(n) where counts[Int(labels[i])] >= Double(minCount) {
        let (h, mean) = (features + i * width, means + Int(labels[i]) * width)
        residuals.withUnsafeMutableBufferPointer {
            for j in 0..<width { $0[filled * width + j] = h[j] - mean[j] }
        }
        filled += 1
        if filled == block { finishBlock() }
    }
    if filled > 0 { finishBlock() }
    return Status.ok.rawValue
}

/// Σ_W = `scatter` / `samples`.
@c(collapse_within) public func finishScatter(
    _ scatter: UnsafePointer<Double>, _ samples: UnsafePointer<Double>, _ d: Int64,
    _ value: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    guard samples.pointee > 0 else {
        Message(message, size: messageSize).write("too_few_samples")
        return Status.undefined.rawValue
    }
    for i in 0..<Int(d * d) { value[i] = scatter[i] / samples.pointee }
    return Status.ok.rawValue
}

/// 1 − Tr(Σ_T^† Σ_B)/rank Σ_B with Σ_T = Σ_W + Σ_B, from `within` `[d, d]`.
///
/// Tr(Σ_T^† Σ_B) = (1/K) Σ_i |M u_i|²/λ_i over the eigenvectors u_i of Σ_T. Its range contains that of Σ_B, so what lies below
/// d ε of the largest eigenvalue, and is left out, is rounding.
@c(variability_index) public func variabilityIndex(
    _ linalg: UnsafePointer<syzygy_linalg>, _ within: UnsafePointer<Double>, _ means: UnsafePointer<Double>,
    _ counts: UnsafePointer<Double>, _ d: Int64, _ classes: Int64, _ globalMean: Int32,
    _ vci: UnsafeMutablePointer<Double>, _ rank: UnsafeMutablePointer<Double>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize), width = Int(d)
    let used = ClassMeans(means, counts, classes: classes, width: d, overSamples: globalMean == 1)
    guard used.count >= 2, !used.coincide else {
        message.write(used.count < 2 ? "too_few_classes" : "coincident_means")
        return Status.undefined.rawValue
    }
    guard let (_, s, _) = LinearAlgebra(linalg).svd(used.centred) else {
        message.write("no_singular_values")
        return Status.undefined.rawValue
    }
    let r = min(s.prefix { $0 > 1e-6 * s[0] }.count, used.count - 1)
    var total = Array(UnsafeBufferPointer(start: within, count: width * width))
    let service = linalg.pointee, count = Double(used.count)
    service.gemm(
        service.context, 1, 0, d, d, Int64(used.count), 1 / count, used.centred.elements, used.centred.elements, 1,
        &total)
    var values = [Double](repeating: 0, count: width), vectors = [Double](repeating: 0, count: width * width)
    guard service.eigh(service.context, d, total, &values, &vectors) == SYZYGY_OK else {
        message.write("no_eigenvalues")
        return Status.undefined.rawValue
    }
    var products = [Double](repeating: 0, count: width * used.count)
    linalg.rowProducts(vectors, width, used.centred.elements, used.count, columns: width, into: &products)
    let smallest = Double(width) * 0x1p-52 * (values.last ?? 0)
    var sum = 0.0
    for i in 0..<width where values[i] > smallest {
        sum +=
            (0..<used.count).reduce(0) { $0 + products[i * used.count + $1] * products[i * used.count + $1] }
            / values[i]
    }
    vci.pointee = min(max(1 - sum / count / Double(r), 0), 1)  // beyond is rounding
    rank.pointee = Double(r)
    return Status.ok.rawValue
}
