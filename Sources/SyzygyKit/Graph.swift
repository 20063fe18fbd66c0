import CSyzygy

/// The host's `syzygy.graph/1` service: a static graph under construction, which the host runs and differentiates.
///
/// Errors need no handling: the host records the first one, and every later node is negative.
public struct Graph {
    let service: UnsafePointer<syzygy_graph>

    /// The service as the argument bound to it, valid during the call.
    public init(_ service: UnsafePointer<syzygy_graph>) {
        self.service = service
    }

    /// Writes the node that `body` returns to `output`, the place of a model's or loss's output.
    public static func build(
        _ service: UnsafePointer<syzygy_graph>, _ output: UnsafeMutablePointer<syzygy_node>, _ body: (Graph) -> Node
    ) -> syzygy_status {
        let node = body(Graph(service))
        output.pointee = node.id
        return (node.id < 0 ? Status.invalid : .ok).rawValue
    }

    /// The node that the host passed as an input.
    public func node(_ id: syzygy_node) -> Node { Node(graph: self, id: id) }

    /// A rank-0 constant.
    public func constant(_ value: Double) -> Node {
        node(service.pointee.constant(service.pointee.context, value))
    }

    /// A trained block; fans are taken from the shape unless given.
    public func parameter(
        _ name: String, role: Role, shape: [Int], initializer: Initializer, fanIn: Int = 0, fanOut: Int = 0
    ) -> Node {
        let id = initializer.scheme.withCString { scheme in
            service.pointee.parameter(
                service.pointee.context, name, role.rawValue, shape.map(Int64.init), Int32(shape.count),
                syzygy_initializer(scheme: scheme, scale: initializer.scale), Int64(fanIn), Int64(fanOut))
        }
        return node(id)
    }

    /// The operation named `op` (docs/plugins/graph.md lists them) with its options.
    public func apply(_ op: String, _ inputs: [Node], _ attributes: KeyValuePairs<StaticString, Double> = [:]) -> Node
    {
        let pairs = attributes.map { attribute($0, $1) }
        let ids = inputs.map(\.id)
        return node(
            service.pointee.apply(service.pointee.context, op, ids, Int32(ids.count), pairs, Int32(pairs.count)))
    }

    func attribute(_ name: StaticString, _ value: Double) -> syzygy_attribute {
        syzygy_attribute(name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), value: value)
    }

    /// Records an error in the author's words; the first error wins.
    public func fail(_ message: String) -> Node {
        node(service.pointee.fail(service.pointee.context, message))
    }

    /// What a parameter is for; decides which regularizers take it by default.
    public enum Role: String, Sendable { case weight, bias, scale, other, statistic }

    /// How a parameter gets its first values; `scale` is the standard deviation (`normal`), the half width (`uniform`),
    /// the value (`constant`) or the gain (every other scheme).
    public struct Initializer: Sendable {
        /// One of the schemes of docs/plugins/graph.md, such as `he_normal`.
        public var scheme: String
        public var scale: Double

        /// `scheme` with its scale, 1 unless given.
        public init(_ scheme: String, _ scale: Double = 1) {
            self.scheme = scheme
            self.scale = scale
        }

        /// All values 0.
        public static let zero = Initializer("constant", 0)
    }
}

/// A value of a graph under construction; negative after an error, which passes through every operation.
public struct Node {
    /// The graph that made the node.
    public let graph: Graph
    /// The host's number of the node; negative after an error.
    public let id: syzygy_node

    /// Empty for a number and after an error.
    public var shape: [Int] {
        var sizes = [Int64](repeating: 0, count: Int(SYZYGY_MAX_RANK))
        let rank = graph.service.pointee.shape(graph.service.pointee.context, id, &sizes)
        return sizes.prefix(Int(Swift.max(rank, 0))).map(Int.init)
    }

    /// The operation named `op` of this node alone.
    public func apply(_ op: String, _ attributes: KeyValuePairs<StaticString, Double> = [:]) -> Node {
        graph.apply(op, [self], attributes)
    }

    /// The same elements in row-major order under another shape.
    public func reshaped(to shape: [Int]) -> Node { listed("reshape", shape) }
    /// Repeated along axes of size 1 and new leading axes, as NumPy does.
    public func broadcast(to shape: [Int]) -> Node { listed("broadcast", shape) }

    /// The sum over one axis, which disappears.
    public func sum(axis: Int) -> Node { apply("sum", ["axis": Double(axis)]) }

    /// The operation named `op` with a list of sizes or axes.
    func listed(_ op: String, _ list: [Int]) -> Node {
        let numbers = list.map(Int64.init)
        return graph.node(
            graph.service.pointee.shaped(graph.service.pointee.context, op, id, numbers, Int32(numbers.count)))
    }
}

/// Elementwise arithmetic; shapes broadcast as in NumPy.
extension Node {
    public static func + (a: Node, b: Node) -> Node { a.graph.apply("add", [a, b]) }
    public static func - (a: Node, b: Node) -> Node { a.graph.apply("sub", [a, b]) }
    public static func * (a: Node, b: Node) -> Node { a.graph.apply("mul", [a, b]) }
    public static func / (a: Node, b: Node) -> Node { a.graph.apply("div", [a, b]) }
    public static func + (a: Node, b: Double) -> Node { a + a.graph.constant(b) }
    public static func * (a: Double, b: Node) -> Node { b.graph.constant(a) * b }
    public static func - (a: Node, b: Double) -> Node { a - a.graph.constant(b) }
    public static func - (a: Double, b: Node) -> Node { b.graph.constant(a) - b }
    public static prefix func - (a: Node) -> Node { a.apply("neg") }
}
