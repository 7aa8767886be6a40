//! Errors of this crate say what failed and leave why to their source; here both are put into one line.

use std::error::Error;

/// `error` and all its causes, from the outermost inwards: `m.gguf: open: Permission denied`.
pub fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
