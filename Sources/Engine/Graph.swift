/// Floating-point type of a compiled graph.
package enum Precision: String, Sendable, CaseIterable {
    case f32, f64
    package var bytes: Int { self == .f32 ? 4 : 8 }
}

/// A value in a `Graph`; meaningful only together with the graph that made it.
package struct Node: Hashable, Sendable {
    package let id: Int
    package init(id: Int) { self.id = id }
}

/// A computation with static shapes, built once, differentiated by adding nodes, and compiled into `Program`s.
///
/// Equal nodes are one node: building the same expression twice costs nothing at run time.
package final class Graph {
    /// How a node gets its value.
    package enum Definition: Hashable, Sendable {
        case input(String)
        case scalar(String)
        /// The bits of a number.
        case constant(UInt64)
        /// 0, 1, … n - 1.
        case iota(Int)
        /// The bits of numbers.
        case table([UInt64])
        /// Index in `blocks`.
        case parameter(Int)
        case operation(Operation, [Node])
    }

    package private(set) var blocks: [ParameterBlock] = []
    package internal(set) var layers: [Layer] = []
    package internal(set) var assignments: [Assignment] = []
    /// Whether the graph is a training step, where dropout drops and batches are normalized by themselves, or an evaluation.
    package let isTraining: Bool
    /// How many nodes draw from streams of each name.
    var streams: [String: Int] = [:]
    private var nodes: [(definition: Definition, shape: [Int])] = []
    private var known: [Definition: Node] = [:]
    /// Before the names of parameters and layers that are declared: `teacher.`.
    package var namespace = ""
    /// Parameters by name, for models that are applied several times.
    var repetition = Repetition()

    /// Gives the node that stands for a parameter when it is declared, made of other parameters, or nil for a block of its own.
    package var substitute: ((ParameterBlock) throws -> Node?)?

    package init(isTraining: Bool = false) { self.isTraining = isTraining }

    package var nodeCount: Int { nodes.count }
    package func shape(of node: Node) -> [Int] { nodes[node.id].shape }
    package func definition(of node: Node) -> Definition { nodes[node.id].definition }

    private func node(_ definition: Definition, _ shape: [Int]) -> Node {
        if let node = known[definition] { return node }
        nodes.append((definition, shape))
        let node = Node(id: nodes.count - 1)
        known[definition] = node
        return node
    }

    // MARK: Sources

    /// A tensor of the batch (labels too, as numbers), set before each run. The name stands for one shape only.
    package func input(_ name: String, shape: [Int]) -> Node {
        let node = node(.input(name), shape)
        precondition(self.shape(of: node) == shape, "input \(name) was declared with shape \(self.shape(of: node))")
        return node
    }

    /// A number set before each run, shape `[]`.
    package func scalar(_ name: String) -> Node { node(.scalar(name), []) }

    /// A fixed number, shape `[]`.
    package func constant(_ value: Double) -> Node { node(.constant(value.bitPattern), []) }

    /// 0, 1, … count - 1, shape `[count]`.
    package func iota(_ count: Int) throws -> Node {
        try Shape.check([count], for: "iota")
        return node(.iota(count), [count])
    }

    /// Fixed numbers.
    package func constant(_ values: [Double], shape: [Int]) throws -> Node {
        guard try Graph.count(of: shape, for: "tensor") == values.count else {
            throw GraphError("tensor: \(values.count) values for \(shape)")
        }
        if shape.isEmpty { return constant(values[0]) }
        return try reshape(node(.table(values.map(\.bitPattern)), [values.count]), to: shape)
    }

    /// Elements of a tensor of this shape; throws a sentence if there is none.
    package static func count(of shape: [Int], for what: String) throws -> Int {
        try Shape.check(shape, for: what)
        return Shape.elements(shape)
    }

    /// A trained block, or a statistic. Fans left out follow from the shape: `[out, …, in]` has fan_in = … · in and
    /// fan_out = out · …, where … is the kernel of a convolution.
    package func parameter(
        _ name: String, role: ParameterRole, shape: [Int], initializer: Initializer, fanIn: Int? = nil,
        fanOut: Int? = nil
    ) throws -> Node {
        guard !name.isEmpty else { throw GraphError("parameter: the name is empty") }
        let name = namespace + name
        if repetition.isActive { return try repeated(name, shape: shape) }
        guard !blocks.contains(where: { $0.name == name }) else {
            throw GraphError("parameter: '\(name)' is declared twice")
        }
        try Shape.check(shape, for: "parameter \(name)")
        guard initializer.scale.isFinite else {
            throw GraphError(
                "parameter \(name): the initializer's scale is \(initializer.scale); a finite number is expected")
        }
        for (fan, value) in [("fan_in", fanIn), ("fan_out", fanOut)] {
            guard value ?? 1 > 0 else {
                throw GraphError("parameter \(name): \(fan) is \(value ?? 0); at least 1 is expected")
            }
        }
        let total = (blocks.last?.end ?? 0) + Shape.elements(shape)
        try Memory.check(
            bytes: total * 2 * Precision.f32.bytes, for: "parameter \(name): values and gradients up to it need")
        let rest = shape.dropFirst()
        let block = ParameterBlock(
            name: name, shape: shape, role: role, initializer: initializer,
            fanIn: fanIn ?? (rest.isEmpty ? shape.first ?? 1 : rest.reduce(1, *)),
            fanOut: fanOut ?? (shape.first ?? 1) * rest.dropLast().reduce(1, *), offset: blocks.last?.end ?? 0)
        // What stands for a parameter has names of its own.
        let outer = namespace
        namespace = ""
        defer { namespace = outer }
        let node = try substitute?(block) ?? declare(block)
        repetition.parameters[name] = node
        return node
    }

    private func declare(_ block: ParameterBlock) -> Node {
        blocks.append(block)
        return node(.parameter(blocks.count - 1), block.shape)
    }

    // MARK: Operations

    /// The result of an operation, simplified where the rule knows an equal and simpler node.
    package func apply(_ operation: Operation, _ inputs: [Node]) throws -> Node {
        let rule = operation.rule
        try check(inputs, for: rule.name)
        guard inputs.count == rule.inputCount else {
            throw GraphError("\(rule.name): \(inputs.count) inputs; \(rule.inputCount) expected")
        }
        let shape = try rule.shape(of: inputs.map(operand))
        if let simpler = try rule.simplified(inputs.map { Term(graph: self, node: $0) }) { return simpler.node }
        return node(.operation(operation, inputs), shape)
    }

    package func reshape(_ node: Node, to shape: [Int]) throws -> Node { try apply(.reshape(shape), [node]) }
    package func broadcast(_ node: Node, to shape: [Int]) throws -> Node { try apply(.broadcast(shape), [node]) }

    func check(_ nodes: [Node], for what: String) throws {
        for node in nodes where !self.nodes.indices.contains(node.id) {
            throw GraphError("\(what): node \(node.id) does not exist; the graph has \(nodeCount) nodes")
        }
    }

    /// The node as errors name it.
    func operand(_ node: Node) -> Operand {
        let name: String? =
            switch definition(of: node) {
            case .input(let name), .scalar(let name): name
            case .parameter(let index): blocks[index].name
            default: layers.first { $0.output == node }.map { "\($0.name).output" }
            }
        return Operand(name: name, shape: shape(of: node))
    }
}
