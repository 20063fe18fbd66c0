import ArrayFiles
import Engine
import LinearAlgebra
import Observing
import Training

/// A derivative of the loss on one batch (the first rows of the training split), compiled in the run's precision.
final class BatchDerivative: Computation {
    let startTimes: StartTimes
    private let program: Program
    private let store: ParameterStore
    private let outputs: [(name: String, node: Node, shape: [Int])]
    private let inputs: [NamedArray]

    init(_ plan: TrainingPlan, _ work: Workload.Work) throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let table = try DataTable(plan.dataset, split: "train")
        let rows = min(plan.batchSize ?? table.rows, table.rows)
        let loaded = clock.now
        let parts = try work == .hvp ? Self.hvp(plan.network, rows) : Self.perSample(plan.network, rows, work)
        let graph = parts.graph
        store = ParameterStore(blocks: graph.blocks, precision: plan.precision)
        try parts.network.initialize(store, seed: plan.seed)
        let built = clock.now
        program = try Program(
            graph, outputs: parts.outputs.map(\.node), precision: plan.precision, parameters: store)
        outputs = parts.outputs.map { ($0.name, $0.node, graph.shape(of: $0.node)) }
        var inputs = table.arrays(rows: rows)
        for (array, field) in zip(inputs, table.fields) {
            program.setInput(field.name + parts.suffix, array.data.doubles)
        }
        if work == .hvp {
            for block in graph.trainedBlocks {
                let name = "direction/\(block.name)"
                let direction = Stream(seed: plan.seed, name: name).normal(count: block.count)
                program.setInput(name, direction)
                inputs.append(NamedArray(name, shape: block.shape, .f64(direction)))
            }
        }
        self.inputs = inputs
        startTimes = StartTimes(load: loaded - begin, build: built - loaded, compile: clock.now - built)
    }

    var flops: Double { program.flops }

    func repeatWhile(_ goesOn: () -> Bool) {
        while goesOn() { program.run() }
    }

    func arrays() -> [NamedArray] {
        program.run()
        let parameters = store.blocks.indices.map { index in
            NamedArray(
                "parameter/\(store.blocks[index].name)", shape: store.blocks[index].shape,
                .f64(store.copy(block: index)))
        }
        let results = outputs.map { NamedArray($0.name, shape: $0.shape, .f64(program.copy($0.node))) }
        return parameters + inputs + results
    }

    // MARK: Graphs

    private struct Parts {
        var network: Network.Built
        var graph: Graph { network.graph }
        var outputs: [(name: String, node: Node)]
        /// Of the inputs that take the batch.
        var suffix = ""
    }

    private static func hvp(_ network: Network, _ rows: Int) throws -> Parts {
        let built = try network.build(rows: rows)
        let graph = built.graph
        let loss = try built.meanLoss()
        let directions = zip(built.parameters, graph.trainedBlocks).map { parameter, block in
            (node: parameter, tangent: graph.input("direction/\(block.name)", shape: block.shape))
        }
        let products = try graph.hessianVectorProduct(of: loss, along: directions)
        return Parts(network: built, outputs: zip(graph.trainedBlocks, products).map { ("hvp/\($0.name)", $1) })
    }

    /// Built for one sample, then for all.
    private static func perSample(_ network: Network, _ rows: Int, _ work: Workload.Work) throws -> Parts {
        let built = try network.build(rows: 1)
        let graph = built.graph
        var batch: [Node: Node] = [:]
        for (name, sample) in built.batch {
            batch[sample.node] = graph.input(name + "/all", shape: [rows] + graph.shape(of: sample.node))
        }
        let gradients = try graph.sampleGradients(
            of: built.sampleLoss(), withRespectTo: built.parameters, samples: rows, batch: batch)
        let outputs =
            work == .perSampleNorms
            ? [("norms", try graph.squaredNorms(ofSamples: gradients))]
            : zip(graph.trainedBlocks, gradients).map { ("gradient/\($0.name)", $1) }
        return Parts(network: built, outputs: outputs, suffix: "/all")
    }
}

extension Stream {
    fileprivate func normal(count: Int) -> [Double] {
        var values = [Double](repeating: 0, count: count)
        values.withUnsafeMutableBufferPointer { normal(into: $0) }
        return values
    }
}
