import Engine

/// The training rows as a sampler sees them.
package struct SampledRows {
    package var count: Int
    /// Rows of a step.
    package var batchSize: Int
    package var fields: [Field]
    /// All rows of the field of an index, `[count, elements]`.
    private let column: (Int) -> UnsafePointer<Double>

    package init(
        count: Int, batchSize: Int, fields: [Field], column: @escaping (Int) -> UnsafePointer<Double>
    ) {
        (self.count, self.batchSize, self.fields, self.column) = (count, batchSize, fields, column)
    }

    package func column(_ index: Int) -> UnsafePointer<Double> { column(index) }
}

/// Chooses the rows of each epoch and their order.
package protocol Sampler: AnyObject {
    /// Rows of an epoch, where the training split has `rows`.
    func epochRows(of rows: Int) throws -> Int
    /// Reads what it needs of the training rows.
    func attach(to rows: SampledRows) throws -> any AttachedSampler
}

/// A sampler that knows its rows.
package protocol AttachedSampler: AnyObject {
    /// Writes the rows of an epoch, all of them in `0 ..< count` of the training split: a function of the seed and the epoch.
    func write(epoch: Int, into order: UnsafeMutableBufferPointer<Int64>) throws
}

/// Gives a parameter first values other than those that its model says.
package protocol ParameterInitializer: AnyObject {
    /// - Parameter initial: what the model says.
    func values(of parameter: ParameterBlock, initial: [Double]) throws -> [Double]
}
