//! Files that a verb leaves behind.

use std::path::Path;

use anyhow::Context;
use packbench_core::os::write_whole;
use serde::Serialize;

use crate::render;

/// Writes `value` as JSON, whole or not at all.
pub fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = Vec::new();
    render::json(&mut text, value)?;
    write(path, &text)
}

/// Writes a file, whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_whole(path, bytes).with_context(|| path.display().to_string())
}
