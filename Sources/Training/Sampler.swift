import LinearAlgebra

/// The order of training rows: each epoch is a fresh permutation drawn from (seed, "order", epoch); what is left of an
/// epoch after whole batches is skipped.
struct Sampler {
    let rows: Int
    let batch: Int
    private let stream: Stream
    private var order: [Int]
    private var epoch = -1

    init(rows: Int, batch: Int, seed: UInt64) {
        self.rows = rows
        self.batch = min(batch, rows)
        stream = Stream(seed: seed, name: "order")
        order = Array(0..<rows)
    }

    /// True if every step sees all rows in their own order.
    var isFull: Bool { batch == rows }

    /// The rows of step `step`, a function of the seed and the step only.
    mutating func withRows(step: Int, _ body: (UnsafeBufferPointer<Int>) -> Void) {
        let perEpoch = rows / batch
        if !isFull, step / perEpoch != epoch {
            epoch = step / perEpoch
            order = stream.permutation(of: rows, step: UInt64(epoch))
        }
        let begin = isFull ? 0 : step % perEpoch * batch
        order.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[begin..<begin + batch])) }
    }
}
