import SyzygyKit

/// Neural collapse of the penultimate features after both passes; ../README.md has every formula.
///
/// `means` `[K, d]` and `counts` `[K]` of all classes, `weights` `[K, d]`, `bias` `[K]` or nil, and what `addResiduals` has left.
/// The host fills results with NaN beforehand; a result without value keeps it and the reason goes to `message`.
@c(neural_collapse) public func neuralCollapse(
    _ linalg: UnsafePointer<syzygy_linalg>, _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>,
    _ weights: UnsafePointer<Double>, _ bias: UnsafePointer<Double>?, _ d: Int64, _ classCount: Int64,
    _ minCount: Int64, _ globalMean: Int32, _ basis: UnsafeMutablePointer<Double>,
    _ squares: UnsafeMutablePointer<Double>, _ pairs: UnsafeMutablePointer<Double>,
    _ counters: UnsafeMutablePointer<Int64>, _ classes: UnsafeMutablePointer<Double>,
    _ rank: UnsafeMutablePointer<Double>, _ nc1: UnsafeMutablePointer<Double>,
    _ nc1Quotient: UnsafeMutablePointer<Double>, _ nc1CDNV: UnsafeMutablePointer<Double>,
    _ equinormMeans: UnsafeMutablePointer<Double>, _ equinormWeights: UnsafeMutablePointer<Double>,
    _ angleMeans: UnsafeMutablePointer<Double>, _ angleWeights: UnsafeMutablePointer<Double>,
    _ frameMeans: UnsafeMutablePointer<Double>, _ frameWeights: UnsafeMutablePointer<Double>,
    _ nc3: UnsafeMutablePointer<Double>,
    _ nc3CentredWeights: UnsafeMutablePointer<Double>, _ nc3Structure: UnsafeMutablePointer<Double>,
    _ meanLogit: UnsafeMutablePointer<Double>,
    _ nc4: UnsafeMutablePointer<Double>, _ nccError: UnsafeMutablePointer<Double>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize)
    let used = ClassMeans(
        means, counts, classes: classCount, width: d, minCount: minCount, overSamples: globalMean == 1)
    classes.pointee = Double(used.count)
    guard used.count >= 2 else {
        message.write("too_few_classes")
        return Status.ok.rawValue
    }
    let collapse = Collapse(
        used,
        Residuals(
            basis: basis, squares: squares, pairs: pairs, counters: counters, classes: classCount, width: d),
        linalg: LinearAlgebra(linalg))
    var results = Results()
    guard
        collapse.write(
            rank: rank, nc1, nc1Quotient, nc1CDNV, nc4: nc4, nccError: nccError, to: &results)
    else {
        message.write("no_singular_values")
        return Status.ok.rawValue
    }
    let linalg = LinearAlgebra(linalg)

    // NC2: K = 2 centred means are opposite by construction, which says nothing.
    collapse.writeGeometry(equinormMeans, angleMeans, frameMeans, linalg, to: &results)
    let classifier = rows(used.classes, of: MatrixView(weights, rows: Int(classCount), columns: Int(d)))
    let aroundWeights = Geometry(classifier, linalg: linalg)
    results.set(equinormWeights, aroundWeights.equinorm, else: "zero_weight")
    results.set(angleWeights, aroundWeights.equiangularity, else: "zero_weight")
    results.set(frameWeights, aroundWeights.frameError, else: "zero_weight")

    // NC3
    let absent = used.coincide ? "coincident_means" : "zero_weight"
    let target = used.coincide ? Matrix(rows: used.count, columns: Int(d)) : used.centred
    results.set(nc3, selfDuality(classifier, target), else: absent)
    results.set(
        nc3CentredWeights, selfDuality(centred(classifier), target),
        else: used.coincide || classifier.squaredNorm == 0 ? absent : "equal_weights")
    results.set(nc3Structure, Geometry.frameError(linalg.rowProducts(classifier, target)), else: absent)
    meanLogit.pointee = norm(of: used.global, through: classifier, plus: used.classes.map { bias?[$0] ?? 0 })

    results.write(to: message)
    return Status.ok.rawValue
}

/// The same of any layer's input, without a classifier.
@c(layer_collapse) public func layerCollapse(
    _ linalg: UnsafePointer<syzygy_linalg>, _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>,
    _ d: Int64, _ classCount: Int64, _ minCount: Int64, _ globalMean: Int32,
    _ basis: UnsafeMutablePointer<Double>,
    _ squares: UnsafeMutablePointer<Double>, _ pairs: UnsafeMutablePointer<Double>,
    _ counters: UnsafeMutablePointer<Int64>, _ classes: UnsafeMutablePointer<Double>,
    _ rank: UnsafeMutablePointer<Double>,
    _ nc1: UnsafeMutablePointer<Double>, _ nc1Quotient: UnsafeMutablePointer<Double>,
    _ nc1CDNV: UnsafeMutablePointer<Double>, _ equinorm: UnsafeMutablePointer<Double>,
    _ angle: UnsafeMutablePointer<Double>, _ frame: UnsafeMutablePointer<Double>, _ nc4: UnsafeMutablePointer<Double>,
    _ nccError: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize)
    let used = ClassMeans(
        means, counts, classes: classCount, width: d, minCount: minCount, overSamples: globalMean == 1)
    classes.pointee = Double(used.count)
    guard used.count >= 2 else {
        message.write("too_few_classes")
        return Status.ok.rawValue
    }
    let collapse = Collapse(
        used,
        Residuals(
            basis: basis, squares: squares, pairs: pairs, counters: counters, classes: classCount, width: d),
        linalg: LinearAlgebra(linalg))
    var results = Results()
    guard collapse.write(rank: rank, nc1, nc1Quotient, nc1CDNV, nc4: nc4, nccError: nccError, to: &results) else {
        message.write("no_singular_values")
        return Status.ok.rawValue
    }
    collapse.writeGeometry(equinorm, angle, frame, LinearAlgebra(linalg), to: &results)
    results.write(to: message)
    return Status.ok.rawValue
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
