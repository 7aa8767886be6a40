//! Files in the making. They lie beside the place that they will take, and are gone when they are dropped; what a process
//! that was killed leaves there, the next one removes.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

use super::unix::system;

/// What they are called, so that those of processes that were killed are known as such.
pub const PREFIX: &str = ".packbench-unfinished-";

/// The folder that a file lies in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An empty file in `folder`, locked as long as it is open, for all to read whom the umask lets.
pub fn begin(folder: &Path) -> io::Result<NamedTempFile> {
    // first, for tempfile's error names its own file
    fs::metadata(folder)?;
    sweep(folder);
    loop {
        let permissions = Permissions::from_mode(0o666);
        let file = tempfile::Builder::new().prefix(PREFIX).permissions(permissions).tempfile_in(folder)?;
        // Another process may sweep before the lock is there: then it has the lock, or the file is gone.
        let taken = matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if !taken && file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Gives `file` the name `path`, unless something has it: then the error is [`io::ErrorKind::AlreadyExists`].
pub fn name(file: NamedTempFile, path: &Path) -> io::Result<File> {
    match system::rename_new(file.path(), path) {
        Ok(()) => {
            let (file, unfinished) = file.into_parts();
            // It has gone from there: there is nothing to remove any more.
            let _ = unfinished.keep();
            Ok(file)
        }
        Err(refused) if refused.kind() == io::ErrorKind::Unsupported => name_in_turn(file, path),
        Err(refused) => Err(refused),
    }
}

/// The same where looking and renaming are two calls: no other process of ours comes between them.
fn name_in_turn(file: NamedTempFile, path: &Path) -> io::Result<File> {
    let folder = File::open(folder(path))?;
    folder.lock()?;
    match fs::symlink_metadata(path) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            file.persist(path).map_err(|refused| refused.error)
        }
        Err(refused) => Err(refused),
    }
}

/// Removes what processes left that were killed: files that nobody holds locked. What can't be removed stays.
fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let left = File::open(entry.path()).ok().filter(|file| file.try_lock().is_ok());
        if left.is_some() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once_however_it_is_given() {
        for name in [name, name_in_turn] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new");
            let file = begin(folder.path()).unwrap();
            fs::write(file.path(), "first").unwrap();
            name(file, &path).unwrap();
            let late = name(begin(folder.path()).unwrap(), &path).unwrap_err();
            assert_eq!(late.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read_to_string(&path).unwrap(), "first");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished stays");
        }
    }
}
