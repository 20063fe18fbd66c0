import SyzygyKit

/// Neural collapse of the penultimate features; ../README.md has every formula.
///
/// `features` `[n, d]`, `labels` `[n]`, `weights` `[K, d]`, `bias` `[K]` or nil, `outputs` `[n, K]` (the network's logits).
/// The host fills results with NaN beforehand; a result without value keeps it and the reason goes to `message`.
@c(neural_collapse) public func neuralCollapse(
    _ linalg: UnsafePointer<syzygy_linalg>, _ features: UnsafePointer<Double>, _ labels: UnsafePointer<Int32>,
    _ weights: UnsafePointer<Double>, _ bias: UnsafePointer<Double>?, _ outputs: UnsafePointer<Double>, _ n: Int64,
    _ d: Int64, _ classCount: Int64, _ minCount: Int64, _ globalMean: Int32, _ classes: UnsafeMutablePointer<Double>,
    _ rank: UnsafeMutablePointer<Double>, _ nc1: UnsafeMutablePointer<Double>,
    _ nc1Quotient: UnsafeMutablePointer<Double>,
    _ nc1CDNV: UnsafeMutablePointer<Double>, _ equinormMeans: UnsafeMutablePointer<Double>,
    _ equinormWeights: UnsafeMutablePointer<Double>, _ angleMeans: UnsafeMutablePointer<Double>,
    _ angleWeights: UnsafeMutablePointer<Double>, _ frameMeans: UnsafeMutablePointer<Double>,
    _ frameWeights: UnsafeMutablePointer<Double>, _ nc3: UnsafeMutablePointer<Double>,
    _ nc3CentredWeights: UnsafeMutablePointer<Double>, _ nc3Structure: UnsafeMutablePointer<Double>,
    _ meanLogit: UnsafeMutablePointer<Double>, _ nc4: UnsafeMutablePointer<Double>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize)
    let classCount = Int(classCount)
    for i in 0..<Int(n) where labels[i] < 0 || labels[i] >= classCount {
        message.write("label \(labels[i]) of sample \(i) is not one of the network's \(classCount) outputs")
        return Status.invalid.rawValue
    }
    let features = MatrixView(features, rows: Int(n), columns: Int(d))
    let linalg = LinearAlgebra(linalg)
    let means = ClassMeans(
        features: features, labels: labels, classCount: classCount, minCount: Int(minCount),
        overSamples: globalMean == 1)
    classes.pointee = Double(means.count)
    var results = Results()
    guard means.count >= 2 else {
        message.write("too_few_classes")
        return Status.ok.rawValue
    }

    // NC1 and NC4
    let logits = MatrixView(outputs, rows: Int(n), columns: classCount)
    guard let within = Variability(features: features, labels: labels, outputs: logits, means: means, linalg: linalg)
    else {
        message.write("no_singular_values")
        return Status.ok.rawValue
    }
    rank.pointee = Double(within.rank)
    nc4.pointee = within.mismatch
    results.set(nc1, within.ratio, else: "coincident_means")
    results.set(nc1CDNV, within.classDistanceNormalizedVariance(means), else: "coincident_means")
    let between = means.centred.squaredNorm / Double(means.count)
    results.set(nc1Quotient, means.coincide ? nil : within.trace / between, else: "coincident_means")

    // NC2: K = 2 centred means are opposite by construction, which says nothing.
    let reason = means.coincide ? "coincident_means" : "two_classes"
    let aroundMeans = means.coincide || means.count == 2 ? nil : Geometry(means.centred, linalg: linalg)
    results.set(equinormMeans, aroundMeans?.equinorm, else: reason)
    results.set(angleMeans, aroundMeans?.equiangularity, else: aroundMeans == nil ? reason : "central_class_mean")
    results.set(frameMeans, aroundMeans?.frameError, else: reason)
    let classifier = rows(means.classes, of: MatrixView(weights, rows: classCount, columns: Int(d)))
    let aroundWeights = Geometry(classifier, linalg: linalg)
    results.set(equinormWeights, aroundWeights.equinorm, else: "zero_weight")
    results.set(angleWeights, aroundWeights.equiangularity, else: "zero_weight")
    results.set(frameWeights, aroundWeights.frameError, else: "zero_weight")

    // NC3
    let absent = means.coincide ? "coincident_means" : "zero_weight"
    let target = means.coincide ? Matrix(rows: means.count, columns: Int(d)) : means.centred
    results.set(nc3, selfDuality(classifier, target), else: absent)
    results.set(
        nc3CentredWeights, selfDuality(centred(classifier), target),
        else: means.coincide || classifier.squaredNorm == 0 ? absent : "equal_weights")
    results.set(nc3Structure, Geometry.frameError(linalg.rowProducts(classifier, target)), else: absent)
    meanLogit.pointee = norm(of: means.global, through: classifier, plus: means.classes.map { bias?[$0] ?? 0 })

    if !results.reasons.isEmpty { message.write(results.reasons.joined(separator: "_and_")) }
    return Status.ok.rawValue
}

/// Writes results, and keeps the reasons of those that have no value, each once.
private struct Results {
    var reasons: [String] = []

    mutating func set(_ place: UnsafeMutablePointer<Double>, _ value: Double?, else reason: String) {
        if let value {
            place.pointee = value
        } else if !reasons.contains(reason) {
            reasons.append(reason)
        }
    }
}

private func rows(_ indices: [Int], of a: MatrixView) -> Matrix {
    var result = Matrix(rows: indices.count, columns: a.columns)
    for (r, i) in indices.enumerated() {
        for j in 0..<a.columns { result[r, j] = a[i, j] }
    }
    return result
}

/// A minus the mean of its rows; exactly zero if what is left is rounding.
private func centred(_ a: Matrix) -> Matrix {
    var result = a
    for j in 0..<a.columns {
        let mean = (0..<a.rows).reduce(0) { $0 + a[$1, j] } / Double(a.rows)
        for i in 0..<a.rows { result[i, j] -= mean }
    }
    let smallest = ClassMeans.resolution * ClassMeans.resolution * a.squaredNorm
    return result.squaredNorm > smallest ? result : Matrix(rows: a.rows, columns: a.columns)
}

/// ‖A x + b‖₂
private func norm(of x: [Double], through a: Matrix, plus b: [Double]) -> Double {
    var sum = 0.0
    for i in 0..<a.rows {
        let y = x.indices.reduce(b[i]) { $0 + a[i, $1] * x[$1] }
        sum += y * y
    }
    return sum.squareRoot()
}
