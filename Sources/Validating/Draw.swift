import LinearAlgebra

/// Random numbers of one test, all from its seed.
struct Draw {
    private let stream: Stream
    private var used = 0

    init(seed: UInt64, name: String) { stream = Stream(seed: seed, name: "validate/\(name)") }

    mutating func uniform() -> Double {
        used += 1
        var value = 0.0
        withUnsafeMutablePointer(to: &value) {
            stream.uniform(from: used, into: UnsafeMutableBufferPointer(start: $0, count: 1))
        }
        return value
    }

    mutating func normal(_ count: Int) -> [Double] {
        let from = used + 2 - used % 2
        used = from + count
        return [Double](unsafeUninitializedCapacity: count) { buffer, filled in
            stream.normal(from: from, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            filled = count
        }
    }

    mutating func integer(_ range: ClosedRange<Int>) -> Int {
        let width = Double(range.upperBound) - Double(range.lowerBound) + 1
        return min(range.lowerBound + Int(uniform() * width), range.upperBound)
    }

    /// A least-squares problem of three more rows than parameters.
    mutating func problem(parameters: Int) -> (design: Matrix, targets: [Double]) {
        let rows = parameters + 3
        return (Matrix(rows: rows, columns: parameters, elements: normal(rows * parameters)), normal(rows))
    }

    mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for i in order.indices.reversed() { order.swapAt(i, integer(0...i)) }
        return order
    }

    /// Rows of an orthogonal matrix, by Gram and Schmidt.
    mutating func orthogonal(_ d: Int) -> [[Double]] {
        var rows: [[Double]] = []
        while rows.count < d {
            var row = normal(d)
            for _ in 0..<2 {
                for other in rows {
                    let overlap = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for i in 0..<d { row[i] -= overlap * other[i] }
                }
            }
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 1e-6 { rows.append(row.map { $0 / norm }) }
        }
        return rows
    }
}
