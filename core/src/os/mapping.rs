//! A file in memory: what POSIX systems share of it.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::c_void;

use super::sigbus::Guard;
use super::unix::{page_size, system, wall};
use super::{FileFacts, Mapping, OsError, Touches};
use crate::job::Advice;
use crate::unit::{Bytes, FileOffset, PageRange, PageSize};

/// Pages are populated in pieces of this size: one call for a whole file waits for read-around instead of large requests.
const POPULATED: Bytes = Bytes::mib(2);

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
    /// What one `MADV_WILLNEED` brings in.
    will_need: Bytes,
    guard: Option<Guard>,
    /// Whether it is to be unmapped when this is dropped.
    ours: bool,
}

// SAFETY: the pointer is to a mapping that only this value unmaps; nothing about it belongs to one thread.
unsafe impl Send for UnixMapping {}

impl UnixMapping {
    /// Maps all of `file`, of which the system says `facts`.
    pub fn new(file: &File, facts: &FileFacts, page: PageSize) -> Result<Self, OsError> {
        let will_need = facts.will_need();
        let len = usize::try_from(facts.len.0).map_err(|_| OsError::AddressSpace { len: facts.len })?;
        let Some(mapped) = NonZeroUsize::new(len) else {
            let start = NonNull::dangling();
            return Ok(UnixMapping { start, len: 0, page, will_need, guard: None, ours: false });
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
        UnixMapping { start, len, page, will_need, guard: None, ours: true }.guarded()
    }

    /// A mapping that someone else made and will unmap.
    ///
    /// # Safety
    /// `len` bytes from `start`, a page's start, must be a shared, read-only mapping of a file that outlives this.
    pub unsafe fn foreign(start: NonNull<u8>, len: usize, will_need: Bytes) -> Result<Self, OsError> {
        UnixMapping { start, len, page: page_size(), will_need, guard: None, ours: false }.guarded()
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

    /// Where the pages of `touches` begin, and how far they lie apart.
    ///
    /// # Panics
    /// If they go beyond the mapping.
    fn base(&self, touches: &Touches) -> (*const u8, usize) {
        let pages = touches.pages();
        assert!(pages.first + pages.count <= self.whole().count, "the plan stays within the file");
        let (base, _) = self.part(pages);
        (base.cast::<u8>().cast_const(), self.page.bytes() as usize)
    }

    fn whole(&self) -> PageRange {
        PageRange { first: 0, count: self.page.count(Bytes(self.len as u64)) }
    }

    /// Asks the kernel to drop all pages of the file: Darwin's way to do so.
    #[cfg(target_vendor = "apple")]
    pub fn invalidate(&self) -> Result<(), OsError> {
        let (address, len) = self.part(self.whole());
        // SAFETY: the range is a live, shared, read-only mapping of a file: nothing in it is lost, it is read again.
        match len == 0 || unsafe { libc::msync(address, len, libc::MS_INVALIDATE) } == 0 {
            true => Ok(()),
            false => Err(OsError::last("msync(MS_INVALIDATE)")),
        }
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

    /// The same advice for `pages` in pieces of `most`.
    fn advise_chunked(
        &self,
        call: &'static str,
        pages: PageRange,
        most: Bytes,
        advice: i32,
    ) -> Result<(), OsError> {
        chunks(pages, most, self.page).try_for_each(|chunk| self.advise(call, chunk, advice))
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
            resident += in_memory(&answer[..asked]);
            first += count;
        }
        Ok(resident)
    }

    fn unmap_pages(&self) -> Result<(), OsError> {
        system::unmap_pages(|call, advice| self.advise(call, self.whole(), advice))
    }

    fn page_out(&self) -> Result<(), OsError> {
        system::page_out(|advice| self.advise("madvise(MADV_PAGEOUT)", self.whole(), advice))
    }

    fn apply(&self, advice: Advice, pages: PageRange) -> Result<(), OsError> {
        match advice {
            Advice::Normal => Ok(()),
            Advice::Random => self.advise("madvise(MADV_RANDOM)", pages, libc::MADV_RANDOM),
            Advice::Sequential => self.advise("madvise(MADV_SEQUENTIAL)", pages, libc::MADV_SEQUENTIAL),
            Advice::WillNeed => {
                self.advise_chunked("madvise(MADV_WILLNEED)", pages, self.will_need, libc::MADV_WILLNEED)
            }
            Advice::Populate => system::populate(|advice| {
                self.advise_chunked("madvise(MADV_POPULATE_READ)", pages, POPULATED, advice)
            }),
        }
    }

    fn touch(&self, touches: &Touches) -> u64 {
        let (base, page) = self.base(touches);
        let mut sum = 0;
        for &index in touches.order() {
            // SAFETY: `index` is below `pages.count`, and those pages begin within the mapping (`base` asserts it).
            sum += u64::from(unsafe { in_register(base.add(index as usize * page)).read_volatile() });
        }
        sum
    }

    fn touch_each(&self, touches: &Touches, latencies: &[AtomicU64]) -> u64 {
        let (base, page) = self.base(touches);
        let mut sum = 0;
        let mut last = wall();
        for (&index, latency) in touches.order().iter().zip(latencies) {
            // SAFETY: as in `touch`.
            sum += u64::from(unsafe { in_register(base.add(index as usize * page)).read_volatile() });
            let now = wall();
            latency.store(now.0 - last.0, Ordering::Relaxed);
            last = now;
        }
        sum
    }

    fn cut_short(&self) -> Option<FileOffset> {
        self.guard.as_ref().and_then(Guard::cut_at).map(|bytes| FileOffset(bytes as u64))
    }
}

/// `pages` in pieces of `most`, and of a page at least.
fn chunks(pages: PageRange, most: Bytes, page: PageSize) -> impl Iterator<Item = PageRange> {
    let chunk = (most.0 / page.bytes()).max(1);
    let done = (0..pages.count.div_ceil(chunk)).map(move |index| index * chunk);
    done.map(move |done| PageRange { first: pages.first + done, count: chunk.min(pages.count - done) })
}

/// How many pages are in memory by what `mincore` answers: a byte for each. Darwin tells in other bits what else it knows.
fn in_memory(answer: &[u8]) -> u64 {
    answer.iter().map(|page| u64::from(page & 1)).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_leave_no_page_out() {
        let page = PageSize::new(16384).unwrap();
        let cut = |count, most| {
            let chunks = chunks(PageRange { first: 3, count }, most, page);
            chunks.map(|chunk| (chunk.first, chunk.count)).collect::<Vec<_>>()
        };
        assert_eq!(cut(0, Bytes::kib(512)), []);
        assert_eq!(cut(32, Bytes::kib(512)), [(3, 32)]);
        assert_eq!(cut(70, Bytes::kib(512)), [(3, 32), (35, 32), (67, 6)]);
        assert_eq!(cut(2, Bytes::kib(4)), [(3, 1), (4, 1)], "a page is asked for whole");
    }

    /// The bits are those of `sys/mman.h`: 1 is in core, 2 referenced, 4 modified, 8 and 16 the same by others, 32 paged out.
    #[test]
    fn darwin_pages_that_were_referenced_but_are_gone_are_not_in_memory() {
        assert_eq!(in_memory(&[0, 2, 4, 2 | 8, 32]), 0);
        assert_eq!(in_memory(&[1, 1 | 2, 1 | 2 | 4, 1 | 8 | 16]), 4);
    }
}
