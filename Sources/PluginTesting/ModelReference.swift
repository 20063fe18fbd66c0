import ArrayFiles
import Engine
import Manifests
import Observing
import PluginHost
import Protocols
import Training

/// A model of `Tests/References/models.py`: parameters and a batch, and what PyTorch made of them.
package struct ModelReference {
    private let arrays: [String: NamedArray]
    private let about: [String: String]
    private let options: [String: JSON]

    package init(_ name: String) throws {
        let path = try Installation.root + "/Tests/References/models/\(name).safetensors"
        let file = try Safetensors.read(path)
        arrays = Dictionary(uniqueKeysWithValues: file.arrays.map { ($0.name, $0) })
        about = file.metadata
        let document = try StrictJSON.parse(about["options"] ?? "", file: path)
        options = Dictionary(uniqueKeysWithValues: (document.root.object ?? [:]).map { ($0, $1) })
    }

    /// Largest differences, of an array relative to its largest number. Gradients that are 0 but for rounding (below 1e-6 of the
    /// largest one, such as those of biases before a batch normalization) are relative to the largest of all.
    package struct Errors {
        package var loss, output: Double
        /// By parameter.
        package var gradients: [String: Double]

        package var worst: Double {
            gradients.values.reduce(max(loss, output)) { max($0, $1.isNaN ? .infinity : $1) }
        }
    }

    private var fields: [Field] {
        [("x", "x_classes"), ("y", "classes")].map { name, classes in
            let shape = Array((arrays["batch/\(name)"]?.shape ?? []).dropFirst())
            return Field(name: name, shape: shape, classes: about[classes].flatMap { Int($0) })
        }
    }

    private func numbers(_ name: String) -> [Double] { arrays[name]?.data.numbers ?? [] }
    private func names(_ prefix: String) -> [String] {
        arrays.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    private func network(_ change: [String: JSON], _ loader: ComponentLoader) throws -> Network {
        let choice = Choice(component: about["model"] ?? "", options: options.merging(change) { $1 })
        return Network(
            model: try loader.model(choice), loss: try loader.loss(Choice(component: about["loss"] ?? "")),
            fields: fields)
    }

    /// What PyTorch gave, unless it is missing; the file's parameters must be the model's.
    private func start(_ store: ParameterStore) throws {
        let own = store.blocks.map(\.name).sorted(), given = names("parameter/")
        guard own == given else { throw PluginMismatch(own: own, given: given) }
        for (index, block) in store.blocks.enumerated() {
            guard arrays["parameter/\(block.name)"]?.shape == block.shape else {
                throw PluginMismatch(
                    own: ["\(block.name) \(block.shape)"],
                    given: ["\(arrays["parameter/\(block.name)"]?.shape ?? [])"])
            }
            store.set(block: index, numbers("parameter/\(block.name)"))
        }
    }

    /// One training step's loss and gradients against PyTorch's; `change` alters options, to see that the comparison notices.
    package func errors(
        _ precision: Precision, change: [String: JSON] = [:], unrolledOperations: Int = Graph.unrolledOperations,
        loader: ComponentLoader = ShippedPlugins.loader()
    ) throws -> Errors {
        let x = numbers("batch/x"), rows = arrays["batch/x"]?.shape.first ?? 0
        let network = try network(change, loader)
        let graph = Graph(isTraining: true)
        var batch: [String: BatchNode] = [:]
        for field in fields {
            batch[field.name] = BatchNode(field: field, node: graph.input(field.name, shape: [rows] + field.shape))
        }
        let outputs = try network.model.build(in: graph, batch: batch)
        guard let output = outputs["output"] else { throw Undefined("model_without_output") }
        let loss = try graph.apply(named: "mean", [try network.loss.build(in: graph, outputs: outputs, batch: batch)])
        let parameters = graph.trainedNodes
        let gradients = try graph.gradient(of: loss, withRespectTo: parameters)
        let store = ParameterStore(blocks: graph.blocks, precision: precision)
        try start(store)
        let program = try Program(
            graph, outputs: [loss, output] + gradients, precision: precision, parameters: store,
            unrolledOperations: unrolledOperations)
        program.setInput("x", x)
        if program.inputBuffer("y") != nil { program.setInput("y", numbers("batch/y")) }
        program.run()

        let trained = graph.blocks.filter(\.isTrained).map(\.name)
        let expected = Dictionary(uniqueKeysWithValues: trained.map { ($0, numbers("gradient/\($0)")) })
        let largest = expected.values.joined().reduce(0) { max($0, abs($1)) }
        var found: [String: Double] = [:]
        for (name, node) in zip(trained, gradients) {
            let values = expected[name] ?? []
            let isZero = values.allSatisfy { abs($0) < 1e-6 * largest }
            found[name] = difference(program.copy(node), values, least: isZero ? largest : 0)
        }
        return Errors(
            loss: difference(program.copy(loss), numbers("loss")),
            output: difference(program.copy(output), numbers("output")), gradients: found)
    }

    /// In an evaluation, the largest difference of the mean of the samples' gradients, which are computed together, from the gradient
    /// of the mean loss, relative to the largest gradient.
    package func sampleGradientError(loader: ComponentLoader = ShippedPlugins.loader()) throws -> Double {
        let rows = arrays["batch/x"]?.shape.first ?? 0
        let network = try network([:], loader)
        let all = try network.build(rows: rows), one = try network.build(rows: 1)
        let loss = try all.meanLoss()
        let gradients = try all.graph.gradient(of: loss, withRespectTo: all.graph.trainedNodes)
        let batch = one.batch.map { name, value in
            (value.node, one.graph.input("all.\(name)", shape: [rows] + one.graph.shape(of: value.node)))
        }
        let each = try one.graph.sampleGradients(
            of: one.anyLoss(), withRespectTo: one.graph.trainedNodes, samples: rows,
            batch: Dictionary(uniqueKeysWithValues: batch))
        let store = ParameterStore(blocks: all.graph.blocks, precision: .f64)
        try start(store)
        let together = try Program(all.graph, outputs: gradients, precision: .f64, parameters: store)
        let alone = try Program(one.graph, outputs: each, precision: .f64, parameters: store)
        for name in ["x", "y"] {
            if together.inputBuffer(name) != nil { together.setInput(name, numbers("batch/\(name)")) }
            if alone.inputBuffer("all.\(name)") != nil { alone.setInput("all.\(name)", numbers("batch/\(name)")) }
        }
        together.run()
        alone.run()
        let expected = gradients.map(together.copy)
        let largest = expected.joined().reduce(0) { max($0, abs($1)) }
        return zip(each, expected).reduce(0) { worst, pair in
            let values = alone.copy(pair.0), count = pair.1.count
            let means = (0..<count).map { k in (0..<rows).reduce(0) { $0 + values[$1 * count + k] } / Double(rows) }
            return max(worst, difference(means, pair.1, least: largest))
        }
    }

    /// Parameters and statistics after steps of gradient descent on the whole batch, against those PyTorch has then.
    package func errorsAfterTraining(
        _ precision: Precision, loader: ComponentLoader = ShippedPlugins.loader()
    ) throws -> [String: Double] {
        let steps = about["steps"].flatMap { Int($0) } ?? 0
        let data = BatchDataset(fields: fields, values: [numbers("batch/x"), numbers("batch/y")])
        let session = try Session(
            TrainingPlan(
                network: try network([:], loader), dataset: data,
                optimizer: try loader.optimizer(
                    Choice(component: "sgd", options: ["lr": .double(about["lr"].flatMap { Double($0) } ?? 0)])),
                steps: steps, batchSize: nil, precision: precision, seed: 1))
        try start(session.store)
        _ = try session.run(observed: { _ in }, progress: { _ in true })
        var result: [String: Double] = [:]
        for (index, block) in session.store.blocks.enumerated() where arrays["after/\(block.name)"] != nil {
            result[block.name] = difference(session.store.copy(block: index), numbers("after/\(block.name)"))
        }
        return result
    }
}

/// Parameters of a model and of its reference that do not agree.
package struct PluginMismatch: Error, CustomStringConvertible {
    package let own, given: [String]
    package var description: String { "the model has \(own), its reference \(given)" }
}

/// The largest distance, relative to the largest expected number; infinite where there is nothing to compare.
private func difference(_ values: [Double], _ expected: [Double], least: Double = 0) -> Double {
    guard values.count == expected.count, !values.isEmpty else { return .infinity }
    let scale = expected.reduce(least) { max($0, abs($1)) }
    return zip(values, expected).reduce(0) { ($1.0 - $1.1).isNaN ? .infinity : max($0, abs($1.0 - $1.1) / scale) }
}

/// One batch as a dataset.
private final class BatchDataset: Dataset {
    let fields: [Field]
    let splits = ["train"]
    private let values: [[Double]]

    init(fields: [Field], values: [[Double]]) { (self.fields, self.values) = (fields, values) }

    func rows(in split: String) -> Int { values[0].count / fields[0].elements }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        for (field, (source, buffer)) in zip(fields, zip(values, buffers)) {
            let part = source[range.lowerBound * field.elements..<range.upperBound * field.elements]
            for (i, value) in part.enumerated() { buffer[i] = value }
        }
    }
}

extension NamedArray.Element {
    fileprivate var numbers: [Double] {
        switch self {
        case .f64(let values): values
        case .f32(let values): values.map(Double.init)
        case .i32(let values): values.map(Double.init)
        case .i64(let values): values.map(Double.init)
        case .u8(let values): values.map(Double.init)
        }
    }
}
