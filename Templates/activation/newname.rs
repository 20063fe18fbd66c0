use std::slice::{from_raw_parts, from_raw_parts_mut};

/// y = x / sqrt(1 + (x/scale)^2) and its derivative (1 + (x/scale)^2)^(-3/2), in both precisions.
macro_rules! elementwise {
    ($name:ident, $real:ty, $f:expr) => {
        /// # Safety
        /// Pointers and sizes are the host's, as plugin.json says.
        #[no_mangle]
        pub unsafe extern "C" fn $name(x: *const $real, y: *mut $real, n: i64, scale: f64) {
            let (x, y) = (from_raw_parts(x, n as usize), from_raw_parts_mut(y, n as usize));
            for (x, y) in x.iter().zip(y) {
                let u = *x / scale as $real;
                *y = $f(*x, 1.0 + u * u);
            }
        }
    };
}
elementwise!(newname_f32, f32, |x: f32, square: f32| x / square.sqrt());
elementwise!(newname_f64, f64, |x: f64, square: f64| x / square.sqrt());
elementwise!(newname_slope_f32, f32, |_: f32, square: f32| 1.0 / (square * square.sqrt()));
elementwise!(newname_slope_f64, f64, |_: f64, square: f64| 1.0 / (square * square.sqrt()));
