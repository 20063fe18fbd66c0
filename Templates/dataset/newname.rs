/// Rows begin ..< end of a split: points x [rows, 2] of two rings and their labels y [rows].
///
/// # Safety
/// Pointers and sizes are the host's, as plugin.json says.
#[no_mangle]
pub unsafe extern "C" fn newname(split: i32, begin: i64, end: i64, radius: f64, x: *mut f64, y: *mut i32) {
    const GOLDEN_ANGLE: f64 = 2.399963229728653;
    for i in begin..end {
        let angle = GOLDEN_ANGLE * i as f64 + f64::from(split);
        let (label, row) = ((i % 2) as i32, (i - begin) as usize);
        let r = if label == 1 { radius } else { 1.0 };
        *x.add(2 * row) = r * angle.cos();
        *x.add(2 * row + 1) = r * angle.sin();
        *y.add(row) = label;
    }
}
