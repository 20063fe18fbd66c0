use std::slice::{from_raw_parts, from_raw_parts_mut};

/// The mean of |x| of each neuron, x: [n, d].
///
/// # Safety
/// Pointers and sizes are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(x: *const f64, n: i64, d: i64, floor: f64, value: *mut f64) {
    let (n, d) = (n as usize, d as usize);
    let (x, value) = (from_raw_parts(x, n * d), from_raw_parts_mut(value, d));
    for (j, mean) in value.iter_mut().enumerate() {
        let sizes = x.iter().skip(j).step_by(d).map(|entry| entry.abs());
        *mean = sizes.filter(|size| *size > floor).sum::<f64>() / n as f64;
    }
}

/// The fraction of neurons without any activity.
///
/// # Safety
/// Pointers and sizes are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname_silent(activity: *const f64, d: i64) -> f64 {
    let activity = from_raw_parts(activity, d as usize);
    activity.iter().filter(|mean| **mean == 0.0).count() as f64 / d as f64
}
