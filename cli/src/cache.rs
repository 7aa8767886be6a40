//! What is kept for later sessions, in the user's own cache: losing it costs time, never a result.

use std::path::PathBuf;

/// The folder; `None` where the user has no home.
pub fn cache_dir() -> Option<PathBuf> {
    directories::ProjectDirs::from("dev", "", "packbench").map(|folders| folders.cache_dir().to_owned())
}
