//! Files that a verb leaves behind.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use packbench_core::os::{Existing, NewFile, write_whole};
use packbench_core::record::Imatrix;
use serde::Serialize;

use crate::render;

/// That `outputs` can be made, before the work for them is done: files can be made there, and none of them is one of
/// `inputs`, or named twice.
///
/// # Errors
/// When one can't be.
pub fn check<'p>(
    outputs: impl IntoIterator<Item = &'p Path>,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> anyhow::Result<()> {
    let outputs: Vec<&Path> = outputs.into_iter().collect();
    check_names(&outputs, inputs)?;
    // Through links, and to pipes and devices, it is written as by anyone.
    let is_plain =
        |path: &Path| path.symlink_metadata().map_or(true, |found| found.is_file() || found.is_dir());
    for output in outputs.into_iter().filter(|output| is_plain(output)) {
        drop(NewFile::begin(output, Existing::Replace)?);
    }
    Ok(())
}

/// That none of `outputs` is one of `inputs`, or named twice.
///
/// # Errors
/// When one is.
pub fn check_names<'p>(outputs: &[&Path], inputs: impl IntoIterator<Item = &'p Path>) -> anyhow::Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    let inputs: Vec<PathBuf> = inputs.into_iter().filter_map(real).collect();
    for (index, output) in outputs.iter().enumerate() {
        if real(output).is_some_and(|output| inputs.contains(&output)) {
            bail!("{} is what this is made of: name another file to write", output.display());
        }
        if outputs[..index].contains(output) {
            bail!("{} is named for two files: name another for one of them", output.display());
        }
    }
    Ok(())
}

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

/// The importance matrices that a score leaves.
pub const LEFT_BY_SCORES: [Imatrix; 2] = [Imatrix::Activations, Imatrix::Fisher];

/// Where a score leaves them.
pub fn imatrix_paths(scores: &Path) -> [PathBuf; 2] {
    LEFT_BY_SCORES.map(|kind| imatrix_path(scores, kind))
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
    fn what_something_is_made_of_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let [input, link, new] = ["input", "link", "new"].map(|name| folder.path().join(name));
        std::fs::write(&input, "precious").unwrap();
        let said = |output: &Path| check([output], [input.as_path()]).unwrap_err().to_string();
        let roundabout = folder.path().join(".").join("input");
        assert!(said(&roundabout).ends_with("is what this is made of: name another file to write"));
        std::os::unix::fs::symlink(&input, &link).unwrap();
        assert!(said(&link).ends_with("is what this is made of: name another file to write"));
        assert!(said(&folder.path().join("no/new")).starts_with("creating a file in "));
        check([new.as_path()], [input.as_path(), Path::new("missing")]).unwrap();
        assert!(!new.exists());
        let twice = check([new.as_path(), new.as_path()], []).unwrap_err().to_string();
        assert!(twice.ends_with("is named for two files: name another for one of them"));
        check([link.as_path(), Path::new("/dev/null")], []).unwrap();
    }

    #[test]
    fn scores_share_no_file_with_others() {
        let named = |scores: &str| imatrix_path(Path::new(scores), Imatrix::Fisher).display().to_string();
        assert_eq!(named("a/fim_scores.json"), "a/fim_scores.fisher.gguf");
        assert_eq!(named("part.1.json"), "part.1.fisher.gguf");
        assert_eq!([named("part.1"), named("part.2")], ["part.1.fisher.gguf", "part.2.fisher.gguf"]);
    }
}
