import Engine
import Observing
import Protocols

/// What an optimizer descends on, at any parameters: the loss of the step's batch in the training network, with the step's random
/// numbers and in the run's precision, plus all regularizers. Products with the Hessian and the Gauss-Newton matrix are those of the
/// loss alone. Gradients of samples, and whatever is asked of other rows, are those of an evaluation in f64, without regularizers.
final class BatchObjective: Derivatives {
    private let plan: TrainingPlan
    private let rows: Int
    /// The parameters before the step, whatever other optimizers have done since.
    let before: ParameterStore
    private let store: ParameterStore
    /// The parameters tried.
    private let trial: ParameterStore
    private let batch: BatchLoader
    /// Attached to the parameters tried.
    private let regularizers: [any AttachedUpdate]
    private var programs: [ObjectiveQuantity: DerivativeProgram] = [:]
    /// Gives the derivatives of the evaluation on any rows, at the parameters before the step.
    var evaluation: (() -> any Derivatives)?
    private var step = 0

    /// - Parameter store: with the first values, before anything is attached to it.
    init(
        _ plan: TrainingPlan, rows: Int, store: ParameterStore, batch: BatchLoader, partition: Partition
    ) throws {
        (self.plan, self.rows, self.store, self.batch) = (plan, rows, store, batch)
        (trial, before) = (store.clone(), store.clone())
        let trial = trial
        regularizers = try plan.regularizers.map { term in
            try term.regularizer.attach(to: trial, blocks: try partition.blocks(of: term, store.blocks))
        }
    }

    /// With respect to some of the trained blocks.
    func part(_ blocks: [Int]) -> any Derivatives {
        if blocks == store.trainedBlocks { return self }
        let wanted = Set(blocks)
        return PartialDerivatives(self, of: store.flatRanges.filter { wanted.contains($0.block) }.map(\.range))
    }

    /// Before a step.
    func begin(step: Int) throws {
        self.step = step
        before.copyValues(from: store)
        for regularizer in regularizers { try regularizer.begin(step: step) }
    }

    var parameterCount: Int { store.flatCount }

    func readParameters(into out: UnsafeMutablePointer<Double>) {
        for (i, value) in before.copyFlat().enumerated() { out[i] = value }
    }

    func rowCount(_ rows: RowSelection) throws -> Int {
        rows == .own ? self.rows : try elsewhere().rowCount(rows)
    }

    private func elsewhere() throws -> any Derivatives {
        guard let evaluation else { throw Undefined("no_network") }
        return evaluation()
    }

    func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>
    ) throws {
        guard rows == .own else {
            return try elsewhere().evaluate(quantity, at: point, rows: rows, along: vector, into: out)
        }
        guard quantity != .sampleGradients, quantity != .sampleSquaredNorms else {
            let own = RowSelection.list(split: "train", try batch.current(step: step))
            return try elsewhere().evaluate(quantity, at: point, rows: own, along: vector, into: out)
        }
        let program = try program(quantity)
        trial.copyValues(from: before)
        if let point { trial.setFlat(Array(UnsafeBufferPointer(start: point, count: parameterCount))) }
        program.set(vector: vector)
        try batch.load(step: step)
        program.program.setStep(step)
        program.program.run()
        switch quantity {
        case .value:
            out[0] = program.value
            for regularizer in regularizers { out[0] += try regularizer.end() }
        default:
            out.update(repeating: 0, count: parameterCount)
            program.addGradients(to: out, weight: 1)
            if quantity == .gradient { for regularizer in regularizers { _ = try regularizer.end() } }
        }
    }

    private func program(_ quantity: ObjectiveQuantity) throws -> DerivativeProgram {
        if let known = programs[quantity] { return known }
        let hasRegularizers = quantity == .value || quantity == .gradient
        let program = try DerivativeProgram(
            ofTraining: quantity, plan.network, rows: rows, store: trial, sources: batch.rows,
            updates: hasRegularizers ? regularizers.flatMap(\.updates) : [], seed: plan.seed)
        batch.fill(program.program)
        programs[quantity] = program
        return program
    }

    func width(of node: String) throws -> Int { try elsewhere().width(of: node) }

    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws {
        let rows = rows == .own ? .list(split: "train", try batch.current(step: step)) : rows
        try elsewhere().jacobian(
            product, of: output, variable: variable, at: point, rows: rows, along: vector, into: out)
    }
}

/// Derivatives with respect to some of the parameters; the others keep their current values.
final class PartialDerivatives: Derivatives {
    private let all: any Derivatives
    /// Where the parameters are among all.
    private let ranges: [Range<Int>]
    let parameterCount: Int

    init(_ all: any Derivatives, of ranges: [Range<Int>]) {
        (self.all, self.ranges) = (all, ranges)
        parameterCount = ranges.reduce(0) { $0 + $1.count }
    }

    func readParameters(into out: UnsafeMutablePointer<Double>) { pick(from: current, rows: 1, to: out) }
    func rowCount(_ rows: RowSelection) throws -> Int { try all.rowCount(rows) }
    func width(of node: String) throws -> Int {
        node == "parameters" ? parameterCount : try all.width(of: node)
    }

    func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>
    ) throws {
        let point = point.map { place($0, into: current) }
        let vector = vector.map { place($0, into: [Double](repeating: 0, count: all.parameterCount)) }
        // The norms of parts are not known from those of the whole.
        let asked = quantity == .sampleSquaredNorms ? ObjectiveQuantity.sampleGradients : quantity
        var whole = [Double](repeating: 0, count: try all.count(asked, rows: rows))
        try whole.withUnsafeMutableBufferPointer { whole in
            guard let base = whole.baseAddress else { return }
            try all.evaluate(asked, at: point, rows: rows, along: vector, into: base)
        }
        switch quantity {
        case .value: out[0] = whole[0]
        case .sampleSquaredNorms:
            for row in 0..<whole.count / all.parameterCount {
                let gradient = whole[(row * all.parameterCount)...]
                out[row] = ranges.joined().reduce(0) { sum, i in
                    let value = gradient[gradient.startIndex + i]
                    return sum + value * value
                }
            }
        default: pick(from: whole, rows: whole.count / all.parameterCount, to: out)
        }
    }

    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws {
        throw Undefined("jacobian_of_some_parameters")
    }

    private var current: [Double] {
        [Double](unsafeUninitializedCapacity: all.parameterCount) { buffer, count in
            if let base = buffer.baseAddress { all.readParameters(into: base) }
            count = all.parameterCount
        }
    }

    private func place(_ values: UnsafePointer<Double>, into whole: [Double]) -> [Double] {
        var whole = whole, next = 0
        for range in ranges {
            for i in range {
                whole[i] = values[next]
                next += 1
            }
        }
        return whole
    }

    private func pick(from whole: [Double], rows: Int, to out: UnsafeMutablePointer<Double>) {
        var next = 0
        for row in 0..<rows {
            for i in ranges.joined() {
                out[next] = whole[row * all.parameterCount + i]
                next += 1
            }
        }
    }
}
