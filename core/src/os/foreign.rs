//! Stretches of a model file that an engine has mapped by itself.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;

use super::mapping::UnixMapping;
use super::unix::{page_size, system};
use super::{FileFacts, Mapping, OsError};
use crate::job::Advice;
use crate::unit::{Bytes, FileOffset, PageRange};

/// A mapping that someone else made and will unmap. As long as this lives, a file that is cut short under it reads as
/// zeros there instead of ending the process.
pub struct Foreign {
    mapping: UnixMapping,
    start: NonNull<u8>,
    len: Bytes,
    offset: FileOffset,
}

impl Foreign {
    /// The mapping of `len` bytes at `start`, which shows a file from `offset` on; one `MADV_WILLNEED` brings `will_need`
    /// of it in.
    ///
    /// # Errors
    /// When too many mappings are guarded at one time.
    ///
    /// # Safety
    /// It must be a shared, read-only mapping of a file, `start` and `offset` on page boundaries, and it must stay
    /// mapped as long as the answer lives.
    pub unsafe fn new(
        start: NonNull<u8>,
        len: Bytes,
        offset: FileOffset,
        will_need: Bytes,
    ) -> Result<Self, OsError> {
        let bytes = usize::try_from(len.0).map_err(|_| OsError::AddressSpace { len })?;
        // SAFETY: as of this function.
        let mapping = unsafe { UnixMapping::foreign(start, bytes, will_need)? };
        Ok(Foreign { mapping, start, len, offset })
    }

    /// How much is mapped.
    pub fn len(&self) -> Bytes {
        self.len
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.len == Bytes(0)
    }

    /// Applies `advice` to all of it.
    ///
    /// # Errors
    /// As of [`Mapping::apply`].
    pub fn apply(&self, advice: Advice) -> Result<(), OsError> {
        let count = page_size().count(self.len);
        self.mapping.apply(advice, PageRange { first: 0, count })
    }

    /// Where the file ended when something was touched beyond its end.
    pub fn cut_short(&self) -> Option<FileOffset> {
        self.mapping.cut_short().map(|FileOffset(distance)| self.offset + Bytes(distance))
    }

    /// Lays a fresh mapping of the same file, opened anew, over this one, so that it starts without mapped pages,
    /// without advice and without a history of readahead. Returns what the system says of the file that it opened.
    ///
    /// # Errors
    /// `Replaced` when `path` is no longer the file that `known` describes; otherwise when the system refuses.
    pub fn lay_anew(&self, path: &Path, known: &FileFacts) -> Result<(), OsError> {
        let file = File::open(path).map_err(|source| OsError::Call { call: "open", source })?;
        let now = system::file_facts(&file)?;
        if (now.device, now.inode, now.len) != (known.device, known.inode, known.len) {
            return Err(OsError::Replaced { found: now.len, expected: known.len });
        }
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let (at, len) = (self.start.as_ptr().cast(), self.len.0 as usize);
        let offset = libc::off_t::try_from(self.offset.0)
            .map_err(|_| OsError::AddressSpace { len: Bytes(self.offset.0) })?;
        // SAFETY: the range is a mapping of the same bytes of the same file (`new`), so whoever reads there meanwhile
        // finds what was there before.
        match unsafe { libc::mmap(at, len, libc::PROT_READ, flags, file.as_raw_fd(), offset) } {
            libc::MAP_FAILED => Err(OsError::last("mmap(MAP_FIXED)")),
            _ => Ok(()),
        }
    }
}
