use std::slice::{from_raw_parts, from_raw_parts_mut};

/// v <- beta v + g, then w <- w - lr v, in both precisions.
macro_rules! step {
    ($name:ident, $real:ty) => {
        /// # Safety
        /// Pointers and sizes are the host's, as plugin.json says.
        #[no_mangle]
        pub unsafe extern "C" fn $name(w: *mut $real, g: *const $real, v: *mut $real, n: i64, lr: f64, beta: f64) {
            let n = n as usize;
            let (w, g, v) = (from_raw_parts_mut(w, n), from_raw_parts(g, n), from_raw_parts_mut(v, n));
            for i in 0..n {
                v[i] = beta as $real * v[i] + g[i];
                w[i] -= lr as $real * v[i];
            }
        }
    };
}
step!(newname_f32, f32);
step!(newname_f64, f64);
