//! Files of our own: small texts kept from one process to the next, and scratch files that are gone with their owner.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::OsError;
use crate::unit::Bytes;

/// What was kept under `name`.
pub fn kept(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

/// Keeps `text` under `name`, whole or not at all. Returns whether it could: losing it costs time, never a result.
pub fn keep(folder: &Path, name: &str, text: &str) -> bool {
    fs::create_dir_all(folder).is_ok() && write_whole(&folder.join(name), text.as_bytes()).is_ok()
}

/// Writes a file, whole or not at all: what stood there before stays until all bytes are written.
///
/// # Errors
/// What the system refuses: a folder that isn't there or may not be written to, no space.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), OsError> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // first, for tempfile's error names its own file
        fs::metadata(folder)?;
        let mut file = scratch_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map(drop).map_err(|refused| refused.error)
    };
    write().map_err(|source| OsError::Call { call: "writing", source })
}

/// With the permissions of any new file: by itself tempfile lets nobody else read.
fn scratch_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".packbench-").tempfile_in(folder)
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
        io::copy(&mut io::repeat(0xA5).take(len.0), &mut file)?;
        file.as_file().sync_all()?;
        Ok(Scratch(file))
    };
    write().map_err(|source| OsError::Call { call: "writing a scratch file", source })
}
