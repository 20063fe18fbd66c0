mod syzygy;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use syzygy::{Graph, Node};

/// y_i = x_i / |x_i| for the rows of x [n, d], and its vector-Jacobian product (c_i - y_i (y_i . c_i)) / |x_i|.
macro_rules! operation {
    ($name:ident, $vjp:ident, $real:ty) => {
        /// # Safety
        /// Pointers and sizes are the host's, as plugin.json says.
        #[no_mangle]
        pub unsafe extern "C" fn $name(x: *const $real, n: i64, d: i64, y: *mut $real) {
            let (d, size) = (d as usize, (n * d) as usize);
            let (x, y) = (from_raw_parts(x, size), from_raw_parts_mut(y, size));
            for (x, y) in x.chunks(d).zip(y.chunks_mut(d)) {
                let length = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
                for (x, y) in x.iter().zip(y) {
                    *y = if length > 0.0 { (f64::from(*x) / length) as $real } else { 0.0 };
                }
            }
        }

        /// # Safety
        /// Pointers and sizes are the host's, as plugin.json says.
        #[no_mangle]
        pub unsafe extern "C" fn $vjp(x: *const $real, c: *const $real, n: i64, d: i64, out: *mut $real) {
            let (d, size) = (d as usize, (n * d) as usize);
            let (x, c, out) = (from_raw_parts(x, size), from_raw_parts(c, size), from_raw_parts_mut(out, size));
            for ((x, c), out) in x.chunks(d).zip(c.chunks(d)).zip(out.chunks_mut(d)) {
                let length = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
                let along = x.iter().zip(c).map(|(x, c)| f64::from(*x) / length * (f64::from(*c) / length)).sum::<f64>();
                for ((x, c), out) in x.iter().zip(c).zip(out) {
                    let value = (f64::from(*c) - along * f64::from(*x)) / length;
                    *out = if length > 0.0 { value as $real } else { 0.0 };
                }
            }
        }
    };
}
operation!(newname_f32, newname_vjp_f32, f32);
operation!(newname_f64, newname_vjp_f64, f64);

/// output = V newname(W x).
///
/// # Safety
/// Pointers are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname_net(
    graph: *const Graph, x: Node, d_in: i64, d_out: i64, width: i64, output: *mut Node,
) -> i32 {
    let graph = &*graph;
    let h = graph.apply("newname", &[linear(graph, "fc", x, d_in, width)], &[]);
    graph.finish(linear(graph, "head", h, width, d_out), output)
}

/// x W^T, observed by probes as the layer `name`.
fn linear(graph: &Graph, name: &str, x: Node, d_in: i64, d_out: i64) -> Node {
    let weight = graph.parameter(&format!("{name}.weight"), "weight", &[d_out, d_in], 0, 0);
    let h = graph.apply("matmul", &[x, weight], &[("transpose_b", 1.0)]);
    graph.layer(name, x, weight, -1, h);
    h
}
