import Engine
import Observing

/// Where infinities or NaN come from, in a step that ended a run.
struct Divergence {
    /// The rows of each step.
    let batch: BatchLoader
    /// The parameters before the step.
    let store: ParameterStore
    private let program: Program
    /// By their names in the catalogue, in the order in which a step computes them.
    private let quantities: [(name: String, node: Node)]

    /// - Parameter built: the network of the training step.
    init(_ built: Network.Built, batch: BatchLoader, store: ParameterStore, seed: UInt64) throws {
        (self.batch, self.store) = (batch, store)
        let graph = built.graph
        let sampleLoss = try built.anyLoss(), loss = try built.meanLoss()
        let gradients = try built.gradients(of: loss, withRespectTo: built.parameters)
        var quantities: [(name: String, node: Node)] = []
        for layer in graph.layers {
            quantities += [("\(layer.name)/layer.input", layer.input), ("\(layer.name)/layer.output", layer.output)]
        }
        quantities += [("model.output", built.output), ("sample_loss", sampleLoss), ("the loss", loss)]
        // Backward: the last layers first.
        quantities += zip(graph.trainedBlocks, gradients).map { ("\($0.name)/parameter.grad", $1) }.reversed()
        self.quantities = quantities
        program = try Program(
            graph, outputs: quantities.map(\.node), precision: store.precision, parameters: store, rows: batch.rows,
            seeds: [seed])
        batch.fill(program)
    }

    /// The first quantity that is not finite: `fc2/layer.output (12 of 640 values)`. Nil if all are finite.
    func first(in step: Int) throws -> String? {
        if let found = firstParameter() { return found }
        try batch.load(step: step)
        program.setStep(step)
        program.run()
        for quantity in quantities {
            if let found = Divergence.count(quantity.name, program.copy(quantity.node)) { return found }
        }
        return nil
    }

    /// Statistics are not looked at: a training step does not depend on them.
    func firstParameter() -> String? {
        for (index, block) in store.blocks.enumerated() where block.isTrained {
            if let found = Divergence.count("\(block.name)/parameter.value", store.copy(block: index)) {
                return found
            }
        }
        return nil
    }

    /// The first parameter or gradient that is not finite.
    static func first(after store: ParameterStore) -> String? {
        for (index, block) in store.blocks.enumerated() {
            if let found = count("\(block.name)/parameter.grad", store.copyGradient(block: index))
                ?? count("\(block.name)/parameter.value", store.copy(block: index))
            {
                return found
            }
        }
        return nil
    }

    private static func count(_ name: String, _ values: [Double]) -> String? {
        let bad = values.count { !$0.isFinite }
        return bad == 0 ? nil : "\(name) (\(bad) of \(values.count) values)"
    }

    /// `loss became NaN at step 57; first in fc2/layer.output (12 of 640 values)`.
    static func words(_ what: String, _ value: Double?, step: Int, first: String?) -> String {
        // `NaN`, whatever its sign bit says, or `inf`.
        let became = value.map { $0.isNaN ? "NaN" : "\($0)" } ?? "infinite or NaN"
        return "\(what) became \(became) at step \(step)" + (first.map { "; first in \($0)" } ?? "")
    }
}
