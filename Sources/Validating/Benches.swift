import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginHost
import Protocols

extension Observation.Value {
    /// The number, NaN if there is none.
    package var number: Double { if case .number(let value) = self { value } else { .nan } }
    package var reason: String? { if case .missing(let reason) = self { reason } else { nil } }
}

/// Parameters that an optimizer or regularizer works on, without a network.
package final class UpdateBench {
    package let store: ParameterStore
    private let update: any AttachedUpdate
    private let program: Program
    private var step = 0
    /// What an optimizer that tries points descends on.
    private let problem: LeastSquares?

    /// - Parameters:
    ///   - values: blocks by name in order, with shapes; the first axis is fan_out, the rest fan_in.
    ///   - problem: what optimizers that try points descend on, ½ of the mean squared error over all values.
    package init(
        _ choice: Choice, kind: Component.Kind, values: [(name: String, shape: [Int], values: [Double])],
        precision: Precision = .f64, role: ParameterRole = .weight, fanIn: Int? = nil,
        problem: (design: Matrix, targets: [Double])? = nil, loader: ComponentLoader, threads: Int = 1
    ) throws {
        let graph = Graph()
        for block in values {
            _ = try graph.parameter(
                block.name, role: role, shape: block.shape, initializer: Initializer(scheme: .constant, scale: 0),
                fanIn: fanIn)
        }
        store = ParameterStore(blocks: graph.blocks, precision: precision)
        for (index, block) in values.enumerated() { store.set(block: index, block.values) }
        let store = store
        self.problem = problem.map {
            LeastSquares(design: $0.design, targets: $0.targets, parameters: store.copyFlat())
        }
        switch kind {
        case .optimizer: update = try loader.optimizer(choice).attach(to: store, objective: self.problem)
        default: update = try loader.regularizer(choice).attach(to: store)
        }
        program = try Program(
            graph, outputs: [], precision: precision, parameters: store, updates: update.updates, threads: threads)
    }

    /// The gradient of the problem at the current values.
    var problemGradient: [Double]? { problem?.gradient }

    package func values(_ block: Int = 0) -> [Double] { store.copy(block: block) }
    package func gradient(_ block: Int = 0) -> [Double] { store.copyGradient(block: block) }

    package func setGradient(_ gradient: [Double], block: Int = 0) {
        let offset = store.blocks[block].offset
        for (i, value) in gradient.enumerated() {
            switch store.precision {
            case .f64: store.gradients.storeBytes(of: value, toByteOffset: (offset + i) * 8, as: Double.self)
            case .f32: store.gradients.storeBytes(of: Float(value), toByteOffset: (offset + i) * 4, as: Float.self)
            }
        }
    }

    /// One optimizer step from the given gradients, one list per block.
    package func update(_ gradients: [[Double]]) throws {
        for (block, gradient) in gradients.enumerated() { setGradient(gradient, block: block) }
        _ = try run()
        step += 1
    }

    /// Adds the regularizer's gradient and returns its value.
    package func penalty() throws -> Double { try run() }

    private func run() throws -> Double {
        try update.begin(step: step)
        program.run()
        return try update.end()
    }

    /// A state tensor as f64, by `id/block`.
    package func state(_ name: String) -> [Double]? {
        guard let tensor = update.state.first(where: { $0.name == name }) else { return nil }
        return (0..<tensor.count).map {
            switch store.precision {
            case .f64: tensor.buffer.load(fromByteOffset: $0 * 8, as: Double.self)
            case .f32: Double(tensor.buffer.load(fromByteOffset: $0 * 4, as: Float.self))
            }
        }
    }

    package func setState(_ name: String, _ values: [Double]) {
        guard let tensor = update.state.first(where: { $0.name == name }) else { return }
        for (i, value) in values.enumerated() {
            switch store.precision {
            case .f64: tensor.buffer.storeBytes(of: value, toByteOffset: i * 8, as: Double.self)
            case .f32: tensor.buffer.storeBytes(of: Float(value), toByteOffset: i * 4, as: Float.self)
            }
        }
    }

    package func set(step: Int) { self.step = step }
}

/// What a parametrization makes of a parameter at its first values: `value`, and its variables by name.
package func evaluateParametrization(
    _ choice: Choice, shape: [Int], values: [Double], role: ParameterRole = .weight,
    loader: ComponentLoader
) throws -> [String: [Double]] {
    let parametrization = try loader.parametrization(choice)
    let source = Graph(), graph = Graph()
    _ = try source.parameter(
        "w", role: role, shape: shape, initializer: Initializer(scheme: .constant, scale: 0))
    let value = try parametrization.build(source.blocks[0], in: graph)
    let store = ParameterStore(blocks: graph.blocks, precision: .f64)
    var results: [String: [Double]] = [:]
    for (index, first) in try parametrization.start(source.blocks[0], initial: values).enumerated() {
        store.set(block: index, first)
        results[String(graph.blocks[index].name.dropFirst(2))] = first
    }
    let program = try Program(graph, outputs: [value], precision: .f64, parameters: store)
    program.run()
    results["value"] = program.copy(value)
    return results
}

/// Values and the gradient of the sum of a loss at given outputs.
package func evaluateLoss(
    _ choice: Choice, output: (shape: [Int], data: [Double]), targets: [String: (field: Field, data: [Double])],
    precision: Precision = .f64, loader: ComponentLoader
) throws -> (loss: [Double], gradient: [Double]) {
    let values = try evaluateLoss(
        choice, output: output, targets: targets, activations: [], precision: precision, loader: loader)
    return (values.loss, values.gradients[0])
}

/// Also of a loss that sees activations, by the model's names for them; the gradients are those by the output, then by them.
package func evaluateLoss(
    _ choice: Choice, output: (shape: [Int], data: [Double]), targets: [String: (field: Field, data: [Double])],
    activations: [(name: String, shape: [Int], data: [Double])], precision: Precision = .f64, loader: ComponentLoader
) throws -> (loss: [Double], gradients: [[Double]]) {
    let graph = Graph()
    let node = graph.input("output", shape: output.shape)
    let seen = activations.map { graph.input($0.name, shape: $0.shape) }
    var batch: [String: BatchNode] = [:]
    for (name, target) in targets {
        batch[name] = BatchNode(
            field: target.field, node: graph.input(name, shape: [output.shape[0]] + target.field.shape))
    }
    var outputs = ["output": node]
    for (activation, node) in zip(activations, seen) { outputs[activation.name] = node }
    let loss = try loader.loss(choice).build(in: graph, outputs: outputs, batch: batch)
    let sum = graph.shape(of: loss).isEmpty ? loss : try graph.apply(named: "sum", [loss])
    let gradients = try graph.gradient(of: sum, withRespectTo: [node] + seen)
    let program = try Program(graph, outputs: [loss] + gradients, precision: precision, parameters: nil)
    let inputs =
        [("output", output.data)] + targets.map { ($0.key, $0.value.data) } + activations.map { ($0.name, $0.data) }
    for (name, data) in inputs where program.inputBuffer(name) != nil { program.setInput(name, data) }
    program.run()
    return (program.copy(loss), gradients.map { program.copy($0) })
}

/// The outputs of a rule at given quantities and states.
package func evaluateRule(
    _ choice: Choice, inputs: [String: (shape: [Int], data: [Double])], precision: Precision = .f64,
    loader: ComponentLoader
) throws -> [String: [Double]] {
    let graph = Graph(isTraining: true)
    let nodes = Dictionary(uniqueKeysWithValues: inputs.map { ($0, graph.input($0, shape: $1.shape)) })
    let outputs = try loader.ruleOutputs(choice, nodes, in: graph)
    let program = try Program(graph, outputs: Array(outputs.values), precision: precision, parameters: nil)
    for (name, input) in inputs where program.inputBuffer(name) != nil { program.setInput(name, input.data) }
    program.run()
    return outputs.mapValues { program.copy($0) }
}

/// The result of an activation or operation at given inputs.
package func evaluateOperation(
    _ choice: Choice, inputs: [(shape: [Int], data: [Double])], precision: Precision = .f64,
    loader: ComponentLoader
) throws -> [Double] {
    let graph = Graph()
    let operation = try loader.operation(choice)
    let nodes = inputs.enumerated().map { graph.input("\($0)", shape: $1.shape) }
    let result = try graph.apply(operation, nodes)
    let program = try Program(graph, outputs: [result], precision: precision, parameters: nil)
    for (i, input) in inputs.enumerated() { program.setInput("\(i)", input.data) }
    program.run()
    return program.copy(result)
}

/// Outputs of a model at given inputs, with the listed parameters set and the others as initialized.
package func evaluateModel(
    _ choice: Choice, batch: [String: (field: Field, rows: Int, data: [Double])],
    parameters: [String: [Double]] = [:],
    precision: Precision = .f64, loader: ComponentLoader, seed: UInt64 = 0
) throws -> (outputs: [String: (shape: [Int], data: [Double])], blocks: [ParameterBlock]) {
    let graph = Graph()
    let nodes = batch.mapValues { item in item }.reduce(into: [String: BatchNode]()) { result, item in
        result[item.key] = BatchNode(
            field: item.value.field, node: graph.input(item.key, shape: [item.value.rows] + item.value.field.shape))
    }
    let outputs = try loader.model(choice).build(in: graph, batch: nodes)
    let store = ParameterStore(blocks: graph.blocks, precision: precision)
    store.initialize(seed: seed)
    for (index, block) in graph.blocks.enumerated() {
        guard let values = parameters[block.name] else { continue }
        guard values.count == block.count else {
            throw PluginError(
                choice.component, "the parameter \(block.name) has \(block.count) numbers, given are \(values.count)")
        }
        store.set(block: index, values)
    }
    let program = try Program(graph, outputs: Array(outputs.values), precision: precision, parameters: store)
    for (name, item) in batch where program.inputBuffer(name) != nil { program.setInput(name, item.data) }
    program.run()
    return (outputs.mapValues { (graph.shape(of: $0), program.copy($0)) }, graph.blocks)
}

/// Rows of a split by field name, `[rows, elements]` row-major; all rows if no range is given.
package func readRows(
    of dataset: any Dataset, _ split: String, _ range: Range<Int>? = nil
) throws -> [String: [Double]] {
    let range = try range ?? 0..<dataset.rows(in: split)
    let buffers = dataset.fields.map { field in
        let bytes = max(range.count * field.elements * 8, 1)
        return UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64).bindMemory(to: Double.self)
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    for buffer in buffers { buffer.initialize(repeating: .nan) }
    try dataset.read(split, range, into: buffers)
    return Dictionary(uniqueKeysWithValues: zip(dataset.fields.map(\.name), buffers.map { Array($0) }))
}
