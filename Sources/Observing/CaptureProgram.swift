import Engine
import Manifests
import Protocols

/// A value per sample (of a layer: per position of each sample) that a forward and backward pass gives.
enum Capture: Hashable {
    case layer(Int, QuantityExpression.Basic)
    case modelOutput
    case sampleLoss
    case targets
}

/// The network and its loss at a fixed number of rows, compiled in f64 for a set of captures; and from cotangents of its outputs,
/// several at once, back to the outputs of layers.
final class CaptureProgram: RowProgram {
    /// What a program computes.
    struct Key: Hashable {
        var rows = 0
        var captures: Set<Capture> = []
        /// Whether the gradient of the sum of the sample losses is written into the store's gradients.
        var wantsGradient = false
        /// How many cotangents, and which layers they go back to.
        var cotangents = 0
        var jacobians: [Int] = []
    }

    /// Cotangents of a run at most.
    static let mostCotangents = 16

    let rows: Int
    private let program: Program
    private let nodes: [Capture: Node]
    private let fields: [Field]
    /// By cotangent and layer.
    private let jacobians: [[Int: Node]]
    private let cotangents: [UnsafeMutablePointer<Double>?]
    /// Numbers of the output of one row.
    private let width: Int

    init(_ network: Network, _ key: Key, parameters: ParameterStore) throws {
        let (captures, wantsGradient) = (key.captures, key.wantsGradient)
        let built = try network.build(rows: key.rows)
        let graph = built.graph, outputShape = graph.shape(of: built.output)
        var nodes: [Capture: Node] = [:]
        let needsLoss = wantsGradient || captures.contains(where: \.needsLoss)
        let layers = captures.compactMap {
            if case .layer(let index, _) = $0, $0.needsBackward { index } else { nil }
        }
        let backward = Set(layers).sorted()
        var gradients: [(parameter: Node, gradient: Node)] = []
        if needsLoss {
            let loss = try built.sampleLoss()
            nodes[.sampleLoss] = loss
            if !backward.isEmpty || wantsGradient {
                let sum = try graph.apply(named: "sum", [loss], attributes: [:])
                let targets = backward.map { graph.layers[$0].output } + (wantsGradient ? built.parameters : [])
                let results = try graph.gradient(of: sum, withRespectTo: targets)
                for (index, node) in zip(backward, results) {
                    nodes[.layer(index, .layerOutputGrad)] = try graph.rows(node, ofLayer: index)
                }
                if wantsGradient {
                    gradients = zip(built.parameters, results.dropFirst(backward.count)).map { ($0, $1) }
                }
            }
        }
        for case .layer(let index, let basic) in captures {
            let layer = try graph.matrices(of: graph.layers[index])
            switch basic {
            case .layerInput: nodes[.layer(index, basic)] = layer.input
            case .layerOutput: nodes[.layer(index, basic)] = layer.output
            case .layerInputGrad:
                guard let grad = nodes[.layer(index, .layerOutputGrad)] else { continue }
                nodes[.layer(index, basic)] = try graph.apply(named: "matmul", [grad, layer.weight], attributes: [:])
            default: break
            }
        }
        nodes[.modelOutput] = built.output
        if captures.contains(.targets) { nodes[.targets] = try built.targets() }

        let names = (0..<key.cotangents).map { "cotangent \($0)" }
        jacobians = try names.map { name in
            let products = try graph.vjp(
                of: built.output, cotangent: graph.input(name, shape: outputShape),
                withRespectTo: key.jacobians.map { graph.layers[$0].output })
            return Dictionary(
                uniqueKeysWithValues: try zip(key.jacobians, products).map {
                    ($0, try graph.rows($1, ofLayer: $0))
                })
        }
        self.nodes = nodes.filter { captures.contains($0.key) }
        (rows, fields, width) = (key.rows, network.fields, outputShape.dropFirst().reduce(1, *))
        let outputs = Set(self.nodes.values).union(jacobians.flatMap(\.values)).sorted { $0.id < $1.id }
        let program = try Program(
            graph, outputs: outputs, gradients: gradients, precision: .f64, parameters: parameters)
        self.program = program
        cotangents = names.map { program.inputBuffer($0)?.assumingMemoryBound(to: Double.self) }
    }

    func run(on table: DataTable, from row: Int, _ kind: JacobianCotangents, first: Int) {
        for (index, field) in fields.enumerated() {
            guard let target = program.inputBuffer(field.name) else { continue }
            let source = table.pointer(field: index, row: row)
            target.assumingMemoryBound(to: Double.self).update(from: source, count: rows * field.elements)
        }
        for (k, buffer) in cotangents.enumerated() {
            guard let buffer else { continue }
            kind.write(
                first + k, row: row, into: UnsafeMutableBufferPointer(start: buffer, count: rows * width), width)
        }
        program.run()
    }

    func values(_ capture: Capture) -> UnsafePointer<Double>? { nodes[capture].map(output) }

    func jacobian(cotangent: Int, layer: Int) -> UnsafePointer<Double>? { jacobians[cotangent][layer].map(output) }

    private func output(_ node: Node) -> UnsafePointer<Double> {
        UnsafePointer(program.output(node).assumingMemoryBound(to: Double.self))
    }
}

extension Graph {
    /// A derivative with respect to a layer's output as rows of a matrix.
    fileprivate func rows(_ node: Node, ofLayer index: Int) throws -> Node {
        try reshape(node, to: shape(of: try matrices(of: layers[index]).output))
    }
}

extension Capture {
    var needsLoss: Bool { needsBackward || self == .sampleLoss }

    var needsBackward: Bool {
        if case .layer(_, let basic) = self { return basic == .layerOutputGrad || basic == .layerInputGrad }
        return false
    }
}
