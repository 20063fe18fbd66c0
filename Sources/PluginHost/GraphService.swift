import CSyzygy
import Engine
import Manifests

/// `syzygy.graph/1`: lets a plugin's function build a graph. Node numbers are indices into `nodes`.
package final class GraphService {
    let graph: Graph
    /// Whether parameters and layers may be declared: what observers and optimizers know is the model's.
    private let declares: Bool
    private let operation: (OperationReference) throws -> (any CustomOperation)?
    private(set) var nodes: [Node] = []
    /// The first error, in the host's or the plugin's words.
    package private(set) var failure: String?
    package internal(set) var table = syzygy_graph()
    /// Scans and fixed points that are begun and not ended, the last one innermost; nil where the beginning failed.
    var loops: [Loop?] = []

    /// - Parameters:
    ///   - declares: false for losses and parametrizations, which declare no parameters and layers.
    ///   - operation: those of plugins that may be applied by name; nil for others.
    package init(
        _ graph: Graph, declares: Bool = true,
        operation: @escaping (OperationReference) throws -> (any CustomOperation)? = { _ in nil }
    ) {
        self.graph = graph
        self.declares = declares
        self.operation = operation
        table.struct_size = UInt32(MemoryLayout<syzygy_graph>.size)
        table.context = Unmanaged.passUnretained(self).toOpaque()
        table.parameter = { context, name, role, shape, rank, initializer, fanIn, fanOut in
            GraphService.of(context) { service in
                try service.checkDeclares("parameter '\(text(name))'")
                let scheme = text(initializer.scheme)
                guard let known = Initializer.Scheme(rawValue: scheme) else {
                    throw GraphError(
                        "parameter '\(text(name))': unknown initializer '\(scheme)' "
                            + "(known: \(Initializer.Scheme.allCases.map(\.rawValue).joined(separator: ", ")))")
                }
                guard let role = ParameterRole(rawValue: text(role)) else {
                    throw GraphError(
                        "parameter '\(text(name))': unknown role '\(text(role))' "
                            + "(known: \(ParameterRole.allCases.map(\.rawValue).joined(separator: ", ")))")
                }
                return try service.graph.parameter(
                    text(name), role: role, shape: try sizes(shape, rank),
                    initializer: Initializer(scheme: known, scale: initializer.scale),
                    fanIn: fanIn > 0 ? Int(fanIn) : nil, fanOut: fanOut > 0 ? Int(fanOut) : nil)
            }
        }
        table.constant = { context, value in GraphService.of(context) { $0.graph.constant(value) } }
        table.apply = { context, name, inputs, inputCount, attributes, attributeCount in
            GraphService.of(context) { service in
                try service.apply(
                    text(name), try service.nodes(inputs, inputCount), named(attributes, attributeCount))
            }
        }
        table.shaped = { context, name, input, shape, rank in
            GraphService.of(context) { service in
                let node = try service.node(input)
                let target = try sizes(shape, rank)
                return try service.graph.apply(named: text(name), node, list: target)
            }
        }
        table.shape = { context, node, out in
            guard let context, let out else { return -1 }
            let service = Unmanaged<GraphService>.fromOpaque(context).takeUnretainedValue()
            guard let known = try? service.node(node) else { return -1 }
            let shape = service.graph.shape(of: known)
            for (axis, size) in shape.enumerated() where axis < Int(SYZYGY_MAX_RANK) { out[axis] = Int64(size) }
            return Int32(shape.count)
        }
        table.layer = { context, name, input, weight, bias, output in
            let made = GraphService.of(context) { service in
                try service.checkDeclares("layer '\(text(name))'")
                let output = try service.node(output)
                try service.graph.layer(
                    text(name), input: try service.node(input), weight: try service.node(weight),
                    bias: bias >= 0 ? try service.node(bias) : nil, output: output)
                return output
            }
            return made < 0 ? Int32(SYZYGY_INVALID) : Int32(SYZYGY_OK)
        }
        table.fail = { context, message in
            GraphService.of(context) { _ in
                let words = text(message)
                throw GraphError(words.isEmpty ? "fails without saying why" : words)
            }
        }
        table.tensor = { context, values, shape, rank in
            GraphService.of(context) { service in
                let shape = try sizes(shape, rank)
                let count = try Graph.count(of: shape, for: "tensor")
                guard let values else { throw GraphError("tensor: \(shape) without values") }
                return try service.graph.constant(
                    Array(UnsafeBufferPointer(start: values, count: count)), shape: shape)
            }
        }
        table.is_training = { context in
            guard let context else { return 0 }
            return Unmanaged<GraphService>.fromOpaque(context).takeUnretainedValue().graph.isTraining ? 1 : 0
        }
        table.assign = { context, statistic, value in
            let made = GraphService.of(context) { service in
                let value = try service.node(value)
                if service.graph.isTraining { try service.graph.assign(try service.node(statistic), value) }
                return value
            }
            return made < 0 ? Int32(SYZYGY_INVALID) : Int32(SYZYGY_OK)
        }
        table.random = { context, distribution, probability, stream, shape, rank in
            GraphService.of(context) { service in
                let distribution = try Random.Distribution(named: text(distribution), probability: probability)
                return try service.graph.random(distribution, stream: text(stream), shape: try sizes(shape, rank))
            }
        }
        table.dropout = { context, input, rate, stream in
            GraphService.of(context) { service in
                try service.graph.dropout(try service.node(input), rate: rate, stream: text(stream))
            }
        }
        addLoops()
    }

    private func checkDeclares(_ what: String) throws {
        if !declares { throw GraphError("\(what): only models declare parameters and layers") }
    }

    /// The number under which the plugin knows a node.
    package func number(_ node: Node) -> Int32 {
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    /// The same for what a plugin made; throws if it has more axes than plugins may ask for.
    func checkedNumber(_ node: Node) throws -> Int32 {
        let shape = graph.shape(of: node)
        guard shape.count <= SYZYGY_MAX_RANK else {
            throw GraphError("\(shape) has more than \(SYZYGY_MAX_RANK) axes")
        }
        return number(node)
    }

    /// The node a plugin returned.
    package func node(_ number: Int32) throws -> Node {
        guard nodes.indices.contains(Int(number)) else {
            throw GraphError("uses node \(number), which does not exist")
        }
        return nodes[Int(number)]
    }

    /// An operation of the engine or, if the component may use it, of a plugin. The name may have attributes: `elu(alpha=0.5)`.
    private func apply(_ text: String, _ inputs: [Node], _ attributes: [String: Double]) throws -> Node {
        let reference = OperationReference(text) ?? OperationReference(name: text)
        let all = attributes.merging(reference.attributes) { _, written in written }
        guard let operation = try operation(OperationReference(name: reference.name, attributes: all)) else {
            return try graph.apply(named: reference.name, inputs, attributes: all)
        }
        guard inputs.count == operation.inputCount else {
            throw GraphError("\(operation.name): \(inputs.count) inputs; \(operation.inputCount) expected")
        }
        return try graph.apply(operation, inputs)
    }

    func nodes(_ numbers: UnsafePointer<Int32>?, _ count: Int32) throws -> [Node] {
        guard let numbers else { return [] }
        return try (0..<Int(max(count, 0))).map { try node(numbers[$0]) }
    }

    /// What `body` makes, for a function that returns a status.
    static func status(
        _ context: UnsafeMutableRawPointer?, _ body: (GraphService) throws -> Void
    ) -> syzygy_status {
        guard let context else { return Int32(SYZYGY_INVALID) }
        let service = Unmanaged<GraphService>.fromOpaque(context).takeUnretainedValue()
        do {
            try body(service)
            return Int32(SYZYGY_OK)
        } catch {
            if service.failure == nil { service.failure = "\(error)" }
            return Int32(SYZYGY_INVALID)
        }
    }

    static func of(
        _ context: UnsafeMutableRawPointer?, _ body: (GraphService) throws -> Node
    ) -> syzygy_node {
        guard let context else { return -1 }
        let service = Unmanaged<GraphService>.fromOpaque(context).takeUnretainedValue()
        do {
            return try service.checkedNumber(try body(service))
        } catch {
            if service.failure == nil { service.failure = "\(error)" }
            return -1
        }
    }
}

func named(_ attributes: UnsafePointer<syzygy_attribute>?, _ count: Int32) -> [String: Double] {
    guard let attributes else { return [:] }
    let pairs = (0..<Int(max(count, 0))).map { (text(attributes[$0].name), attributes[$0].value) }
    return Dictionary(pairs) { _, last in last }
}

private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

private func sizes(_ shape: UnsafePointer<Int64>?, _ rank: Int32) throws -> [Int] {
    guard rank >= 0, rank <= SYZYGY_MAX_RANK, rank == 0 || shape != nil else {
        throw GraphError("a shape has rank \(rank); allowed are 0 to \(SYZYGY_MAX_RANK)")
    }
    return (0..<Int(rank)).map { Int(shape?[$0] ?? 0) }
}
