//! The one door to the operating system: files, mappings, residency, counters, the clock.
//!
//! [`Os`] is implemented by the system itself ([`host`]) and by [`fake::FakeOs`], which plays a script. `unsafe`, `libc`
//! and `cfg(target_os)` stay behind this door.

mod append;
#[cfg(target_vendor = "apple")]
mod darwin;
mod darwin_rules;
pub mod fake;
mod file;
mod foreign;
mod keep;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
mod mapping;
mod new_file;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod proc;
mod sigbus;
mod stream;
#[cfg(target_vendor = "apple")]
mod sysctl;
mod told;
mod unfinished;
mod unix;
mod work;

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;

pub use append::{AppendError, AppendFile};
pub use foreign::Foreign;
pub use keep::{Scratch, keep, kept, make_folder, scratch, write_whole};
pub use new_file::{Existing, NewFile, NewFileError};
pub use told::{FactSource, Identity, Told};
pub use unfinished::folder;
pub use work::{Buffer, Reads, Touches, page_sum};

use crate::job::{Advice, Io};
use crate::record::{Conditions, Context, Storage};
use crate::unit::{ByteRange, Bytes, FileOffset, Nanos, PageRange, PageSize};

/// The system that this process runs on.
pub fn host() -> impl Os {
    unix::Unix::new()
}

/// The most memory that this process had so far, with the pages of files that it had mapped.
pub fn peak_memory() -> Option<Bytes> {
    unix::system::peak_memory()
}

/// Gives memory that was freed back to the system: what a phase left is no memory of the next.
pub fn trim_heap() {
    unix::system::trim_heap();
}

/// Has memory that is taken in pieces of `from` and more go back to the system as soon as it is freed, from now on.
pub fn return_freed(from: Bytes) {
    unix::system::return_freed(from);
}

/// Has memory that isn't used yet lie in large pages where the system has any, so that it takes fewer faults. Only speed
/// depends on it.
pub fn prefer_large_pages<T>(memory: &mut [T]) {
    unix::system::prefer_large_pages(memory);
}

/// Whether this is built for phones, where apps have more than processors to compute on.
pub const PHONE: bool = cfg!(any(target_os = "android", target_os = "ios"));

/// What of the operating system a measurement needs.
pub trait Os {
    /// The size of a page.
    fn page_size(&self) -> PageSize;
    /// What the machine is. It doesn't change while the process lives.
    fn context(&self) -> Context;
    /// What may have changed since the last run. The session fills in the time.
    fn conditions(&self) -> Conditions;
    /// A clock that only goes forward, from an arbitrary start.
    fn now(&self) -> Nanos;
    /// Lets `time` pass.
    fn sleep(&self, time: Nanos);
    /// Milliseconds since 1970-01-01 UTC, as the system's calendar has it.
    fn unix_time_ms(&self) -> u64;
    /// Binds the calling thread to these processors.
    fn pin(&self, cpus: &[u32]) -> Result<(), OsError>;
    /// Opens a model file for reading. State of the kernel's readahead lives in what this returns.
    fn open(&self, path: &Path) -> Result<Box<dyn ModelFile>, OsError>;
    /// Opens a model file for reads past the page cache; through it where the file system knows no other way. Tells
    /// which.
    fn open_direct(&self, path: &Path) -> Result<(Box<dyn ModelFile>, Io), OsError>;
    /// A meter of the calling thread, or of all threads.
    fn meter(&self, scope: Scope) -> Result<Box<dyn Meter>, OsError>;
    /// Memory of this process that is no file's.
    fn anonymous_memory(&self) -> Option<Bytes>;
    /// Readies a thread that will ask for `pieces` of the file at `path`, in order, at most `lead` of them ahead of what
    /// has come.
    fn stream(&self, path: &Path, pieces: &[PageRange], lead: Bytes) -> Result<Box<dyn Stream>, OsError>;
}

/// Whose faults and processor time a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The calling thread's.
    Thread,
    /// All threads' of this process.
    Process,
}

/// A thread that asks for pages.
pub trait Stream {
    /// Starts it.
    fn start(self: Box<Self>) -> Result<Box<dyn Stream>, OsError>;
    /// Ends it, whether or not it has asked for everything.
    fn finish(self: Box<Self>) -> Result<(), OsError>;
}

/// Counts what is done between two moments, without allocating there.
pub trait Meter {
    /// Begins the measured region.
    fn start(&mut self);
    /// Ends it.
    fn stop(&mut self) -> Usage;
}

/// Differences over a measured region; `None` for what this system doesn't tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Elapsed time.
    pub wall: Nanos,
    /// Processor time.
    pub cpu: Option<Nanos>,
    /// Faults that waited for storage.
    pub major_faults: Option<u64>,
    /// Faults that found the page in memory.
    pub minor_faults: Option<u64>,
    /// Pages of all threads that had to be brought in when they were first touched, as Darwin counts them. It is another
    /// thing than a major fault: readahead doesn't make it less.
    pub pages_paged_in: Option<u64>,
    /// Bytes that the process caused to be fetched from storage.
    pub bytes_fetched: Option<Bytes>,
}

/// An open model file.
pub trait ModelFile: Send + Sync {
    /// What the system says of it.
    fn facts(&self) -> &FileFacts;
    /// Maps all of it for reading.
    fn map(&self) -> Result<Box<dyn Mapping>, OsError>;
    /// Asks the kernel to drop the file's clean, unmapped pages.
    fn drop_cache(&self) -> Result<(), OsError>;
    /// Hands every byte of `range` to `consume`, in order, in pieces of whole pages but for the last.
    fn read_through(&self, range: ByteRange, consume: &mut dyn FnMut(&[u8])) -> Result<(), OsError>;
    /// Fills `buffer` with what lies from `start` on.
    fn read_at(&self, buffer: &mut [u8], start: FileOffset) -> Result<(), OsError>;
    /// Copies `range` to `at` of a new file.
    fn copy(&self, range: ByteRange, to: &NewFile, at: FileOffset) -> Result<(), OsError>;
    /// Whether the system still says of it what it said when it was opened.
    fn check_unchanged(&self) -> Result<(), OsError>;
    /// Makes the reads of `reads`, a thread for each of `buffers`, each thread taking the next read as soon as it is
    /// free, and writes the latency of each, in ns, into `latencies`. `meter` runs from the first read to the end of the
    /// last; nothing is allocated there.
    ///
    /// Returns the sum of the first byte of each page read.
    fn read(
        &self,
        reads: &Reads,
        buffers: &mut [Buffer],
        latencies: &[AtomicU64],
        meter: &mut dyn Meter,
    ) -> Result<(u64, Usage), OsError>;
}

/// A model file in memory.
pub trait Mapping {
    /// The bytes. If the file is cut short meanwhile they read as zeros and [`Mapping::cut_short`] tells.
    fn bytes(&self) -> &[u8];
    /// How many of `pages` are in memory, mapped or not.
    fn resident(&self, pages: PageRange) -> Result<u64, OsError>;
    /// Forgets which pages are mapped, so that the kernel may drop them.
    fn unmap_pages(&self) -> Result<(), OsError>;
    /// The second tool of eviction: asks the kernel to reclaim these very pages.
    fn page_out(&self) -> Result<(), OsError>;
    /// Applies a policy to `pages`; those that bring pages in do it now, in chunks.
    fn apply(&self, advice: Advice, pages: PageRange) -> Result<(), OsError>;
    /// Touches the first byte of each page in turn. Returns their sum. Allocates nothing.
    ///
    /// # Panics
    /// If `touches` goes beyond the mapping.
    fn touch(&self, touches: &Touches) -> u64;
    /// As [`Mapping::touch`], and writes the latency of each touch, in ns, into `latencies`.
    fn touch_each(&self, touches: &Touches, latencies: &[AtomicU64]) -> u64;
    /// Where the file ended when a touch went beyond its end.
    fn cut_short(&self) -> Option<FileOffset>;
}

/// What the system says of an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Its length now.
    pub len: Bytes,
    /// The device that it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// When it was last written to, in ns since 1970.
    pub modified_ns: i128,
    /// The file system's name.
    pub file_system: Option<String>,
    /// The class of its storage.
    pub storage: Storage,
    /// The block device's readahead.
    pub readahead: Option<Bytes>,
    /// The largest request that the block device is sent.
    pub largest_request: Option<Bytes>,
}

impl FileFacts {
    /// How much one `MADV_WILLNEED` brings in: the kernel passes over what goes beyond the device's largest request, or
    /// beyond its readahead where that is larger, and says nothing. Where neither can be read, half of what phones'
    /// storage takes.
    pub fn will_need(&self) -> Bytes {
        self.largest_request.max(self.readahead).unwrap_or(Bytes::kib(512))
    }
}

/// A call to the system that failed. It holds no path: reports mustn't.
#[derive(Debug, thiserror::Error)]
pub enum OsError {
    /// The system refused.
    #[error("{call}")]
    Call {
        /// What was asked.
        call: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// This system has no such thing.
    #[error("{call} is not supported here: {hint}")]
    Unsupported {
        /// What was asked.
        call: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The file ends before a read does.
    #[error("the file ends at byte {found}, expected at least {expected}: was it cut short?")]
    CutShort {
        /// Where it ends.
        found: u64,
        /// Where the read would have.
        expected: u64,
    },
    /// Somebody has written to the file.
    #[error("the file was changed while it was read: try again when nobody writes to it")]
    Changed,
    /// Another file lies there now.
    #[error("another file of {} bytes lies there now, expected the one of {} bytes that was loaded", found.0, expected.0)]
    Replaced {
        /// The length of the file that lies there.
        found: Bytes,
        /// The length of the file that was loaded.
        expected: Bytes,
    },
    /// The file doesn't fit this process's address space.
    #[error("the file has {len} and this process cannot map so much: use a 64-bit build")]
    AddressSpace {
        /// The file's length.
        len: Bytes,
    },
}

impl OsError {
    /// Of a call that has just failed.
    pub(crate) fn last(call: &'static str) -> Self {
        OsError::Call { call, source: io::Error::last_os_error() }
    }
}
