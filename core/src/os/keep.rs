//! Small texts kept from one process to the next. Losing one costs time, never a result, so failures are silent.

use std::fs;
use std::io::Write;
use std::path::Path;

/// What was kept under `name`.
pub fn kept(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

/// Keeps `text` under `name`, whole or not at all. Returns whether it could.
pub fn keep(folder: &Path, name: &str, text: &str) -> bool {
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(folder.join(name)).map_err(|refused| refused.error)
    };
    write().is_ok()
}
