//! The report's file: created whole or not at all, locked while it is written, only ever appended to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::unfinished::{begin, folder, name};

/// A file that this process alone appends to.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    path: PathBuf,
}

/// Why a file cannot be appended to.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another process writes to it.
    #[error("{} is busy: another process is writing to it", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{} exists: continue it with --resume, or choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{call} {}", path.display())]
    Io {
        /// What was asked.
        call: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl AppendFile {
    /// A new file that holds `first`. It appears under its name only when that is written.
    pub fn create(path: &Path, first: &[u8]) -> Result<Self, AppendError> {
        if path.exists() {
            AppendFile::open(path)?;
            return Err(AppendError::Exists { path: path.to_owned() });
        }
        let failed = |call| move |source| AppendError::Io { call, path: path.to_owned(), source };
        let mut unfinished = begin(folder(path)).map_err(failed("creating"))?;
        lock(unfinished.as_file(), path)?;
        unfinished.write_all(first).map_err(failed("writing"))?;
        match name(unfinished, path) {
            Ok(file) => Ok(AppendFile { file, path: path.to_owned() }),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {
                Err(AppendError::Exists { path: path.to_owned() })
            }
            Err(refused) => Err(failed("naming")(refused)),
        }
    }

    /// An existing file.
    pub fn open(path: &Path) -> Result<Self, AppendError> {
        let failed = |source| AppendError::Io { call: "opening", path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed)?;
        lock(&file, path)?;
        Ok(AppendFile { file, path: path.to_owned() })
    }

    /// All that it holds.
    pub fn read(&mut self) -> Result<Vec<u8>, AppendError> {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(|source| self.error("reading", source))?;
        Ok(bytes)
    }

    /// Cuts it back to `keep` bytes.
    pub fn truncate(&mut self, keep: u64) -> Result<(), AppendError> {
        self.file.set_len(keep).map_err(|source| self.error("truncating", source))
    }

    fn error(&self, call: &'static str, source: io::Error) -> AppendError {
        AppendError::Io { call, path: self.path.clone(), source }
    }

    /// Appends `bytes`, by one write where the system allows.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

fn lock(file: &File, path: &Path) -> Result<(), AppendError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => AppendError::Busy { path: path.to_owned() },
        TryLockError::Error(source) => AppendError::Io { call: "locking", path: path.to_owned(), source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_created_once_and_written_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let mut first = AppendFile::create(&path, b"1\n").unwrap();
        assert!(matches!(AppendFile::create(&path, b"x"), Err(AppendError::Busy { .. })));
        assert!(matches!(AppendFile::open(&path), Err(AppendError::Busy { .. })));
        first.append(b"2\n").unwrap();
        drop(first);
        assert!(matches!(AppendFile::create(&path, b"x"), Err(AppendError::Exists { .. })));
        let mut again = AppendFile::open(&path).unwrap();
        assert_eq!(again.read().unwrap(), b"1\n2\n");
        again.truncate(2).unwrap();
        again.append(b"3\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"1\n3\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished stays");
    }

    #[test]
    fn a_report_that_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no such folder").join("r.jsonl");
        let error = AppendFile::create(&missing, b"1\n").unwrap_err();
        assert!(error.to_string().contains("no such folder"), "{error}");
    }
}
