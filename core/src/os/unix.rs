//! What POSIX systems share: descriptors, mappings, touches, positioned reads. What Linux alone has is in `linux.rs`;
//! another system brings a file with the same names.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;

use libc::c_void;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::linux as system;
use super::sigbus::Guard;
use super::stream::Streaming;
use super::{FileFacts, Mapping, Meter, ModelFile, Os, OsError, Reads, Scope, Stream, Touches, page_sum};
use crate::job::Advice;
use crate::record::{Conditions, Context};
use crate::unit::{ByteRange, Bytes, FileOffset, Nanos, PageRange, PageSize};

/// Advice that fetches is given in pieces of this size: one call for a whole file loads only the device's largest
/// request, and populating it in one call waits for read-around instead of large requests.
const CHUNK: Bytes = Bytes::mib(2);
/// A piece of [`ModelFile::read_through`]; a multiple of every page size.
const PIECE: usize = 1 << 20;

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
        clock(libc::CLOCK_MONOTONIC)
    }

    fn unix_time_ms(&self) -> u64 {
        clock(libc::CLOCK_REALTIME).0 / 1_000_000
    }

    fn pin(&self, cpus: &[u32]) -> Result<(), OsError> {
        system::pin(cpus)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ModelFile>, OsError> {
        let file = File::open(path).map_err(|source| OsError::Call { call: "open", source })?;
        let facts = system::file_facts(&file)?;
        Ok(Box::new(UnixFile { file, facts, page: self.page }))
    }

    fn meter(&self, scope: Scope) -> Result<Box<dyn Meter>, OsError> {
        Ok(Box::new(system::UsageMeter::new(scope)))
    }

    fn anonymous_memory(&self) -> Option<Bytes> {
        system::anonymous_memory()
    }

    fn stream(&self, path: &Path, pieces: &[PageRange], lead: usize) -> Result<Box<dyn Stream>, OsError> {
        let file = File::open(path).map_err(|source| OsError::Call { call: "open", source })?;
        let len = system::file_facts(&file)?.len;
        let len = usize::try_from(len.0).map_err(|_| OsError::AddressSpace { len })?;
        let mapping = UnixMapping::new(&file, len, self.page)?;
        Ok(Box::new(Streaming::Ready { mapping, pieces: pieces.to_vec(), lead }))
    }
}

/// `clock_gettime` in nanoseconds.
#[inline]
pub fn clock(id: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(id, &mut time) };
    Nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

struct UnixFile {
    file: File,
    facts: FileFacts,
    page: PageSize,
}

impl UnixFile {
    /// One positioned read of exactly `buffer.len()` bytes.
    #[inline]
    fn read_at(&self, buffer: &mut [u8], start: FileOffset) -> Result<(), OsError> {
        // SAFETY: the pointer and the length are those of a live, exclusively borrowed buffer.
        let got = unsafe {
            system::pread(self.file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), start.0)
        };
        if got == buffer.len() as isize {
            return Ok(());
        }
        self.finish_read(got, buffer, start)
    }

    /// A read may end early at a signal; at the end of the file it gives nothing.
    #[cold]
    fn finish_read(&self, got: isize, buffer: &mut [u8], start: FileOffset) -> Result<(), OsError> {
        let wanted = start.0 + buffer.len() as u64;
        match usize::try_from(got) {
            Err(_) => Err(OsError::last("pread")),
            Ok(0) => Err(OsError::CutShort { found: start.0, expected: wanted }),
            Ok(got) => self.read_at(&mut buffer[got..], start + Bytes(got as u64)),
        }
    }
}

impl ModelFile for UnixFile {
    fn facts(&self) -> &FileFacts {
        &self.facts
    }

    fn map(&self) -> Result<Box<dyn Mapping>, OsError> {
        let too_large = OsError::AddressSpace { len: self.facts.len };
        let Ok(len) = usize::try_from(self.facts.len.0) else { return Err(too_large) };
        Ok(Box::new(UnixMapping::new(&self.file, len, self.page)?))
    }

    fn drop_cache(&self) -> Result<(), OsError> {
        system::drop_cache(&self.file)
    }

    fn read_through(&self, range: ByteRange, consume: &mut dyn FnMut(&[u8])) -> Result<(), OsError> {
        let mut buffer = vec![0; PIECE];
        let mut start = range.start;
        while start < range.end() {
            let len = (range.end() - start).min(Bytes(PIECE as u64));
            let piece = &mut buffer[..len.0 as usize];
            self.read_at(piece, start)?;
            consume(piece);
            start = start + len;
        }
        Ok(())
    }

    fn read(&self, reads: &Reads, buffer: &mut [u8], latencies: &mut [Nanos]) -> Result<u64, OsError> {
        let mut sum = 0;
        let mut last = clock(libc::CLOCK_MONOTONIC);
        for (&index, latency) in reads.order().iter().zip(latencies) {
            let range = reads.range(index);
            let piece = &mut buffer[..range.len.0 as usize];
            self.read_at(piece, range.start)?;
            sum += page_sum(piece, range.start, self.page);
            let now = clock(libc::CLOCK_MONOTONIC);
            *latency = Nanos(now.0 - last.0);
            last = now;
        }
        Ok(sum)
    }
}

/// Has the address worked out before the load, as C compilers have it. Left alone, LLVM folds the sum into the load and
/// unrolls the loop; where every touch misses the TLB, that takes a third longer (AMD Zen 3: 67 µs instead of 48 for
/// 8,192 mapped pages in random order).
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "the address is not followed there")]
fn in_register(mut address: *const u8) -> *const u8 {
    // SAFETY: there is no instruction in it; the address comes out as it went in.
    unsafe {
        std::arch::asm!("/* {} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags))
    };
    address
}

pub struct UnixMapping {
    start: NonNull<u8>,
    len: usize,
    page: PageSize,
    guard: Option<Guard>,
    /// Whether it is to be unmapped when this is dropped.
    ours: bool,
}

// SAFETY: the pointer is to a mapping that only this value unmaps; nothing about it belongs to one thread.
unsafe impl Send for UnixMapping {}

impl UnixMapping {
    fn new(file: &File, len: usize, page: PageSize) -> Result<Self, OsError> {
        let Some(mapped) = NonZeroUsize::new(len) else {
            return Ok(UnixMapping { start: NonNull::dangling(), len: 0, page, guard: None, ours: false });
        };
        // SAFETY: a new shared, read-only mapping of an open file, at an address of the kernel's choice.
        let start = unsafe {
            let fd = file.as_raw_fd();
            libc::mmap(std::ptr::null_mut(), mapped.get(), libc::PROT_READ, libc::MAP_SHARED, fd, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(OsError::last("mmap"));
        }
        let start = NonNull::new(start.cast())
            .ok_or(OsError::Unsupported { call: "mmap", hint: "it gave address 0" })?;
        UnixMapping { start, len, page, guard: None, ours: true }.guarded()
    }

    /// A mapping that someone else made and will unmap.
    ///
    /// # Safety
    /// `len` bytes from `start`, a page's start, must be a shared, read-only mapping of a file that outlives this.
    pub unsafe fn foreign(start: NonNull<u8>, len: usize) -> Result<Self, OsError> {
        UnixMapping { start, len, page: page_size(), guard: None, ours: false }.guarded()
    }

    fn guarded(mut self) -> Result<Self, OsError> {
        self.guard = Guard::new(self.start.as_ptr() as usize, self.len, self.page.bytes() as usize);
        match self.guard {
            Some(_) => Ok(self),
            None => Err(OsError::Unsupported { call: "mmap", hint: "too many files are mapped: close some" }),
        }
    }

    /// Address and length of `pages`, within the mapping.
    fn part(&self, pages: PageRange) -> (*mut c_void, usize) {
        let len = self.len as u64;
        let start = (pages.first * self.page.bytes()).min(len);
        let end = ((pages.first + pages.count) * self.page.bytes()).min(len);
        // SAFETY: `start` is at most `len`, so the pointer stays within the mapping or one past its end.
        let address = unsafe { self.start.as_ptr().add(start as usize) };
        (address.cast(), (end - start) as usize)
    }

    fn whole(&self) -> PageRange {
        PageRange { first: 0, count: self.page.count(Bytes(self.len as u64)) }
    }

    fn advise(&self, call: &'static str, pages: PageRange, advice: i32) -> Result<(), OsError> {
        let (address, len) = self.part(pages);
        // SAFETY: the range is part of a live, read-only file mapping; none of the advices used here changes what
        // a later read of it returns.
        match len == 0 || unsafe { libc::madvise(address, len, advice) } == 0 {
            true => Ok(()),
            false => Err(OsError::last(call)),
        }
    }

    /// The same advice for `pages` in pieces.
    fn advise_chunked(&self, call: &'static str, pages: PageRange, advice: i32) -> Result<(), OsError> {
        let chunk = CHUNK.0 / self.page.bytes();
        let end = pages.first + pages.count;
        let mut first = pages.first;
        while first < end {
            let count = chunk.min(end - first);
            self.advise(call, PageRange { first, count }, advice)?;
            first += count;
        }
        Ok(())
    }
}

impl Mapping for UnixMapping {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping lives as long as `self`. Another process may write to the file meanwhile; nothing here
        // relies on two reads of a byte agreeing, and a file cut short reads as zeros (see `sigbus`).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    fn resident(&self, pages: PageRange) -> Result<u64, OsError> {
        let mut answer = [0u8; 4096];
        let (mut resident, end) = (0, pages.first + pages.count);
        let mut first = pages.first;
        while first < end {
            let count = (end - first).min(answer.len() as u64);
            let (address, len) = self.part(PageRange { first, count });
            // SAFETY: the range is mapped, and the answer has a byte for each of its pages.
            if len > 0 && unsafe { libc::mincore(address, len, answer.as_mut_ptr().cast()) } != 0 {
                return Err(OsError::last("mincore"));
            }
            let asked = self.page.count(Bytes(len as u64)) as usize;
            resident += answer[..asked].iter().map(|page| u64::from(page & 1)).sum::<u64>();
            first += count;
        }
        Ok(resident)
    }

    fn unmap_pages(&self) -> Result<(), OsError> {
        self.advise("madvise(MADV_DONTNEED)", self.whole(), libc::MADV_DONTNEED)
    }

    fn page_out(&self) -> Result<(), OsError> {
        system::page_out(|advice| self.advise("madvise(MADV_PAGEOUT)", self.whole(), advice))
    }

    fn apply(&self, advice: Advice, pages: PageRange) -> Result<(), OsError> {
        match advice {
            Advice::Normal => Ok(()),
            Advice::Random => self.advise("madvise(MADV_RANDOM)", pages, libc::MADV_RANDOM),
            Advice::Sequential => self.advise("madvise(MADV_SEQUENTIAL)", pages, libc::MADV_SEQUENTIAL),
            Advice::WillNeed => self.advise_chunked("madvise(MADV_WILLNEED)", pages, libc::MADV_WILLNEED),
            Advice::Populate => {
                system::populate(|advice| self.advise_chunked("madvise(MADV_POPULATE_READ)", pages, advice))
            }
        }
    }

    fn touch(&self, touches: &Touches) -> u64 {
        let pages = touches.pages();
        assert!(pages.first + pages.count <= self.whole().count, "the plan stays within the file");
        let (base, _) = self.part(pages);
        let (base, page) = (base.cast::<u8>().cast_const(), self.page.bytes() as usize);
        let mut sum = 0;
        for &index in touches.order() {
            // SAFETY: `index` is below `pages.count`, and those pages begin within the mapping (asserted above).
            sum += u64::from(unsafe { in_register(base.add(index as usize * page)).read_volatile() });
        }
        sum
    }

    fn cut_short(&self) -> Option<FileOffset> {
        self.guard.as_ref().and_then(Guard::cut_at).map(|bytes| FileOffset(bytes as u64))
    }
}

impl Drop for UnixMapping {
    fn drop(&mut self) {
        // The guard first: once unmapped, the addresses may be another thread's.
        drop(self.guard.take());
        if self.ours {
            // SAFETY: this mapping is ours and nothing borrows from it any more.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        }
    }
}
