import SyzygyKit

/// What the pass after the means collects, of residuals r = h − μ_y: all that NC1 and NC4 need without a d × d matrix.
///
/// `basis` `[K, d]` has `rank` orthonormal rows that span the differences of the means; a row of `coordinates` `[K, K]` is
/// where a class mean lies in it, and `distances` `[K, K]` are ‖μ_a − μ_b‖². They are made in the first pass. `squares` `[K]`
/// are Σ ‖r‖² of each class, `scatter` `[K, K]` is Σ (Br)(Br)ᵀ.
struct Residuals {
    let basis, squares, coordinates, distances, scatter: UnsafeMutablePointer<Double>
    /// The rank plus 1, which is 0 before the first pass; samples whose nearest mean is of another class than they are; samples
    /// whose nearest mean is of another class than the network says.
    let counters: UnsafeMutablePointer<Int64>
    let classes: Int
    let width: Int

    /// `pairs` `[3, K, K]` holds coordinates, distances and scatter.
    init(
        basis: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>,
        pairs: UnsafeMutablePointer<Double>, counters: UnsafeMutablePointer<Int64>, classes: Int64, width: Int64
    ) {
        (self.basis, self.squares, self.counters) = (basis, squares, counters)
        (self.classes, self.width) = (Int(classes), Int(width))
        let size = self.classes * self.classes
        (coordinates, distances, scatter) = (pairs, pairs + size, pairs + 2 * size)
    }

    var rank: Int { Int(counters[0]) - 1 }

    /// False if LAPACK does not converge.
    func prepare(_ means: ClassMeans, _ linalg: UnsafePointer<syzygy_linalg>) -> Bool {
        guard counters[0] == 0 else { return true }
        counters[0] = 1
        guard means.count >= 2, !means.coincide else { return true }
        guard let (u, s, vt) = LinearAlgebra(linalg).svd(means.centred) else { return false }
        let rank = min(s.prefix { $0 > ClassMeans.resolution * s[0] }.count, means.count - 1)
        for j in 0..<rank {
            for k in 0..<width { basis[j * width + k] = vt[j, k] }
            for (r, c) in means.classes.enumerated() { coordinates[c * classes + j] = u[r, j] * s[j] }
        }
        for a in 0..<classes {
            for b in 0..<classes {
                distances[a * classes + b] = (0..<rank).reduce(0) {
                    let difference = coordinates[a * classes + $1] - coordinates[b * classes + $1]
                    return $0 + difference * difference
                }
            }
        }
        counters[0] = Int64(rank) + 1
        return true
    }

    /// Takes rows in; O(d rank + K rank) for each.
    func add(
        _ features: UnsafePointer<Double>, _ labels: UnsafePointer<Int32>, _ outputs: UnsafePointer<Double>,
        rows n: Int,
        _ means: ClassMeans, _ linalg: UnsafePointer<syzygy_linalg>
    ) {
        let block = 128, rank = rank
        let places = (0..<classes).flatMap { c in (0..<rank).map { coordinates[c * classes + $0] } }
        var row = [Int?](repeating: nil, count: classes)
        for (r, c) in means.classes.enumerated() { row[c] = r }
        var residuals = [Double](repeating: 0, count: block * width)
        var projected = [Double](repeating: 0, count: block * max(rank, 1))
        var products = [Double](repeating: 0, count: block * classes)
        var members: [Int] = []
        members.reserveCapacity(block)

        func finishBlock() {
            let count = members.count
            linalg.rowProducts(residuals, count, basis, rank, columns: width, into: &projected)
            linalg.rowProducts(projected, count, places, classes, columns: rank, into: &products)
            linalg.addSquare(projected, count, columns: rank, stride: classes, into: scatter)
            for (k, i) in members.enumerated() {
                let own = Int(labels[i])
                var nearest = own, smallest = Double.infinity
                for c in means.classes {
                    // ‖h − μ_c‖² − ‖r‖² = 2 r·(μ_y − μ_c) + ‖μ_y − μ_c‖²; ties go to the lowest index.
                    let product = products[k * classes + own] - products[k * classes + c]
                    let distance = 2 * product + distances[own * classes + c]
                    if distance < smallest { (nearest, smallest) = (c, distance) }
                }
                if nearest != own { counters[1] += 1 }
                if nearest != largest(outputs + i * classes, classes) { counters[2] += 1 }
            }
            members.removeAll(keepingCapacity: true)
        }
        for i in 0..<n {
            let c = Int(labels[i])
            guard let r = row[c] else { continue }
            let h = features + i * width, place = members.count * width
            var square = 0.0
            means.means.elements.withUnsafeBufferPointer { means in
                residuals.withUnsafeMutableBufferPointer { residuals in
                    for j in 0..<width {
                        let difference = h[j] - means[r * width + j]
                        residuals[place + j] = difference
                        square += difference * difference
                    }
                }
            }
            squares[c] += square
            members.append(i)
            if members.count == block { finishBlock() }
        }
        if !members.isEmpty { finishBlock() }
    }
}

/// The pass of both probes.
@c(collapse_add) public func addResiduals(
    _ linalg: UnsafePointer<syzygy_linalg>, _ features: UnsafePointer<Double>, _ labels: UnsafePointer<Int32>,
    _ outputs: UnsafePointer<Double>, _ means: UnsafePointer<Double>, _ counts: UnsafePointer<Double>, _ n: Int64,
    _ d: Int64, _ classes: Int64, _ minCount: Int64, _ basis: UnsafeMutablePointer<Double>,
    _ squares: UnsafeMutablePointer<Double>, _ pairs: UnsafeMutablePointer<Double>,
    _ counters: UnsafeMutablePointer<Int64>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    let note = Message(message, size: messageSize)
    guard areClasses(labels, n, classes, note) else { return Status.invalid.rawValue }
    let used = ClassMeans(means, counts, classes: classes, width: d, minCount: minCount)
    let residuals = Residuals(
        basis: basis, squares: squares, pairs: pairs, counters: counters, classes: classes, width: d)
    guard residuals.prepare(used, linalg) else {
        note.write("no_singular_values")
        return Status.undefined.rawValue
    }
    residuals.add(features, labels, outputs, rows: Int(n), used, linalg)
    return Status.ok.rawValue
}

/// Index of the largest entry; ties go to the lowest.
private func largest(_ values: UnsafePointer<Double>, _ count: Int) -> Int {
    var best = 0
    for k in 1..<max(count, 1) where values[k] > values[best] { best = k }
    return best
}

extension UnsafePointer<syzygy_linalg> {
    /// a bᵀ for a `[m, columns]`, b `[n, columns]`.
    func rowProducts(
        _ a: UnsafePointer<Double>, _ m: Int, _ b: UnsafePointer<Double>, _ n: Int, columns: Int,
        into c: UnsafeMutablePointer<Double>
    ) {
        guard n > 0, columns > 0 else { return }
        pointee.gemm(pointee.context, 0, 1, Int64(m), Int64(n), Int64(columns), 1, a, b, 0, c)
    }

    /// Adds aᵀa of a `[rows, columns]` to the upper left of `sum`, whose rows are `stride` apart.
    func addSquare(
        _ a: UnsafePointer<Double>, _ rows: Int, columns: Int, stride: Int, into sum: UnsafeMutablePointer<Double>
    ) {
        guard columns > 0 else { return }
        var square = [Double](repeating: 0, count: columns * columns)
        pointee.gemm(
            pointee.context, 1, 0, Int64(columns), Int64(columns), Int64(rows), 1, a, a, 0, &square)
        for i in 0..<columns {
            for j in 0..<columns { sum[i * stride + j] += square[i * columns + j] }
        }
    }
}
