use std::slice::{from_raw_parts, from_raw_parts_mut};

/// w scaled to a root mean square of rms / sqrt(fan_in).
///
/// # Safety
/// Pointers and sizes are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(w: *const f64, n: i64, fan_in: i64, rms: f64, value: *mut f64) {
    let (w, value) = (from_raw_parts(w, n as usize), from_raw_parts_mut(value, n as usize));
    // Relative to the largest, so that no square leaves the range of numbers.
    let largest = w.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let sum: f64 = w.iter().map(|w| (w / largest) * (w / largest)).sum();
    let size = (sum / n as f64 * fan_in as f64).sqrt();
    for (value, w) in value.iter_mut().zip(w) {
        *value = if largest > 0.0 { rms * (w / largest) / size } else { 0.0 };
    }
}
