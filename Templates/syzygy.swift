/// What a small plugin needs of `syzygy.graph/1` (syzygy.h has all of it), in Swift.
struct Graph {
    private let table: syzygy_graph

    init(_ service: UnsafePointer<syzygy_graph>) { table = service.pointee }

    func constant(_ value: Double) -> syzygy_node { table.constant(table.context, value) }

    /// The operation `op`, with at most one attribute.
    func apply(
        _ op: String, _ inputs: [syzygy_node], _ attribute: (name: String, value: Double)? = nil
    ) -> syzygy_node {
        guard let (name, value) = attribute else {
            return table.apply(table.context, op, inputs, Int32(inputs.count), nil, 0)
        }
        return name.withCString { name in
            var attribute = syzygy_attribute(name: name, value: value)
            return table.apply(table.context, op, inputs, Int32(inputs.count), &attribute, 1)
        }
    }

    /// A trained block; role: weight, bias, scale or other.
    func parameter(
        _ name: String, _ role: String, _ shape: [Int64], fanIn: Int64 = 0, fanOut: Int64 = 0,
        scheme: String = "torch_linear"
    ) -> syzygy_node {
        scheme.withCString { scheme in
            table.parameter(
                table.context, name, role, shape, Int32(shape.count), syzygy_initializer(scheme: scheme, scale: 1),
                fanIn,
                fanOut)
        }
    }

    /// Declares output = input · weightᵀ, before any bias, as a layer that probes observe. No bias: -1.
    func layer(
        _ name: String, _ input: syzygy_node, _ weight: syzygy_node, _ bias: syzygy_node, _ output: syzygy_node
    ) {
        _ = table.layer(table.context, name, input, weight, bias, output)
    }

    /// Writes the result to its place. The host knows what went wrong first.
    func finish(_ node: syzygy_node, _ place: UnsafeMutablePointer<syzygy_node>) -> Int32 {
        place.pointee = node
        return Int32(node < 0 ? SYZYGY_INVALID : SYZYGY_OK)
    }
}
