import Engine
import Foundation
import Manifests

/// The network of `Tests/References/derivatives.py`, and its derivatives by torch.func.
struct DerivativeReference {
    static let rows = 6
    static let shapes = [[7, 5], [7], [4, 7], [4], [3, 4], [3]]
    static let counts = shapes.map(elements)
    static let count = counts.reduce(0, +)

    let graph = Graph()
    let x, labels, logits: Node
    /// Of each row, `[rows]`.
    let losses: Node
    let loss: Node
    let parameters: [Node]
    /// The vector v, a part for each parameter.
    let tangents: [Node]
    let store: ParameterStore
    var inputs: [String: [Double]] = [:]
    static let scalars = ["s": 0.3]

    /// - Parameter rows: rows the graph is built for; with 1, `batched` gives those of the reference.
    init(rows: Int = Self.rows) throws {
        let graph = graph
        func call(_ name: String, _ inputs: Node...) throws -> Node { try graph.apply(named: name, inputs) }
        x = graph.input("x", shape: [rows, 5])
        labels = graph.input("y", shape: [rows])
        var parameters: [Node] = []
        for (index, shape) in Self.shapes.enumerated() {
            parameters.append(
                try graph.parameter(
                    "p\(index)", role: .weight, shape: shape, initializer: Initializer(scheme: .normal)))
        }
        func dense(_ x: Node, _ layer: Int) throws -> Node {
            let product = try graph.apply(.matmul(transposeB: true), [x, parameters[2 * layer]])
            return try call("add", product, parameters[2 * layer + 1])
        }
        let hidden = try call("gelu", try dense(try call("tanh", try dense(x, 0)), 1))
        logits = try call("mul", try call("exp", graph.scalar("s")), try dense(hidden, 2))
        let right = try call("mul", try call("log_softmax", logits), try graph.oneHot(labels, classes: 3))
        losses = try call("neg", try graph.apply(.sum(axes: [1]), [right]))
        loss = try call("mean", losses)
        self.parameters = parameters
        tangents = parameters.indices.map { graph.input("v\($0)", shape: Self.shapes[$0]) }
        store = ParameterStore(blocks: graph.blocks, precision: .f64)
        let theta = (0..<Self.count).map { i -> Double in
            let i = Double(i)
            return 0.6 * sin(0.7 * i + 1) + 0.1 * cos(i * i)
        }
        let v = (0..<Self.count).map { cos(1.1 * Double($0)) }
        for (index, range) in Self.ranges.enumerated() {
            store.set(block: index, Array(theta[range]))
            inputs["v\(index)"] = Array(v[range])
        }
        inputs["u"] = (0..<18).map { sin(0.9 * Double($0) + 0.4) }
        if rows == Self.rows {
            inputs["x"] = Self.batch
            inputs["y"] = Self.labelsOfBatch
        }
    }

    static let batch = (0..<30).map { sin(1.3 * Double($0) + 0.2) }
    static let labelsOfBatch = (0..<6).map { Double((2 * $0 + 1) % 3) }
    /// Where each parameter stands among all.
    static let ranges: [Range<Int>] = counts.indices.map { index in
        let begin = counts[..<index].reduce(0, +)
        return begin..<begin + counts[index]
    }

    var vectors: [(node: Node, tangent: Node)] { zip(parameters, tangents).map { ($0, $1) } }

    func values(_ nodes: [Node]) throws -> [[Double]] {
        try evaluate(graph, nodes, inputs, scalars: Self.scalars, parameters: store)
    }

    /// Values of torch.func by name, row-major.
    static let values: [String: [Double]] = {
        guard let root = try? Installation.root,
            let document = try? StrictJSON.read(root + "/Tests/References/derivatives.json")
        else { return [:] }
        let values = document.root["values"]?.object ?? [:]
        return Dictionary(uniqueKeysWithValues: values.map { ($0, $1.array?.compactMap(\.double) ?? []) })
    }()
}
