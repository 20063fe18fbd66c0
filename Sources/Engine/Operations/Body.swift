/// A function as a value: a piece of a graph from its arguments to its results, which depend on nothing else. What loops repeat.
package struct Body: Hashable, Sendable {
    private struct Value: Hashable, Sendable {
        let definition: Graph.Definition
        let shape: [Int]
    }

    /// The arguments first; inputs of an operation are positions of earlier values.
    private let values: [Value]
    private let results: [Int]
    let argumentCount: Int

    var argumentShapes: [[Int]] { values.prefix(argumentCount).map(\.shape) }
    var resultShapes: [[Int]] { results.map { values[$0].shape } }
    /// With those of loops inside: of all steps of a scan, of one application of a fixed point.
    var operationCount: Int {
        values.dropFirst(argumentCount).reduce(0) { count, value in
            guard case .operation(let operation, _) = value.definition else { return count + 1 }
            switch operation.rule {
            case let scan as Scan: return count + scan.operationCount
            case let fixedPoint as FixedPoint: return count + fixedPoint.body.operationCount
            default: return count + 1
            }
        }
    }

    /// - Parameters:
    ///   - arguments: distinct nodes.
    ///   - results: nodes that depend on the arguments and fixed numbers only.
    init(_ graph: Graph, arguments: [Node], results: [Node]) {
        var values: [Value] = []
        var position: [Node: Int] = [:]
        for node in arguments {
            position[node] = values.count
            values.append(Value(definition: .input("\(values.count)"), shape: graph.shape(of: node)))
        }
        for node in graph.ancestors(of: results, upTo: Set(arguments)) where position[node] == nil {
            position[node] = values.count
            let definition: Graph.Definition
            switch graph.definition(of: node) {
            case .constant, .iota, .table: definition = graph.definition(of: node)
            case .operation(let operation, let inputs):
                definition = .operation(operation, inputs.compactMap { position[$0].map(Node.init(id:)) })
            case .input, .scalar, .parameter:
                preconditionFailure("\(graph.operand(node)) is no argument of the body that reads it")
            }
            values.append(Value(definition: definition, shape: graph.shape(of: node)))
        }
        self.values = values
        self.results = results.compactMap { position[$0] }
        argumentCount = arguments.count
    }

    /// The results for the given arguments.
    func applied(in graph: Graph, to arguments: [Node]) throws -> [Node] {
        var nodes: [Node] = []
        nodes.reserveCapacity(values.count)
        for value in values {
            if case .operation(let operation, let inputs) = value.definition {
                nodes.append(try graph.apply(operation, inputs.map { nodes[$0.id] }))
            } else {
                nodes.append(try graph.fixed(value.definition) ?? arguments[nodes.count])
            }
        }
        return results.map { nodes[$0] }
    }

    /// A graph of the body alone, its arguments as inputs `0`, `1`, ….
    package func graph() throws -> (graph: Graph, arguments: [Node], results: [Node]) {
        let graph = Graph()
        let arguments = argumentShapes.enumerated().map { graph.input("\($0)", shape: $1) }
        return (graph, arguments, try applied(in: graph, to: arguments))
    }

    /// From the arguments and a cotangent of each result to the cotangents of the arguments, 0 for those not `wanted`, and, after
    /// them, the results.
    func vjp(_ wanted: [Bool]) throws -> Body {
        let (graph, arguments, results) = try graph()
        let cotangents = resultShapes.enumerated().map { graph.input("cotangent \($0)", shape: $1) }
        let variables = zip(arguments, wanted).filter(\.1).map(\.0)
        var found = try graph.vjp(of: zip(results, cotangents).map { ($0, $1) }, withRespectTo: variables)[...]
        let zero = graph.constant(0)
        let products = try zip(argumentShapes, wanted).map { shape, isWanted in
            try isWanted ? found.removeFirst() : graph.broadcast(zero, to: shape)
        }
        return Body(graph, arguments: arguments + cotangents, results: products + results)
    }

    /// The body for several copies: arguments of which each copy has its own get a first axis, as all results do.
    func batched(_ isBatched: [Bool], copies: Int) throws -> Body {
        let (graph, arguments, results) = try graph()
        var all = arguments
        for (i, shape) in argumentShapes.enumerated() where isBatched[i] {
            all[i] = graph.input("copies of \(i)", shape: [copies] + shape)
        }
        let pairs = zip(arguments, all).filter { $0 != $1 }
        let replaced = Dictionary(uniqueKeysWithValues: pairs.map { ($0, $1) })
        return Body(graph, arguments: all, results: try graph.batched(results, copies: copies, replacing: replaced))
    }

    /// A program of one thread, where its arguments go (nil: no result depends on it) and where its results are.
    func program(_ precision: Precision) throws -> BodyProgram {
        let (graph, arguments, results) = try graph()
        let program = try Program(graph, outputs: results, precision: precision, parameters: nil, threads: 1)
        return BodyProgram(
            program: program, arguments: arguments.indices.map { program.inputBuffer("\($0)") },
            results: results.map(program.output))
    }

    /// Floating-point operations of one application.
    var flops: Double {
        var flops = 0.0
        let place = Buffer.nowhere
        for value in values {
            guard case .operation(let operation, let inputs) = value.definition else { continue }
            guard operation.rule.work == .kernel else {
                flops += Double(Shape.elements(value.shape))
                continue
            }
            let buffers = inputs.map { place(values[$0.id].shape, .f32) }
            flops += (try? operation.rule.call(buffers, place(value.shape, .f32), .f32).flops) ?? 0
        }
        return flops
    }
}

/// A compiled body inside a step of another program.
struct BodyProgram {
    let program: Program
    let arguments: [UnsafeMutableRawPointer?]
    let results: [UnsafeRawPointer]
}

extension Buffer {
    /// A tensor that has no memory and may not be followed.
    fileprivate static func nowhere(_ shape: [Int], _ precision: Precision) -> Buffer {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: 64) else { preconditionFailure("64 is an address") }
        return Buffer(pointer: pointer, shape: shape, precision: precision)
    }
}

extension Graph {
    /// The same fixed numbers in this graph; nil if a definition is something else.
    func fixed(_ definition: Definition) throws -> Node? {
        switch definition {
        case .constant(let bits): constant(Double(bitPattern: bits))
        case .iota(let count): try iota(count)
        case .table(let bits): try constant(bits.map(Double.init(bitPattern:)), shape: [bits.count])
        case .input, .scalar, .parameter, .operation: nil
        }
    }

    /// Everything that nodes depend on and they themselves, in order, without what lies behind given nodes.
    func ancestors(of nodes: [Node], upTo ends: Set<Node>) -> [Node] {
        var isNeeded = [Bool](repeating: false, count: (nodes.map(\.id).max() ?? -1) + 1)
        for node in nodes { isNeeded[node.id] = true }
        for id in isNeeded.indices.reversed() where isNeeded[id] && !ends.contains(Node(id: id)) {
            for input in inputs(id) { isNeeded[input] = true }
        }
        return isNeeded.indices.filter { isNeeded[$0] }.map(Node.init(id:))
    }
}
