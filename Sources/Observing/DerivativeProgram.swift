import Engine
import Protocols

/// One derivative of a network on a fixed number of rows.
package final class DerivativeProgram {
    package enum Kind: Hashable {
        case objective(ObjectiveQuantity)
        case jacobian(JacobianProduct, of: String, variable: String)
        /// Losses of the rows as one batch, and of each row as a batch of its own.
        case lossesTogether, lossesAlone
    }
    struct Key: Hashable {
        var kind: Kind
        var rows: Int
    }

    package let program: Program
    private let store: ParameterStore
    private let rows: Int
    /// Results with the elements of one row; side by side they make a row of the whole.
    private let results: [(node: Node, width: Int)]
    private let inputs: [(field: Int, buffer: UnsafeMutablePointer<Double>)]
    private let tangents: [(buffer: UnsafeMutableRawPointer?, count: Int)]

    /// The derivatives of an evaluation, in f64, on rows given to each run.
    init(_ network: Network, _ key: Key, store: ParameterStore) throws {
        let plan = try Plan(network, key)
        rows = key.rows
        self.store = store
        results = plan.results.map { ($0, plan.graph.shape(of: $0).reduce(1, *) / key.rows) }
        let gradients = plan.sums.isEmpty ? [] : Array(zip(plan.graph.trainedNodes, plan.sums))
        let program = try Program(
            plan.graph, outputs: plan.results, gradients: gradients.map { ($0, $1) }, precision: .f64,
            parameters: store)
        self.program = program
        func buffer(_ name: String) -> UnsafeMutablePointer<Double>? {
            program.inputBuffer(name)?.assumingMemoryBound(to: Double.self)
        }
        inputs = network.fields.enumerated().compactMap { index, field in
            buffer(plan.prefix + field.name).map { (index, $0) }
        }
        tangents = plan.tangentBuffers(program)
    }

    /// A value, gradient or product of the training step's loss, in the store's precision, on rows that the program finds by itself.
    /// - Parameter updates: what is added to the gradient.
    package init(
        ofTraining quantity: ObjectiveQuantity, _ network: Network, rows: Int, store: ParameterStore,
        sources: [String: Engine.RowSource], updates: [Update], seed: UInt64
    ) throws {
        let plan = try Plan(network, Key(kind: .objective(quantity), rows: rows), isTraining: true)
        self.rows = rows
        self.store = store
        results = plan.results.map { ($0, 1) }
        let gradients = plan.sums.isEmpty ? [] : Array(zip(plan.graph.trainedNodes, plan.sums))
        program = try Program(
            plan.graph, outputs: plan.results, gradients: gradients.map { ($0, $1) }, precision: store.precision,
            parameters: store, updates: updates, rows: sources, seeds: [seed])
        inputs = []
        tangents = plan.tangentBuffers(program)
    }

    /// The vector of a product, one number for each parameter.
    package func set(vector: UnsafePointer<Double>?) {
        guard var next = vector else { return }
        for tangent in tangents {
            set(tangent.buffer, to: next, count: tangent.count)
            next += tangent.count
        }
    }

    /// The vector of a product, `count` numbers for all rows.
    func set(rowsOfVector vector: UnsafePointer<Double>, count: Int) {
        set(tangents.first?.buffer, to: vector, count: count)
    }

    private func set(_ buffer: UnsafeMutableRawPointer?, to values: UnsafePointer<Double>, count: Int) {
        if let buffer {
            Memory.write(UnsafeBufferPointer(start: values, count: count), to: buffer, program.precision)
        }
    }

    func run(_ rows: DataRows) {
        for input in inputs { rows.copy(field: input.field, to: input.buffer) }
        program.run()
    }

    package var value: Double { program.scalar(results[0].node) }

    /// Adds what went to the store's gradients.
    package func addGradients(to out: UnsafeMutablePointer<Double>, weight: Double) {
        func add<Value: BinaryFloatingPoint>(_ gradients: UnsafePointer<Value>) {
            var next = 0
            for block in store.blocks where block.isTrained {
                for i in 0..<block.count { out[next + i] += weight * Double(gradients[block.offset + i]) }
                next += block.count
            }
        }
        switch store.precision {
        case .f32: add(store.gradients.assumingMemoryBound(to: Float.self))
        case .f64: add(store.gradients.assumingMemoryBound(to: Double.self))
        }
    }

    /// Writes the results of every row, `[rows, all widths]`.
    func copyRows(to out: UnsafeMutablePointer<Double>) {
        let total = results.reduce(0) { $0 + $1.width }
        var column = 0
        for (node, width) in results {
            let values = program.output(node).assumingMemoryBound(to: Double.self)
            for row in 0..<rows { (out + row * total + column).update(from: values + row * width, count: width) }
            column += width
        }
    }
}

/// What a derivative program computes, as nodes of a graph.
private struct Plan {
    let graph: Graph
    /// Before the names of the fields whose inputs are to be filled.
    var prefix = ""
    var results: [Node] = []
    /// What goes to the gradient of each parameter.
    var sums: [Node] = []
    var tangents: [(name: String, node: Node)] = []

    init(_ network: Network, _ key: DerivativeProgram.Key, isTraining: Bool = false) throws {
        let isOfSamples =
            [.objective(.sampleGradients), .objective(.sampleSquaredNorms), .lossesAlone].contains(key.kind)
        let built = try network.build(rows: isOfSamples ? 1 : key.rows, isTraining: isTraining)
        graph = built.graph
        let parameters = built.parameters
        switch key.kind {
        case .objective(let quantity) where !isOfSamples: try addObjective(quantity, built)
        case .objective(let quantity):
            prefix = "all."
            let gradients = try graph.sampleGradients(
                of: built.sampleLoss(), withRespectTo: parameters, samples: key.rows,
                batch: samples(built, key.rows))
            results = quantity == .sampleGradients ? gradients : [try graph.squaredNorms(ofSamples: gradients)]
        case .lossesTogether: results = [try built.sampleLoss()]
        case .lossesAlone:
            prefix = "all."
            results = try graph.batched(
                [built.sampleLoss()], copies: key.rows, replacing: samples(built, key.rows))
        case .jacobian(let product, let output, let variable):
            let y = node(output, built)
            let variables = variable == "parameters" ? parameters : [node(variable, built)]
            if product == .forward {
                results = try graph.jvp(of: [y], along: vectors(for: variables))
            } else {
                let u = try vectors(for: [y])[0].tangent
                let products = try graph.vjp(of: y, cotangent: u, withRespectTo: variables)
                if variable == "parameters" { sums = products } else { results = products }
            }
        }
    }

    private mutating func addObjective(_ quantity: ObjectiveQuantity, _ built: Network.Built) throws {
        let loss = try built.meanLoss()
        let parameters = built.parameters
        switch quantity {
        case .hessianProduct: sums = try graph.hessianVectorProduct(of: loss, along: vectors(for: parameters))
        case .gaussNewtonProduct:
            sums = try graph.gaussNewtonVectorProduct(
                of: loss, outputs: built.output, along: vectors(for: parameters))
        case .gradient: sums = try graph.gradient(of: loss, withRespectTo: parameters)
        default: results = [loss]
        }
    }

    /// Where a program finds the vector of a product.
    func tangentBuffers(_ program: Program) -> [(buffer: UnsafeMutableRawPointer?, count: Int)] {
        tangents.map { (program.inputBuffer($0.name), graph.shape(of: $0.node).reduce(1, *)) }
    }

    /// Inputs for the vector of a product, one for each node.
    private mutating func vectors(for nodes: [Node]) throws -> [(node: Node, tangent: Node)] {
        nodes.enumerated().map { index, node in
            let name = "vector \(index)"
            let tangent = graph.input(name, shape: graph.shape(of: node))
            tangents.append((name, tangent))
            return (node, tangent)
        }
    }

    /// Inputs of one sample, and of all.
    private func samples(_ built: Network.Built, _ rows: Int) -> [Node: Node] {
        Dictionary(
            uniqueKeysWithValues: built.batch.values.map { one in
                (one.node, graph.input("all.\(one.field.name)", shape: [rows] + graph.shape(of: one.node)))
            })
    }

    /// `output`, `<layer>.output` or `<layer>.input`.
    private func node(_ name: String, _ built: Network.Built) -> Node {
        for layer in graph.layers {
            if name == "\(layer.name).output" { return layer.output }
            if name == "\(layer.name).input" { return layer.input }
        }
        return built.output
    }
}
