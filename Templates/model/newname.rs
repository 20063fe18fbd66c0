mod syzygy;
use syzygy::{Graph, Node};

/// output = V tanh(W x + b) + c, x [rows, d_in], output [rows, d_out]. Runs once; the graph is compiled and differentiated.
///
/// # Safety
/// Pointers are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(
    graph: *const Graph, x: Node, d_in: i64, d_out: i64, width: i64, output: *mut Node,
) -> i32 {
    let graph = &*graph;
    let h = graph.apply("tanh", &[dense(graph, "fc", x, d_in, width)], &[]);
    graph.finish(dense(graph, "head", h, width, d_out), output)
}

/// x W^T + b, observed by probes as the layer `name`.
fn dense(graph: &Graph, name: &str, x: Node, d_in: i64, d_out: i64) -> Node {
    let weight = graph.parameter(&format!("{name}.weight"), "weight", &[d_out, d_in], 0, 0);
    let bias = graph.parameter(&format!("{name}.bias"), "bias", &[d_out], d_in, d_out);
    let h = graph.apply("matmul", &[x, weight], &[("transpose_b", 1.0)]);
    graph.layer(name, x, weight, bias, h);
    graph.apply("add", &[h, bias], &[])
}
