mod syzygy;
use syzygy::{Graph, Node};

/// mix W + (1 - mix) B. Runs once for each layer; the host carries errors back by it.
///
/// # Safety
/// Pointers are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(graph: *const Graph, weight: Node, feedback: Node, mix: f64, backward_weight: *mut Node) -> i32 {
    let graph = &*graph;
    let own = graph.apply("mul", &[weight, graph.constant(mix)], &[]);
    let other = graph.apply("mul", &[feedback, graph.constant(1.0 - mix)], &[]);
    graph.finish(graph.apply("add", &[own, other], &[]), backward_weight)
}
