import LinearAlgebra

/// The order of training rows: each epoch is a fresh permutation drawn from (seed, "order", epoch); what is left of an
/// epoch after whole batches is skipped.
final class Sampler {
    let rows: Int
    let batch: Int
    private let stream: Stream
    private let order: UnsafeMutableBufferPointer<Int64>
    private var epoch = -1

    init(rows: Int, batch: Int, seed: UInt64) {
        self.rows = rows
        self.batch = min(batch, rows)
        stream = Stream(seed: seed, name: "order")
        order = .allocate(capacity: rows)
        for i in 0..<rows { order.initializeElement(at: i, to: Int64(i)) }
    }

    deinit { order.deallocate() }

    /// True if every step sees all rows in their own order.
    var isFull: Bool { batch == rows }

    /// The rows of step `step`, a function of the seed and the step only; valid until the next call.
    func rows(step: Int) -> UnsafeBufferPointer<Int64> {
        let perEpoch = rows / batch
        if !isFull, step / perEpoch != epoch {
            epoch = step / perEpoch
            stream.permute(into: order, step: UInt64(epoch))
        }
        let begin = isFull ? 0 : step % perEpoch * batch
        return UnsafeBufferPointer(rebasing: order[begin..<begin + batch])
    }
}
