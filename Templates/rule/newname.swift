/// mix W + (1 - mix) B. Runs once for each layer; the host carries errors back by it.
@c @implementation
public func newname(
    _ service: UnsafePointer<syzygy_graph>!, _ weight: syzygy_node, _ feedback: syzygy_node, _ mix: Double,
    _ backward_weight: UnsafeMutablePointer<syzygy_node>!
) -> Int32 {
    let graph = Graph(service)
    let own = graph.apply("mul", [weight, graph.constant(mix)])
    let other = graph.apply("mul", [feedback, graph.constant(1 - mix)])
    return graph.finish(graph.apply("add", [own, other]), backward_weight)
}
