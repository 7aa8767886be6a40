//! Whole files from one quantization to another.

use std::ffi::{CStr, CString};
use std::ptr;

use super::sys;

/// A file to be quantized.
pub struct Conversion<'a> {
    /// Where it lies.
    pub source: &'a CStr,
    /// What to write; what lies there is overwritten.
    pub destination: &'a CStr,
    /// The number of llama.cpp's `llama_ftype`.
    pub file_type: u32,
    /// Regular expressions for names of tensors, the first that matches wins, and the numbers of ggml's types.
    pub types: &'a [(CString, u32)],
    /// Weights for the columns of tensors.
    pub weights: &'a [(CString, &'a [f32])],
    /// Metadata to add.
    pub notes: &'a [(CString, Note)],
    /// Threads that compute.
    pub threads: u32,
    /// Only tell, in the log, which types it would come to.
    pub dry: bool,
}

/// A value of metadata.
pub enum Note {
    /// At most 127 bytes.
    Text(CString),
    /// Kept in single precision.
    Number(f64),
    /// Kept as it is.
    Count(u32),
}

/// Answers whether it could; it explains itself in its log.
pub fn convert(conversion: &Conversion<'_>) -> bool {
    let mut types: Vec<_> =
        conversion.types.iter().map(|(pattern, kind)| over(pattern.as_ptr(), *kind)).collect();
    types.push(over(ptr::null(), 0));
    let mut weights: Vec<_> =
        conversion.weights.iter().map(|(name, data)| weight(name.as_ptr(), data)).collect();
    weights.push(weight(ptr::null(), &[]));
    let mut notes: Vec<_> = conversion.notes.iter().map(|(key, note)| noted(key, note)).collect();
    notes.push(noted(c"", &Note::Number(0.0)));
    // SAFETY: the paths, and the lists with what they point to, outlive the call; the lists end with null or with an empty
    // key.
    unsafe {
        let mut parameters = sys::llama_model_quantize_default_params();
        parameters.nthread = i32::try_from(conversion.threads.max(1)).unwrap_or(i32::MAX);
        parameters.ftype = conversion.file_type as sys::llama_ftype;
        parameters.allow_requantize = true;
        parameters.dry_run = conversion.dry;
        if !conversion.types.is_empty() {
            parameters.tt_overrides = types.as_ptr();
        }
        if !conversion.weights.is_empty() {
            parameters.imatrix = weights.as_ptr();
        }
        if !conversion.notes.is_empty() {
            parameters.kv_overrides = notes.as_ptr();
        }
        sys::llama_model_quantize(conversion.source.as_ptr(), conversion.destination.as_ptr(), &parameters)
            == 0
    }
}

fn over(pattern: *const std::ffi::c_char, kind: u32) -> sys::llama_model_tensor_override {
    sys::llama_model_tensor_override { pattern, type_: kind as sys::ggml_type }
}

fn weight(name: *const std::ffi::c_char, data: &[f32]) -> sys::llama_model_imatrix_data {
    sys::llama_model_imatrix_data { name, data: data.as_ptr(), size: data.len() }
}

/// Keys and texts have room for 127 bytes and a 0; what is longer is cut.
fn noted(key: &CStr, note: &Note) -> sys::llama_model_kv_override {
    let fill = |room: &mut [std::ffi::c_char; 128], text: &CStr| {
        for (place, byte) in room.iter_mut().zip(text.to_bytes().iter().take(127)) {
            *place = *byte as std::ffi::c_char;
        }
    };
    let (mut name, mut text) = ([0; 128], [0; 128]);
    fill(&mut name, key);
    let (tag, value) = match note {
        Note::Text(value) => {
            fill(&mut text, value);
            (sys::LLAMA_KV_OVERRIDE_TYPE_STR, sys::llama_model_kv_override__bindgen_ty_1 { val_str: text })
        }
        Note::Number(value) => (
            sys::LLAMA_KV_OVERRIDE_TYPE_FLOAT,
            sys::llama_model_kv_override__bindgen_ty_1 { val_f64: *value },
        ),
        Note::Count(value) => (
            sys::LLAMA_KV_OVERRIDE_TYPE_INT,
            sys::llama_model_kv_override__bindgen_ty_1 { val_i64: (*value).into() },
        ),
    };
    sys::llama_model_kv_override { tag, key: name, __bindgen_anon_1: value }
}
