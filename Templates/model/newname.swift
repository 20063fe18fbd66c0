/// output = V tanh(W x + b) + c, x [rows, d_in], output [rows, d_out]. Runs once; the graph is compiled and differentiated.
@c @implementation
public func newname(
    _ service: UnsafePointer<syzygy_graph>!, _ x: syzygy_node, _ d_in: Int64, _ d_out: Int64, _ width: Int64,
    _ output: UnsafeMutablePointer<syzygy_node>!
) -> Int32 {
    let graph = Graph(service)
    let h = graph.apply("tanh", [dense(graph, "fc", x, d_in, width)])
    return graph.finish(dense(graph, "head", h, width, d_out), output)
}

/// x Wᵀ + b, observed by probes as the layer `name`.
func dense(_ graph: Graph, _ name: String, _ x: syzygy_node, _ d_in: Int64, _ d_out: Int64) -> syzygy_node {
    let weight = graph.parameter("\(name).weight", "weight", [d_out, d_in])
    let bias = graph.parameter("\(name).bias", "bias", [d_out], fanIn: d_in, fanOut: d_out)
    let h = graph.apply("matmul", [x, weight], ("transpose_b", 1))
    graph.layer(name, x, weight, bias, h)
    return graph.apply("add", [h, bias])
}
