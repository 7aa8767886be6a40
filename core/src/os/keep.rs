//! Files of our own: small texts kept from one process to the next, and scratch files that are gone with their owner.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::OsError;
use super::unfinished::{begin, folder};
use crate::unit::Bytes;

/// What was kept under `name`.
pub fn kept(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

/// Keeps `text` under `name`, whole or not at all. Returns whether it could: losing it costs time, never a result.
pub fn keep(folder: &Path, name: &str, text: &str) -> bool {
    fs::create_dir_all(folder).is_ok() && write_whole(&folder.join(name), text).is_ok()
}

/// Writes a file, whole or not at all: what lay there before stays until all bytes are written. What is no plain file, such
/// as a pipe or a link to one, is written to as it is.
///
/// # Errors
/// What the system refuses: a folder that isn't there or may not be written to, no space.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), OsError> {
    let write = || {
        if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
            return fs::write(path, &content);
        }
        let mut file = begin(folder(path))?;
        file.write_all(content.as_ref())?;
        file.persist(path).map(drop).map_err(|refused| refused.error)
    };
    // tempfile's errors name its file, and errors here hold no path
    write().map_err(|error: io::Error| OsError::Call { call: "writing", source: nameless(error) })
}

fn nameless(error: io::Error) -> io::Error {
    error.raw_os_error().map_or(error.kind().into(), io::Error::from_raw_os_error)
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
        let mut file = begin(folder)?;
        io::copy(&mut io::repeat(0xA5).take(len.0), &mut file)?;
        file.as_file().sync_all()?;
        Ok(Scratch(file))
    };
    write().map_err(|source| OsError::Call { call: "writing a scratch file", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write_whole(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_whole(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(kept(folder.path(), "file").as_deref(), Some("new"));
        write_whole(&file, "newer").unwrap();
        assert_eq!(kept(folder.path(), "link").as_deref(), Some("newer"));
        assert!(matches!(write_whole(folder.path(), ""), Err(OsError::Call { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
    }
}
