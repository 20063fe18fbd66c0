import LinearAlgebra
import Observing
import Protocols

/// The order of training rows. Without a sampler each epoch is a fresh permutation drawn from (seed, "order", epoch). What is left of
/// an epoch after whole batches is skipped.
final class RowOrder {
    /// Of an epoch.
    let rows: Int
    let batch: Int
    private let stream: Stream
    private let sampler: (any AttachedSampler)?
    /// Of the training split.
    private let available: Int
    private let order: UnsafeMutableBufferPointer<Int64>
    private var epoch = -1

    init(_ plan: TrainingPlan, _ table: DataTable) throws {
        (rows, batch) = try plan.epoch(of: table.rows)
        available = table.rows
        stream = Stream(seed: plan.seed, name: "order")
        let seen = SampledRows(count: table.rows, batchSize: batch, fields: table.fields) { table.pointer(field: $0) }
        sampler = try plan.sampler?.attach(to: seen)
        order = .allocate(capacity: rows)
        for i in 0..<rows { order.initializeElement(at: i, to: Int64(i)) }
        if sampler != nil { try checkFirst() }
    }

    deinit { order.deallocate() }

    /// True if every step sees all rows in their own order.
    var isFull: Bool { sampler == nil && batch == rows }

    /// The rows of step `step`, a function of the seed and the step only; valid until the next call.
    func rows(step: Int) throws -> UnsafeBufferPointer<Int64> {
        let perEpoch = rows / batch
        if !isFull, step / perEpoch != epoch {
            epoch = step / perEpoch
            if let sampler {
                try sampler.write(epoch: epoch, into: order)
            } else {
                stream.permute(into: order, step: UInt64(epoch))
            }
        }
        let begin = isFull ? 0 : step % perEpoch * batch
        return UnsafeBufferPointer(rebasing: order[begin..<begin + batch])
    }

    /// An epoch that is one step must not be a mere order of all rows, which changes nothing.
    private func checkFirst() throws {
        _ = try rows(step: 0)
        if batch == rows, rows == available, Set(order).count == rows {
            throw TrainingError(
                "sampler: every step sees each of the \(rows) training rows once, whatever their order; "
                    + "give train.batch_size, or leave out the sampler")
        }
    }
}

extension TrainingPlan {
    /// Rows of an epoch and of a step, where the training split has `available`.
    func epoch(of available: Int) throws -> (rows: Int, batch: Int) {
        guard let sampler else { return (available, max(min(batchSize ?? available, available), 1)) }
        let rows = try sampler.epochRows(of: available)
        guard batchSize ?? 1 <= rows else {
            throw TrainingError(
                "train.batch_size: \(batchSize ?? 0) is more than the \(rows) rows of the sampler's epoch; 'full' takes all"
            )
        }
        return (rows, batchSize ?? rows)
    }
}
