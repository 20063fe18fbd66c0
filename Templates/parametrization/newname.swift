/// w = u |u|, element by element.
@c @implementation
public func newname(
    _ service: UnsafePointer<syzygy_graph>!, _ u: syzygy_node, _ value: UnsafeMutablePointer<syzygy_node>!
) -> Int32 {
    let graph = Graph(service)
    return graph.finish(graph.apply("mul", [u, graph.apply("abs", [u])]), value)
}

/// First values of u from those of w.
@c @implementation
public func newname_start(_ w: UnsafePointer<Double>!, _ n: Int64, _ u: UnsafeMutablePointer<Double>!) {
    for i in 0..<Int(n) { u[i] = w[i] < 0 ? -(-w[i]).squareRoot() : w[i].squareRoot() }
}
