mod syzygy;
use syzygy::{Record, CANCELLED, OK};

/// x <- (x + number / x) / 2, from x = number; records root x and error x^2 - number of every step.
///
/// # Safety
/// Pointers are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(number: f64, iterations: i64, record: *const Record) -> i32 {
    let record = &*record;
    let mut x = number;
    for step in 0..=iterations {
        record.values(step, "root", &[x]);
        record.values(step, "error", &[x * x - number]);
        if !record.progress(step) {
            return CANCELLED;
        }
        x = (x + number / x) / 2.0;
    }
    OK
}
