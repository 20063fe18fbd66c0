import Engine
import LinearAlgebra
import Protocols

/// The network forward and, from some cotangents of its outputs at once, back to the outputs of layers.
final class JacobianProgram {
    /// Cotangents of a run.
    static let most = 16

    struct Key: Hashable {
        var rows, cotangents: Int
        var layers: [Int]
    }

    private let rows: Int
    private let program: Program
    private let fields: [Field]
    /// By cotangent and layer.
    private let nodes: [[Int: Node]]
    private let cotangents: [UnsafeMutablePointer<Double>?]
    /// Numbers of the output of one row.
    private let width: Int

    init(_ network: Network, _ key: Key, parameters: ParameterStore) throws {
        let built = try network.build(rows: key.rows)
        let graph = built.graph, shape = graph.shape(of: built.output)
        (rows, fields, width) = (key.rows, network.fields, shape.dropFirst().reduce(1, *))
        let names = (0..<key.cotangents).map { "cotangent \($0)" }
        let outputs = key.layers.map { graph.layers[$0].output }
        nodes = try names.map { name in
            let products = try graph.vjp(
                of: built.output, cotangent: graph.input(name, shape: shape), withRespectTo: outputs)
            return Dictionary(
                uniqueKeysWithValues: try zip(key.layers, products).map { layer, node in
                    let rows = graph.shape(of: try graph.matrices(of: graph.layers[layer]).output)
                    return (layer, try graph.reshape(node, to: rows))
                })
        }
        let results = Set(nodes.flatMap(\.values)).sorted { $0.id < $1.id }
        let program = try Program(graph, outputs: results, gradients: [], precision: .f64, parameters: parameters)
        self.program = program
        cotangents = names.map { program.inputBuffer($0)?.assumingMemoryBound(to: Double.self) }
    }

    /// - Parameter first: number of the first cotangent; what lies behind `count` is zero.
    func run(on table: DataTable, from row: Int, _ kind: JacobianCotangents, first: Int) {
        for (index, field) in fields.enumerated() {
            guard let target = program.inputBuffer(field.name) else { continue }
            target.assumingMemoryBound(to: Double.self).update(
                from: table.pointer(field: index, row: row), count: rows * field.elements)
        }
        for (k, buffer) in cotangents.enumerated() {
            guard let buffer else { continue }
            kind.write(
                first + k, row: row, into: UnsafeMutableBufferPointer(start: buffer, count: rows * width), width)
        }
        program.run()
    }

    /// Of the last run, `[rows · positions, width of the layer's output]`.
    func jacobian(cotangent: Int, layer: Int) -> UnsafePointer<Double>? {
        nodes[cotangent][layer].map { UnsafePointer(program.output($0).assumingMemoryBound(to: Double.self)) }
    }
}

/// What is sent back from the outputs of the network.
enum JacobianCotangents {
    /// One output after the other.
    case outputs(Int)
    /// For each row signs of its own at all outputs, over √count: the sum of outer products is JᵀJ on average (Hutchinson).
    case signs(count: Int)

    var count: Int {
        switch self {
        case .outputs(let count), .signs(let count): count
        }
    }

    /// Cotangent number `index` of rows `row` on.
    fileprivate func write(_ index: Int, row: Int, into buffer: UnsafeMutableBufferPointer<Double>, _ width: Int) {
        guard index < count else { return buffer.update(repeating: 0) }
        switch self {
        case .outputs:
            buffer.update(repeating: 0)
            for i in stride(from: index, to: buffer.count, by: width) { buffer[i] = 1 }
        case .signs(let count):
            // The same signs for a row, however rows are divided into chunks.
            let stream = Stream(seed: UInt64(index), name: "cotangents"), size = 1 / Double(count).squareRoot()
            stream.uniform(from: row * width, into: buffer)
            for i in buffer.indices { buffer[i] = buffer[i] < 0.5 ? -size : size }
        }
    }
}
