//! All calls into llama.cpp, one file a concern. Everything that it hands out is owned by a type of this folder and
//! freed when that is dropped; nothing outside sees a pointer.

mod context;
mod model;
mod node;
mod quantize;
mod rows;

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Once;

use llama_cpp_sys_2 as sys;

pub use context::{Context, Purpose, Watcher};
pub use model::{LoadMode, Model};
pub use node::{Node, Picks};
pub use quantize::{Conversion, Note, convert};
pub use rows::{dequantize, needs_weights, quantize};

use crate::log::{self, Level};

/// Readies llama.cpp. Must come before anything else; more than once does nothing.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // SAFETY: the callback lives as long as the process and takes no user data; `Once` keeps other threads away.
        unsafe {
            sys::llama_log_set(Some(on_log), ptr::null_mut());
            sys::llama_backend_init();
        }
    });
}

/// llama.cpp's version and ggml's.
pub fn versions() -> (String, String) {
    // SAFETY: both answer a constant string.
    unsafe { (text(sys::llama_version()), text(sys::ggml_version())) }
}

/// The devices that llama.cpp can compute on, in its order.
pub fn backends() -> String {
    // SAFETY: devices are registered once, at start, and live as long as the process.
    let names = unsafe {
        (0..sys::ggml_backend_dev_count())
            .map(|index| text(sys::ggml_backend_dev_name(sys::ggml_backend_dev_get(index))))
            .collect::<Vec<_>>()
    };
    names.join(", ")
}

/// # Safety
/// `text` must be null or a string that ends with 0 and lives through this call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as of this function.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// llama.cpp logs through this from any thread.
unsafe extern "C" fn on_log(level: sys::ggml_log_level, line: *const c_char, _: *mut c_void) {
    let level = match level {
        sys::GGML_LOG_LEVEL_WARN | sys::GGML_LOG_LEVEL_ERROR => Level::Trouble,
        sys::GGML_LOG_LEVEL_INFO => Level::Info,
        _ => return,
    };
    // SAFETY: llama.cpp hands over a string that lives through this call.
    log::keep(level, &unsafe { text(line) });
}
