use std::slice::from_raw_parts;

/// The fraction of entries of x with |x| <= threshold.
///
/// # Safety
/// Pointers and sizes are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(x: *const f64, n: i64, threshold: f64, fraction: *mut f64) {
    let x = from_raw_parts(x, n as usize);
    let small = x.iter().filter(|value| value.abs() <= threshold).count();
    *fraction = small as f64 / n as f64;
}
