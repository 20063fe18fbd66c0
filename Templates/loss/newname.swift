/// delta (sqrt(delta^2 + (f - y)^2) - delta), summed over the outputs of each sample. Runs once; the graph is differentiated.
@c @implementation
public func newname(
    _ service: UnsafePointer<syzygy_graph>!, _ f: syzygy_node, _ y: syzygy_node, _ delta: Double,
    _ sample_loss: UnsafeMutablePointer<syzygy_node>!
) -> Int32 {
    let graph = Graph(service)
    let width = graph.constant(delta)
    let square = graph.apply("square", [graph.apply("sub", [f, y])])
    let root = graph.apply("sqrt", [graph.apply("add", [square, graph.constant(delta * delta)])])
    let loss = graph.apply("mul", [graph.apply("sub", [root, width]), width])
    return graph.finish(graph.apply("sum", [loss], ("axis", -1)), sample_loss)
}
