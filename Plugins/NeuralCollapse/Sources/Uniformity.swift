import SyzygyKit

#if canImport(Glibc)
    import Glibc
#endif

/// How evenly the directions of class means and classifier spread, also where there are too many classes for a simplex or unequal
/// ones: `means` `[K, d]`, `counts` `[K]`, `weights` `[K, d]`.
@c(collapse_uniformity) public func uniformity(
    _ linalg: UnsafePointer<syzygy_linalg>, _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>,
    _ weights: UnsafePointer<Double>, _ d: Int64, _ classCount: Int64, _ minCount: Int64, _ globalMean: Int32,
    _ rieszExponent: Double, _ leftOut: UnsafeMutablePointer<Double>, _ spreadMeans: UnsafeMutablePointer<Double>,
    _ spreadWeights: UnsafeMutablePointer<Double>, _ gnc2Distance: UnsafeMutablePointer<Double>,
    _ gnc2Log: UnsafeMutablePointer<Double>, _ gnc2Riesz: UnsafeMutablePointer<Double>,
    _ unc3: UnsafeMutablePointer<Double>, _ unc3Cosine: UnsafeMutablePointer<Double>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let message = Message(message, size: messageSize), linalg = LinearAlgebra(linalg)
    let used = ClassMeans(
        means, counts, classes: classCount, width: d, minCount: minCount, overSamples: globalMean == 1)
    leftOut.pointee = Double(Int(classCount) - used.count)
    guard used.count >= 2 else {
        message.write("too_few_classes")
        return Status.ok.rawValue
    }
    var results = Results()
    let aroundMeans = used.reason == nil ? Geometry(used.centred, linalg: linalg) : nil
    results.set(spreadMeans, aroundMeans?.cosineSpread, else: used.reason ?? "central_class_mean")
    for (place, kernel) in [
        (gnc2Distance, { $0 }), (gnc2Log, { -log($0) }), (gnc2Riesz, { pow($0, -rieszExponent) }),
    ] as [(UnsafeMutablePointer<Double>, (Double) -> Double)] {
        let isCentral = aroundMeans?.cosineSpread == nil
        results.set(
            place, aroundMeans?.kernelVariance(kernel),
            else: used.reason ?? (isCentral ? "central_class_mean" : "equal_directions"))
    }
    let classifier = rows(used.classes, of: MatrixView(weights, rows: Int(classCount), columns: Int(d)))
    let aroundWeights = Geometry(classifier, linalg: linalg)
    results.set(
        spreadWeights, used.count == 2 ? nil : aroundWeights.cosineSpread,
        else: used.count == 2 ? "two_classes" : "zero_weight")
    let products = linalg.rowProducts(classifier, used.centred)
    unc3.pointee = (0..<used.count).map { products[$0, $0] }.variance
    let sizes = zip(aroundWeights.norms, Geometry(used.centred, linalg: linalg).norms).map { $0 * $1 }
    let isZero = used.coincide || sizes.contains { $0 <= 0 }
    results.set(
        unc3Cosine, isZero ? nil : sizes.indices.map { products[$0, $0] / sizes[$0] }.variance,
        else: used.coincide ? "coincident_means" : classifier.squaredNorm == 0 ? "zero_weight" : "zero_row")
    results.write(to: message)
    return Status.ok.rawValue
}
