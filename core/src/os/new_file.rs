//! A file that appears under its name when all of it is there, or never.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::OsError;
use super::unfinished::{begin, folder, name};
use super::unix::system;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// What to do when a file has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and there is no new file.
    Keep,
    /// The new file takes its place.
    Replace,
}

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub enum NewFileError {
    /// A file has the name.
    #[error("{} exists: choose another name, or replace it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// What has the name is no file, so that it isn't replaced either.
    #[error("{} is {what}: name a file", path.display())]
    NotAFile {
        /// What has the name.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// There is too little room.
    #[error("{} is needed in {}, found {}: make room, or choose another folder", needed, folder.display(), found.map_or("less".to_owned(), |found| found.to_string()))]
    NoRoom {
        /// What the file takes.
        needed: Bytes,
        /// What is free; `None` where the system doesn't tell.
        found: Option<Bytes>,
        /// Where.
        folder: PathBuf,
    },
    /// The system refused.
    #[error("{call} {}", path.display())]
    Io {
        /// What was asked.
        call: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A file in the making, removed when this is dropped unfinished.
#[derive(Debug)]
pub struct NewFile {
    unfinished: NamedTempFile,
    path: PathBuf,
    existing: Existing,
}

impl NewFile {
    /// An empty file that will be at `path`.
    ///
    /// # Errors
    /// When something has the name, and isn't to be replaced or is no file; when the system refuses.
    pub fn begin(path: &Path, existing: Existing) -> Result<Self, NewFileError> {
        check_name(path, existing)?;
        let folder = folder(path);
        let failed =
            |source| NewFileError::Io { call: "creating a file in", path: folder.to_owned(), source };
        Ok(NewFile { unfinished: begin(folder).map_err(failed)?, path: path.to_owned(), existing })
    }

    /// Takes the room that a file of `len` bytes at `path` needs. Until it is written to it reads as zeros.
    ///
    /// # Errors
    /// As of [`NewFile::begin`], and when there isn't as much room.
    pub fn reserve(path: &Path, len: Bytes, existing: Existing) -> Result<Self, NewFileError> {
        let new = NewFile::begin(path, existing)?;
        let folder = folder(path);
        let failed = |call| move |source| NewFileError::Io { call, path: folder.to_owned(), source };
        let opened = File::open(folder).map_err(failed("opening the folder"))?;
        match system::reserve(new.as_file(), len) {
            Ok(()) => Ok(new),
            Err(full) if full.kind() == io::ErrorKind::StorageFull => {
                drop(new);
                let found = system::free(&opened);
                Err(NewFileError::NoRoom { needed: len, found, folder: folder.to_owned() })
            }
            Err(source) => Err(failed("reserving space in")(source)),
        }
    }

    /// Where it lies until it is finished.
    pub fn unfinished(&self) -> &Path {
        self.unfinished.path()
    }

    /// To write to.
    pub fn as_file(&self) -> &File {
        self.unfinished.as_file()
    }

    /// Writes `bytes` from `at` on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, bytes: &[u8], at: FileOffset) -> Result<(), OsError> {
        let written = self.as_file().write_all_at(bytes, at.0);
        written.map_err(|source| OsError::Call { call: "writing", source })
    }

    /// Copies `range` of `source` to `at`, within the kernel where it can.
    ///
    /// # Errors
    /// When the system refuses, or `source` ends early.
    pub(super) fn copy(&self, source: &File, range: ByteRange, at: FileOffset) -> Result<(), OsError> {
        let failed = |call| move |source| OsError::Call { call, source };
        let mut file = self.as_file();
        file.seek(SeekFrom::Start(at.0)).map_err(failed("seeking"))?;
        let copied = system::copy(source, range, file).map_err(failed("copying"))?;
        if copied == range.len.0 {
            return Ok(());
        }
        let found = source.metadata().map_or(range.start.0 + copied, |metadata| metadata.len());
        Err(OsError::CutShort { found, expected: range.end().0 })
    }

    /// Has what was written to `range` brought to storage, and doesn't wait for it.
    pub fn write_behind(&self, range: ByteRange) {
        system::write_behind(self.as_file(), range);
    }

    /// Waits until all is on storage.
    ///
    /// # Errors
    /// When the system refuses, as a device does that failed.
    pub fn sync(&self) -> Result<(), OsError> {
        let synced = self.as_file().sync_all();
        synced.map_err(|source| OsError::Call { call: "fsync", source })
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When something has taken the name meanwhile, or the system refuses.
    pub fn finish(self) -> Result<(), NewFileError> {
        let NewFile { unfinished, path, existing } = self;
        let named = match existing {
            Existing::Keep => name(unfinished, &path),
            Existing::Replace => unfinished.persist(&path).map_err(|refused| refused.error),
        };
        if let Err(source) = named {
            return Err(match source.kind() {
                io::ErrorKind::AlreadyExists => NewFileError::Exists { path },
                _ => NewFileError::Io { call: "naming", path, source },
            });
        }
        let synced = File::open(folder(&path)).and_then(|folder| folder.sync_all());
        match synced {
            // Some file systems know no fsync of folders; the file itself is on storage.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other.map_err(|source| NewFileError::Io { call: "fsync", path, source }),
        }
    }
}

/// Only a file may be replaced, and only where asked.
fn check_name(path: &Path, existing: Existing) -> Result<(), NewFileError> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let kind = metadata.file_type();
    let others = [
        (kind.is_dir(), "a folder"),
        (kind.is_symlink(), "a symbolic link"),
        (kind.is_char_device() || kind.is_block_device(), "a device"),
        (!kind.is_file(), "no file"),
    ];
    match others.iter().find(|(is, _)| *is) {
        Some(&(_, what)) => Err(NewFileError::NotAFile { path: path.to_owned(), what }),
        None if existing == Existing::Keep => Err(NewFileError::Exists { path: path.to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::unfinished::PREFIX;

    const LEN: Bytes = Bytes(5000);

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn it_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let file = NewFile::reserve(&path, LEN, Existing::Keep).unwrap();
        file.write(b"end", FileOffset(4997)).unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(names(folder.path()), [""; 0], "dropped, it leaves nothing");

        let file = NewFile::reserve(&path, LEN, Existing::Keep).unwrap();
        file.write(b"end", FileOffset(4997)).unwrap();
        file.sync().unwrap();
        file.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!((bytes.len(), &bytes[4990..]), (5000, &b"\0\0\0\0\0\0\0end"[..]));
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    fn a_name_that_is_taken_is_kept_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        let late = NewFile::reserve(&path, LEN, Existing::Keep).unwrap();
        fs::write(&path, b"precious").unwrap();
        assert!(matches!(late.finish(), Err(NewFileError::Exists { .. })), "taken meanwhile");
        assert!(matches!(NewFile::reserve(&path, LEN, Existing::Keep), Err(NewFileError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        NewFile::reserve(&path, LEN, Existing::Replace).unwrap().finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), [0; 5000]);
    }

    #[test]
    fn only_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let said = |path: &Path| NewFile::reserve(path, LEN, Existing::Replace).unwrap_err().to_string();
        assert!(said(&link).ends_with("link is a symbolic link: name a file"), "{}", said(&link));
        assert!(said(folder.path()).ends_with("is a folder: name a file"));
        assert_eq!(said(Path::new("/dev/null")), "/dev/null is a device: name a file");
        let said = said(&folder.path().join("none/new"));
        assert!(said.starts_with("creating a file in ") && said.ends_with("none"), "{said}");
    }

    #[test]
    fn what_the_killed_leave_is_swept_and_what_lives_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(format!("{PREFIX}left"));
        fs::write(&left, [1; 100]).unwrap();
        let foreign = folder.path().join(".packbench-other");
        fs::write(&foreign, [1; 100]).unwrap();
        let first = NewFile::reserve(&folder.path().join("a"), LEN, Existing::Keep).unwrap();
        assert!(!left.exists());
        let second = NewFile::reserve(&folder.path().join("b"), LEN, Existing::Keep).unwrap();
        assert!(first.unfinished().exists() && second.unfinished().exists() && foreign.exists());
        first.finish().unwrap();
        second.finish().unwrap();
    }

    #[test]
    fn more_than_there_is_room_for_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge");
        let huge = Bytes(1 << 55);
        let refused = NewFile::reserve(&path, huge, Existing::Keep).unwrap_err();
        assert!(matches!(refused, NewFileError::NoRoom { .. } | NewFileError::Io { .. }), "{refused:?}");
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
