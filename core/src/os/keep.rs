//! Files of our own: small texts kept from one process to the next, and scratch files that are gone with their owner.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use super::OsError;
use crate::unit::Bytes;

/// What was kept under `name`.
pub fn kept(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

/// Keeps `text` under `name`, whole or not at all. Returns whether it could: losing it costs time, never a result.
pub fn keep(folder: &Path, name: &str, text: &str) -> bool {
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(folder.join(name)).map_err(|refused| refused.error)
    };
    write().is_ok()
}

/// Makes a folder, unless it is there.
///
/// # Errors
/// When the system refuses.
pub fn make_folder(path: &Path) -> Result<(), OsError> {
    fs::create_dir_all(path).map_err(|source| OsError::Call { call: "making a folder", source })
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch(tempfile::NamedTempFile);

impl Scratch {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A file of `len` bytes in `folder`, written through to storage.
pub fn scratch(folder: &Path, len: Bytes) -> Result<Scratch, OsError> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".packbench-").tempfile_in(folder)?;
        std::io::copy(&mut std::io::repeat(0xA5).take(len.0), &mut file)?;
        file.as_file().sync_all()?;
        Ok(Scratch(file))
    };
    write().map_err(|source| OsError::Call { call: "writing a scratch file", source })
}
