//! An open file: positioned reads, through the page cache or past it, by one thread or by several.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::mapping::UnixMapping;
use super::unix::{system, wall};
use super::{Buffer, FileFacts, Mapping, Meter, ModelFile, NewFile, OsError, Reads, Usage, page_sum};
use crate::job::Io;
use crate::unit::{ByteRange, Bytes, FileOffset, PageSize};

/// A piece of [`ModelFile::read_through`]; a multiple of every page size.
const PIECE: usize = 1 << 20;
/// Reads past the page cache are of whole blocks of this size; a device's own may be smaller.
const BLOCK: usize = 512;

/// A file, and how it is read.
pub struct UnixFile {
    file: File,
    facts: FileFacts,
    page: PageSize,
    io: Io,
}

impl UnixFile {
    /// Opens `path` for reads through the page cache.
    pub fn open(path: &Path, page: PageSize) -> Result<Self, OsError> {
        let file = File::open(path).map_err(|source| OsError::Call { call: "open", source })?;
        UnixFile::new(file, page, Io::Buffered)
    }

    /// Opens `path` for reads past the page cache; `None` where the file system knows no such thing.
    pub fn open_direct(path: &Path, page: PageSize) -> Result<Option<Self>, OsError> {
        match system::open_direct(path) {
            Ok(file) => UnixFile::new(file, page, Io::Direct).map(Some),
            Err(source) if source.raw_os_error() == Some(libc::EINVAL) => Ok(None),
            Err(source) => Err(OsError::Call { call: "open(O_DIRECT)", source }),
        }
    }

    fn new(file: File, page: PageSize, io: Io) -> Result<Self, OsError> {
        let facts = system::file_facts(&file)?;
        Ok(UnixFile { file, facts, page, io })
    }

    /// Reads `range` into `buffer` and sums the first byte of each page.
    #[inline]
    fn read_range(&self, buffer: &mut [u8], range: ByteRange) -> Result<u64, OsError> {
        let len = range.len.0 as usize;
        match self.io {
            Io::Buffered => self.read_at(&mut buffer[..len], range.start)?,
            Io::Direct => self.read_blocks(buffer, range)?,
        }
        Ok(page_sum(&buffer[..len], range.start, self.page))
    }

    /// Whole blocks are read past the page cache: at the end of the file there are fewer bytes than that, which is no
    /// error as long as they hold `range`.
    fn read_blocks(&self, buffer: &mut [u8], range: ByteRange) -> Result<(), OsError> {
        let wanted = range.len.0 as usize;
        let len = wanted.next_multiple_of(BLOCK).min(buffer.len());
        // SAFETY: the pointer and the length are those of a live, exclusively borrowed buffer.
        let got =
            unsafe { system::pread(self.file.as_raw_fd(), buffer.as_mut_ptr().cast(), len, range.start.0) };
        match usize::try_from(got) {
            Err(_) => Err(OsError::last("pread")),
            Ok(got) if got >= wanted => Ok(()),
            Ok(got) => Err(OsError::CutShort { found: range.start.0 + got as u64, expected: range.end().0 }),
        }
    }

    /// A read may end early at a signal; at the end of the file it gives nothing.
    #[cold]
    fn finish_read(&self, got: isize, buffer: &mut [u8], start: FileOffset) -> Result<(), OsError> {
        let wanted = start.0 + buffer.len() as u64;
        match usize::try_from(got) {
            Err(_) => Err(OsError::last("pread")),
            Ok(0) => {
                let found = self.file.metadata().map_or(start.0, |metadata| metadata.len());
                Err(OsError::CutShort { found, expected: wanted })
            }
            Ok(got) => self.read_at(&mut buffer[got..], start + Bytes(got as u64)),
        }
    }
}

impl ModelFile for UnixFile {
    fn facts(&self) -> &FileFacts {
        &self.facts
    }

    fn map(&self) -> Result<Box<dyn Mapping>, OsError> {
        Ok(Box::new(UnixMapping::new(&self.file, &self.facts, self.page)?))
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

    fn copy(&self, range: ByteRange, to: &NewFile, at: FileOffset) -> Result<(), OsError> {
        to.copy(&self.file, range, at)
    }

    fn check_unchanged(&self) -> Result<(), OsError> {
        if system::file_facts(&self.file)? == self.facts { Ok(()) } else { Err(OsError::Changed) }
    }

    fn read(
        &self,
        reads: &Reads,
        buffers: &mut [Buffer],
        latencies: &[AtomicU64],
        meter: &mut dyn Meter,
    ) -> Result<(u64, Usage), OsError> {
        let queue = Queue { file: self, reads, latencies, next: AtomicUsize::new(0) };
        match buffers {
            [buffer] => {
                meter.start();
                let sum = queue.read_alone(buffer.bytes());
                let usage = meter.stop();
                Ok((sum?, usage))
            }
            buffers => queue.read_together(buffers, meter),
        }
    }
}

/// Reads that one or several threads make.
struct Queue<'a> {
    file: &'a UnixFile,
    reads: &'a Reads,
    latencies: &'a [AtomicU64],
    /// The next one that nobody has taken.
    next: AtomicUsize,
}

impl Queue<'_> {
    /// All of them by the calling thread.
    fn read_alone(&self, buffer: &mut [u8]) -> Result<u64, OsError> {
        let mut sum = 0;
        let mut last = wall();
        for (&index, latency) in self.reads.order().iter().zip(self.latencies) {
            sum += self.file.read_range(buffer, self.reads.range(index))?;
            let now = wall();
            latency.store(now.0 - last.0, Ordering::Relaxed);
            last = now;
        }
        Ok(sum)
    }

    /// A thread for each buffer. They are there before the meter starts, and wait for it.
    fn read_together(&self, buffers: &mut [Buffer], meter: &mut dyn Meter) -> Result<(u64, Usage), OsError> {
        let gate = Barrier::new(buffers.len() + 1);
        let class = system::Class::of_this_thread();
        let (sums, usage) = std::thread::scope(|scope| {
            let read = |buffer: &mut Buffer| {
                class.take();
                gate.wait();
                let sum = self.read_share(buffer.bytes());
                gate.wait();
                sum
            };
            let threads: Vec<_> =
                buffers.iter_mut().map(|buffer| scope.spawn(move || read(buffer))).collect();
            meter.start();
            gate.wait();
            gate.wait();
            let usage = meter.stop();
            let sums = threads
                .into_iter()
                .map(|thread| thread.join().expect("the thread reads and counts, and doesn't panic"));
            (sums.collect::<Result<Vec<u64>, OsError>>(), usage)
        });
        Ok((sums?.into_iter().sum(), usage))
    }

    /// Read after read until none is left. When one fails the others are left alone.
    fn read_share(&self, buffer: &mut [u8]) -> Result<u64, OsError> {
        let mut sum = 0;
        let mut last = wall();
        loop {
            let taken = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&index) = self.reads.order().get(taken) else { return Ok(sum) };
            match self.file.read_range(buffer, self.reads.range(index)) {
                Ok(more) => sum += more,
                Err(error) => {
                    self.next.store(self.reads.order().len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
            let now = wall();
            self.latencies[taken].store(now.0 - last.0, Ordering::Relaxed);
            last = now;
        }
    }
}
