/// 1 / (1 + step / time)
#[no_mangle]
pub extern "C" fn newname(step: i64, time: f64) -> f64 {
    1.0 / (1.0 + step as f64 / time)
}
