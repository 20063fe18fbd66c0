mod syzygy;
use syzygy::{Graph, Node};

/// delta (sqrt(delta^2 + (f - y)^2) - delta), summed over the outputs of each sample. Runs once; the graph is differentiated.
///
/// # Safety
/// Pointers are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(graph: *const Graph, f: Node, y: Node, delta: f64, sample_loss: *mut Node) -> i32 {
    let graph = &*graph;
    let width = graph.constant(delta);
    let square = graph.apply("square", &[graph.apply("sub", &[f, y], &[])], &[]);
    let root = graph.apply("sqrt", &[graph.apply("add", &[square, graph.constant(delta * delta)], &[])], &[]);
    let loss = graph.apply("mul", &[graph.apply("sub", &[root, width], &[]), width], &[]);
    graph.finish(graph.apply("sum", &[loss], &[("axis", -1.0)]), sample_loss)
}
