//! What POSIX systems share; files and mappings have a file each. What one system alone has is in `linux.rs` or
//! `darwin.rs`, under the same names.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

#[cfg(target_vendor = "apple")]
pub(super) use super::darwin as system;
use super::file::UnixFile;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use super::linux as system;
use super::mapping::UnixMapping;
use super::stream::Streaming;
use super::{Meter, ModelFile, Os, OsError, Scope, Stream};
use crate::job::Io;
use crate::record::{Conditions, Context};
use crate::unit::{ByteRange, Bytes, Nanos, PageRange, PageSize};

pub struct Unix {
    page: PageSize,
}

impl Unix {
    pub fn new() -> Self {
        Unix { page: page_size() }
    }
}

/// The size of a page.
pub fn page_size() -> PageSize {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u32::try_from(bytes).ok().and_then(PageSize::new).expect("POSIX: a page is a power of two")
}

impl Os for Unix {
    fn page_size(&self) -> PageSize {
        self.page
    }

    fn context(&self) -> Context {
        system::context(self.page)
    }

    fn conditions(&self) -> Conditions {
        system::conditions()
    }

    fn now(&self) -> Nanos {
        wall()
    }

    fn sleep(&self, time: Nanos) {
        std::thread::sleep(std::time::Duration::from_nanos(time.0));
    }

    fn unix_time_ms(&self) -> u64 {
        clock(libc::CLOCK_REALTIME).0 / 1_000_000
    }

    fn pin(&self, cpus: &[u32]) -> Result<(), OsError> {
        system::pin(cpus)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ModelFile>, OsError> {
        Ok(Box::new(UnixFile::open(path, self.page)?))
    }

    fn open_direct(&self, path: &Path) -> Result<(Box<dyn ModelFile>, Io), OsError> {
        match UnixFile::open_direct(path, self.page)? {
            Some(file) => Ok((Box::new(file), Io::Direct)),
            None => Ok((self.open(path)?, Io::Buffered)),
        }
    }

    fn meter(&self, scope: Scope) -> Result<Box<dyn Meter>, OsError> {
        Ok(Box::new(system::UsageMeter::new(scope)))
    }

    fn anonymous_memory(&self) -> Option<Bytes> {
        system::anonymous_memory()
    }

    fn stream(&self, path: &Path, pieces: &[PageRange], lead: Bytes) -> Result<Box<dyn Stream>, OsError> {
        let file = File::open(path).map_err(|source| OsError::Call { call: "open", source })?;
        let mapping = UnixMapping::new(&file, &system::file_facts(&file)?, self.page)?;
        let (pieces, lead) = (pieces.to_vec(), self.page.count(lead));
        Ok(Box::new(Streaming::Ready { mapping, file, page: self.page, pieces, lead }))
    }
}

/// What the system keeps of an open file. A folder, which Linux opens for reading as well, is refused.
pub fn metadata(file: &File) -> Result<Metadata, OsError> {
    let metadata = file.metadata().map_err(|source| OsError::Call { call: "fstat", source })?;
    match metadata.is_dir() {
        true => Err(OsError::Call { call: "open", source: io::Error::from_raw_os_error(libc::EISDIR) }),
        false => Ok(metadata),
    }
}

/// Makes `file`, whose file system can't set room aside, `len` bytes long if so much is `free`, or if nobody knows. Others
/// may take it meanwhile.
pub fn extend(file: &File, free: Option<Bytes>, len: Bytes) -> io::Result<()> {
    match free {
        Some(free) if free < len => Err(io::ErrorKind::StorageFull.into()),
        _ => file.set_len(len.0),
    }
}

/// Copies `range` of `from` to where `to` stands, by reads and writes, and tells how much there was.
pub fn copy(from: &File, range: ByteRange, mut to: &File) -> io::Result<u64> {
    let (mut buffer, mut copied) = (vec![0; 1 << 20], 0);
    while copied < range.len.0 {
        let most = buffer.len().min((range.len.0 - copied) as usize);
        match from.read_at(&mut buffer[..most], range.start.0 + copied) {
            Ok(0) => break,
            Ok(got) => {
                to.write_all(&buffer[..got])?;
                copied += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(copied)
}

/// A path as the system takes it.
#[cfg(not(target_os = "android"))]
pub fn c_path(path: &Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?)
}

/// When it was last written to, in ns since 1970.
pub fn modified_ns(metadata: &Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

/// The clock that walls are taken by.
#[inline]
pub fn wall() -> Nanos {
    clock(system::WALL)
}

/// `clock_gettime` in nanoseconds.
#[inline]
pub fn clock(id: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(id, &mut time) };
    Nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_room_cannot_be_set_aside_is_extended_into_what_is_free() {
        let file = tempfile::tempfile().unwrap();
        let extended = |free| extend(&file, free, Bytes(10)).map(|()| file.metadata().unwrap().len());
        assert_eq!(extended(Some(Bytes(9))).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.metadata().unwrap().len(), 0, "it is left alone");
        assert_eq!(extended(Some(Bytes(10))).unwrap(), 10);
        file.set_len(0).unwrap();
        assert_eq!(extended(None).unwrap(), 10, "nobody knows");
    }
}
