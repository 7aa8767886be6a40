//! Files that a verb leaves behind.

use std::path::{Path, PathBuf};

use anyhow::Context;
use packbench_core::os::write_whole;
use packbench_core::record::Imatrix;
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

/// Where a score leaves an importance matrix: `fim_scores.activations.gguf` beside `fim_scores.json`.
pub fn imatrix_path(scores: &Path, kind: Imatrix) -> PathBuf {
    beside(scores, &format!("{}.gguf", <&str>::from(kind)))
}

/// A file that belongs to scores. Other ends than `.json` are part of their name: `part.1` and `part.2` are two.
pub fn beside(scores: &Path, extension: &str) -> PathBuf {
    let is_json = scores.extension().is_some_and(|found| found == "json");
    let stem = if is_json { scores.with_extension("") } else { scores.to_owned() };
    stem.with_added_extension(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_share_no_file_with_others() {
        let named = |scores: &str| imatrix_path(Path::new(scores), Imatrix::Fisher).display().to_string();
        assert_eq!(named("a/fim_scores.json"), "a/fim_scores.fisher.gguf");
        assert_eq!(named("part.1.json"), "part.1.fisher.gguf");
        assert_eq!([named("part.1"), named("part.2")], ["part.1.fisher.gguf", "part.2.fisher.gguf"]);
    }
}
