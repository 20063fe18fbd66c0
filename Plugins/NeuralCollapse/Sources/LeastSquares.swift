import SyzygyKit

/// The loss ½ mean ‖W h + b − y‖² + (λ/2)(‖W‖² + ‖b‖²) of one-hot y in three parts, around the classifier w, v that is best for
/// these features (Han, Papyan, Donoho):
///
///     of NC1:   ½ (Tr w (Σ_W + λI) wᵀ + λ|v|²)
///     of NC2/3: ½ Σ_c p_c |w μ_c + v − e_c|²
///     the rest: what (W, b) loses against (w, v); 0 on the central path
///
/// with p_c the share of class c. With `bias` nil v is 0. Of several best classifiers w is the smallest: eigenvalues below d ε of the
/// largest are rounding.
@c(central_path_loss) public func centralPathLoss(
    _ linalg: UnsafePointer<syzygy_linalg>, _ within: UnsafePointer<Double>, _ means: UnsafePointer<Double>,
    _ counts: UnsafePointer<Double>, _ weights: UnsafePointer<Double>, _ bias: UnsafePointer<Double>?, _ d: Int64,
    _ classes: Int64, _ weightDecay: Double, _ loss: UnsafeMutablePointer<Double>,
    _ ofNC1: UnsafeMutablePointer<Double>, _ ofNC23: UnsafeMutablePointer<Double>,
    _ rest: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize), width = Int(d)
    let used = ClassMeans(means, counts, classes: classes, width: d, overSamples: true)
    guard used.count >= 2 else {
        message.write("too_few_classes")
        return Status.undefined.rawValue
    }
    let (service, shares) = (linalg.pointee, used.weights)
    // A = E[h hᵀ] − μ μᵀ/(1 + λ) + λI, or without bias E[h hᵀ] + λI.
    var a = Array(UnsafeBufferPointer(start: within, count: width * width))
    var scaled = used.means
    for c in 0..<used.count {
        for j in 0..<width { scaled[c, j] *= shares[c] }
    }
    service.gemm(service.context, 1, 0, d, d, Int64(used.count), 1, scaled.elements, used.means.elements, 1, &a)
    let shrink = bias == nil ? 0 : 1 / (1 + weightDecay)
    for i in 0..<width {
        for j in 0..<width { a[i * width + j] -= shrink * used.global[i] * used.global[j] }
        a[i * width + i] += weightDecay
    }
    var values = [Double](repeating: 0, count: width), vectors = a
    guard service.eigh(service.context, d, a, &values, &vectors) == SYZYGY_OK else {
        message.write("no_eigenvalues")
        return Status.undefined.rawValue
    }
    // w = (E[y hᵀ] − p μᵀ/(1 + λ)) A⁻¹, by the eigenvectors u of A.
    var target = scaled
    for c in 0..<used.count {
        for j in 0..<width { target[c, j] -= shrink * shares[c] * used.global[j] }
    }
    var products = Matrix(rows: used.count, columns: width)
    linalg.rowProducts(target.elements, used.count, vectors, width, columns: width, into: &products.elements)
    let smallest = Double(width) * 0x1p-52 * (values.last ?? 0)
    for j in 0..<width {
        for c in 0..<used.count { products[c, j] = values[j] > smallest ? products[c, j] / values[j] : 0 }
    }
    var best = Affine(weight: Matrix(rows: used.count, columns: width), bias: [])
    service.gemm(
        service.context, 0, 0, Int64(used.count), d, d, 1, products.elements, vectors, 0, &best.weight.elements)
    for c in 0..<used.count {
        let logit = (0..<width).reduce(0) { $0 + best.weight[c, $1] * used.global[$1] }
        best.bias.append(shrink * (shares[c] - logit))
    }
    let own = Affine(
        weight: rows(used.classes, of: MatrixView(weights, rows: Int(classes), columns: width)),
        bias: used.classes.map { bias?[$0] ?? 0 })
    var difference = own
    for k in own.weight.elements.indices { difference.weight.elements[k] -= best.weight.elements[k] }
    for c in own.bias.indices { difference.bias[c] -= best.bias[c] }

    func penalty(_ f: Affine) -> Double { (f.scatter(within) + weightDecay * f.squaredNorm) / 2 }
    loss.pointee = penalty(own) + own.error(used, target: 1)
    ofNC1.pointee = penalty(best)
    ofNC23.pointee = best.error(used, target: 1)
    rest.pointee = penalty(difference) + difference.error(used, target: 0)
    return Status.ok.rawValue
}

private struct Affine {
    /// `[K, d]`
    var weight: Matrix
    var bias: [Double]

    var squaredNorm: Double { weight.squaredNorm + bias.reduce(0) { $0 + $1 * $1 } }

    /// Tr W Σ Wᵀ
    func scatter(_ covariance: UnsafePointer<Double>) -> Double {
        let width = weight.columns
        var sum = 0.0
        for c in 0..<weight.rows {
            for i in 0..<width {
                sum += weight[c, i] * (0..<width).reduce(0) { $0 + covariance[i * width + $1] * weight[c, $1] }
            }
        }
        return sum
    }

    /// ½ Σ_c p_c |W μ_c + b − target e_c|²
    func error(_ means: ClassMeans, target: Double) -> Double {
        var sum = 0.0
        for c in 0..<means.count {
            for k in 0..<weight.rows {
                let output = (0..<weight.columns).reduce(bias[k]) { $0 + weight[k, $1] * means.means[c, $1] }
                let error = output - (k == c ? target : 0)
                sum += means.weights[c] * error * error
            }
        }
        return sum / 2
    }
}

/// Mean over the classes of |cos(μ_c, μ)| with the mean μ of other samples, `other` `[d]` (NC5).
@c(out_of_distribution) public func outOfDistribution(
    _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>, _ other: UnsafePointer<Double>, _ d: Int64,
    _ classes: Int64, _ minCount: Int64, _ nc5: UnsafeMutablePointer<Double>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize), width = Int(d)
    let used = ClassMeans(means, counts, classes: classes, width: d, minCount: minCount)
    guard used.count > 0 else {
        message.write("too_few_classes")
        return Status.undefined.rawValue
    }
    func norm(_ x: (Int) -> Double) -> Double { (0..<width).reduce(0) { $0 + x($1) * x($1) }.squareRoot() }
    let size = norm { other[$0] }, norms = (0..<used.count).map { c in norm { used.means[c, $0] } }
    guard size > 0, norms.allSatisfy({ $0 > 0 }) else {
        message.write("zero_mean")
        return Status.undefined.rawValue
    }
    nc5.pointee =
        (0..<used.count).map { c in
            min(abs((0..<width).reduce(0) { $0 + used.means[c, $1] * other[$1] }) / (norms[c] * size), 1)
        }.mean
    return Status.ok.rawValue
}
