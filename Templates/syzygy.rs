//! What a small plugin needs of `syzygy.graph/1` and `syzygy.record/1` (syzygy.h has all of it), in Rust.
#![allow(dead_code)]
use std::ffi::CString;
use std::os::raw::{c_char, c_void};

pub type Node = i32;
pub const OK: i32 = 0;
pub const CANCELLED: i32 = 1;
pub const INVALID: i32 = 2;

/// `syzygy_record`, which only grows at its end.
#[repr(C)]
pub struct Record {
    struct_size: u32,
    reserved: u32,
    context: *mut c_void,
    values: unsafe extern "C" fn(*mut c_void, i64, *const c_char, *const f64, i64) -> i32,
    undefined: unsafe extern "C" fn(*mut c_void, i64, *const c_char, *const c_char) -> i32,
    progress: unsafe extern "C" fn(*mut c_void, i64) -> i32,
}

impl Record {
    /// All elements of an output at a step.
    pub fn values(&self, step: i64, output: &str, values: &[f64]) {
        let output = text(output);
        unsafe { (self.values)(self.context, step, output.as_ptr(), values.as_ptr(), values.len() as i64) };
    }

    /// Whether to go on.
    pub fn progress(&self, step: i64) -> bool {
        unsafe { (self.progress)(self.context, step) == OK }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Initializer {
    scheme: *const c_char,
    scale: f64,
}

#[repr(C)]
pub struct Attribute {
    name: *const c_char,
    value: f64,
}

/// The begin of `syzygy_graph`, which only grows at its end.
#[repr(C)]
pub struct Graph {
    struct_size: u32,
    reserved: u32,
    context: *mut c_void,
    parameter: unsafe extern "C" fn(
        *mut c_void, *const c_char, *const c_char, *const i64, i32, Initializer, i64, i64,
    ) -> Node,
    constant: unsafe extern "C" fn(*mut c_void, f64) -> Node,
    apply: unsafe extern "C" fn(*mut c_void, *const c_char, *const Node, i32, *const Attribute, i32) -> Node,
    shaped: unsafe extern "C" fn(*mut c_void, *const c_char, Node, *const i64, i32) -> Node,
    shape: unsafe extern "C" fn(*mut c_void, Node, *mut i64) -> i32,
    layer: unsafe extern "C" fn(*mut c_void, *const c_char, Node, Node, Node, Node) -> i32,
}

fn text(text: &str) -> CString {
    CString::new(text).expect("a name without zero bytes")
}

impl Graph {
    pub fn constant(&self, value: f64) -> Node {
        unsafe { (self.constant)(self.context, value) }
    }

    /// The operation `op`, with attributes such as `("axis", -1.0)`.
    pub fn apply(&self, op: &str, inputs: &[Node], attributes: &[(&str, f64)]) -> Node {
        let op = text(op);
        let names: Vec<CString> = attributes.iter().map(|(name, _)| text(name)).collect();
        let list: Vec<Attribute> = names
            .iter()
            .zip(attributes)
            .map(|(name, (_, value))| Attribute { name: name.as_ptr(), value: *value })
            .collect();
        unsafe {
            (self.apply)(
                self.context, op.as_ptr(), inputs.as_ptr(), inputs.len() as i32, list.as_ptr(), list.len() as i32,
            )
        }
    }

    /// A trained block; role: weight, bias, scale or other. Fans of 0 follow from the shape.
    pub fn parameter(&self, name: &str, role: &str, shape: &[i64], fan_in: i64, fan_out: i64) -> Node {
        let (name, role, scheme) = (text(name), text(role), text("torch_linear"));
        let initial = Initializer { scheme: scheme.as_ptr(), scale: 1.0 };
        unsafe {
            (self.parameter)(
                self.context, name.as_ptr(), role.as_ptr(), shape.as_ptr(), shape.len() as i32, initial, fan_in,
                fan_out,
            )
        }
    }

    /// Declares output = input weight^T, before any bias, as a layer that probes observe. No bias: -1.
    pub fn layer(&self, name: &str, input: Node, weight: Node, bias: Node, output: Node) {
        let name = text(name);
        unsafe { (self.layer)(self.context, name.as_ptr(), input, weight, bias, output) };
    }

    /// Writes the result to its place. The host knows what went wrong first.
    ///
    /// # Safety
    /// `place` must be what the host passed.
    pub unsafe fn finish(&self, node: Node, place: *mut Node) -> i32 {
        *place = node;
        if node < 0 { INVALID } else { OK }
    }
}
