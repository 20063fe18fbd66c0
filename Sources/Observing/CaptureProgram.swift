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

/// The network and its loss at a fixed number of rows, compiled in f64 for a set of captures.
final class CaptureProgram {
    let rows: Int
    private let program: Program
    private let nodes: [Capture: Node]
    private let fields: [Field]

    /// `wantsGradient`: also write the gradient of the sum of the sample losses into the store's gradients.
    init(
        _ network: Network, rows: Int, captures: Set<Capture>, wantsGradient: Bool, parameters: ParameterStore
    ) throws {
        let built = try network.build(rows: rows)
        let graph = built.graph
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
                    let rows = graph.shape(of: try graph.matrices(of: graph.layers[index]).output)
                    nodes[.layer(index, .layerOutputGrad)] = try graph.reshape(node, to: rows)
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
        self.nodes = nodes.filter { captures.contains($0.key) }
        self.rows = rows
        fields = network.fields
        program = try Program(
            graph, outputs: Array(Set(self.nodes.values)).sorted { $0.id < $1.id }, gradients: gradients,
            precision: .f64, parameters: parameters)
    }

    func run(on table: DataTable, from row: Int) {
        for (index, field) in fields.enumerated() {
            guard let target = program.inputBuffer(field.name) else { continue }
            let source = table.pointer(field: index, row: row)
            target.assumingMemoryBound(to: Double.self).update(from: source, count: rows * field.elements)
        }
        program.run()
    }

    /// Values of the last run, `[rows · positions, width]`; nil for a capture this program was not made for.
    func values(_ capture: Capture) -> UnsafePointer<Double>? {
        nodes[capture].map { program.output($0).assumingMemoryBound(to: Double.self) }
    }
}

extension Capture {
    var needsLoss: Bool { needsBackward || self == .sampleLoss }

    var needsBackward: Bool {
        if case .layer(_, let basic) = self { return basic == .layerOutputGrad || basic == .layerInputGrad }
        return false
    }
}
