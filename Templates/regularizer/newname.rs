use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Adds the gradient of strength sum_i (sqrt(w_i^2 + width^2) - width) to g and returns the penalty, summed in f64.
macro_rules! penalty {
    ($name:ident, $real:ty) => {
        /// # Safety
        /// Pointers and sizes are the host's, as plugin.json says.
        #[no_mangle]
        pub unsafe extern "C" fn $name(w: *const $real, g: *mut $real, n: i64, strength: f64, width: f64) -> f64 {
            let (w, g) = (from_raw_parts(w, n as usize), from_raw_parts_mut(g, n as usize));
            let mut sum = 0.0;
            for (w, g) in w.iter().zip(g) {
                let x = f64::from(*w);
                let root = (x * x + width * width).sqrt();
                *g += (strength * x / root) as $real;
                sum += root - width;
            }
            strength * sum
        }
    };
}
penalty!(newname_f32, f32);
penalty!(newname_f64, f64);
