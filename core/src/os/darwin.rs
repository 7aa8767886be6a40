//! What only macOS and iOS have, under the names of `linux.rs`.
//!
//! Written from Apple's manuals and the kernel's published source, and compiled for Apple's targets. It has not run on a
//! phone: `ios/README.md` says what is to be looked at there first.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use libc::{c_int, c_uint, c_void};

use super::darwin_rules::{self as rules, Lacking};
use super::mapping::UnixMapping;
use super::unix::{self, clock};
use super::{FileFacts, Meter, OsError, Scope, Usage, sysctl};
use crate::record::{Conditions, Context, Storage};
use crate::unit::{ByteRange, Bytes, Nanos, PageSize};

/// The flavour of `task_info` that tells of a task's memory; libc has no name for it.
const TASK_VM_INFO: u32 = 22;

/// What walls are taken by. It stands still while the system sleeps; `CLOCK_MONOTONIC` doesn't here, and has microseconds.
pub const WALL: libc::clockid_t = libc::CLOCK_UPTIME_RAW;

/// Offsets have 64 bits on every Darwin.
///
/// # Safety
/// `buffer` must be valid for writes of `len` bytes.
#[inline]
pub unsafe fn pread(fd: c_int, buffer: *mut c_void, len: usize, offset: u64) -> isize {
    // SAFETY: as of this function.
    unsafe { libc::pread(fd, buffer, len, offset as libc::off_t) }
}

/// Opens a file for reads that leave nothing in the page cache: `F_NOCACHE`, and `F_RDAHEAD` off, for readahead would go
/// through it. What is in the cache already is read from there.
pub fn open_direct(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    for (command, value) in [(libc::F_NOCACHE, 1), (libc::F_RDAHEAD, 0)] {
        // SAFETY: both commands take a number and touch no memory of ours.
        if unsafe { libc::fcntl(file.as_raw_fd(), command, value) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(file)
}

/// Dirty pages can't be dropped, so they are written first. Then a shared mapping of the whole file is invalidated, which
/// frees its clean pages, mapped or not. Darwin promises it nowhere: residency is asked afterwards.
pub fn drop_cache(file: &File) -> Result<(), OsError> {
    // SAFETY: the call touches no memory of ours.
    if unsafe { libc::fsync(file.as_raw_fd()) } != 0 {
        return Err(OsError::last("fsync"));
    }
    UnixMapping::new(file, &file_facts(file)?, unix::page_size())?.invalidate()
}

/// Invalidation takes mapped pages, too: there is nothing to forget before. `MADV_DONTNEED` would only deactivate them.
pub fn unmap_pages(_: impl Fn(&'static str, c_int) -> Result<(), OsError>) -> Result<(), OsError> {
    Ok(())
}

/// There is no second tool.
pub fn page_out(_: impl Fn(c_int) -> Result<(), OsError>) -> Result<(), OsError> {
    Err(rules::lacks(Lacking::PageOut))
}

/// There is nothing that maps pages ahead of their use.
pub fn populate(_: impl Fn(c_int) -> Result<(), OsError>) -> Result<(), OsError> {
    Err(rules::lacks(Lacking::Populate))
}

/// Asks for `range` without waiting for it.
pub fn ask_ahead(
    file: &File,
    range: ByteRange,
    _: impl FnOnce() -> Result<(), OsError>,
) -> Result<(), OsError> {
    rules::advisories(range).try_for_each(|(start, ra_count)| {
        let advice = libc::radvisory { ra_offset: start.0 as libc::off_t, ra_count };
        // SAFETY: the command reads the radvisory that it is given.
        match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_RDADVISE, &advice) } {
            -1 => Err(OsError::last("fcntl(F_RDADVISE)")),
            _ => Ok(()),
        }
    })
}

/// Takes the room for `len` bytes in an empty file, which then reads as zeros.
pub fn reserve(file: &File, len: Bytes) -> io::Result<()> {
    let bytes = libc::off_t::try_from(len.0).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut store = libc::fstore_t {
        fst_flags: libc::F_ALLOCATEALL,
        fst_posmode: libc::F_PEOFPOSMODE,
        fst_offset: 0,
        fst_length: bytes,
        fst_bytesalloc: 0,
    };
    // SAFETY: the command reads and writes the fstore_t that it is given.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_PREALLOCATE, &raw mut store) } != -1 {
        return file.set_len(len.0);
    }
    let refused = io::Error::last_os_error();
    match refused.raw_os_error() {
        Some(libc::ENOTSUP) => unix::extend(file, free(file), len),
        _ => Err(refused),
    }
}

/// How much this process may still write to the file system that a file lies on.
pub fn free(file: &File) -> Option<Bytes> {
    stat_fs(file).map(|stat| Bytes(stat.f_bavail.saturating_mul(stat.f_bsize.into())))
}

pub use super::unix::copy;

/// Renames a file, unless something has the new name; `Unsupported` where the file system doesn't do both at once.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to, here) = (unix::c_path(from)?, unix::c_path(to)?, libc::AT_FDCWD);
    // SAFETY: both names end with a zero and live as long as the call.
    if unsafe { libc::renameatx_np(here, from.as_ptr(), here, to.as_ptr(), libc::RENAME_EXCL) } == 0 {
        return Ok(());
    }
    let refused = io::Error::last_os_error();
    match refused.raw_os_error() {
        Some(libc::ENOTSUP) => Err(io::ErrorKind::Unsupported.into()),
        _ => Err(refused),
    }
}

/// Nothing can be asked for: what was written goes to storage when the system likes.
pub fn write_behind(_: &File, _: ByteRange) {}

/// There is no way to bind.
pub fn pin(_: &[u32]) -> Result<(), OsError> {
    Err(rules::lacks(Lacking::Pin))
}

// libc has neither.
unsafe extern "C" {
    fn qos_class_self() -> c_uint;
    fn pthread_set_qos_class_self_np(class: c_uint, relative_priority: c_int) -> c_int;
}

/// The quality of service by which the scheduler picks a thread's processor and its clock. A thread doesn't have that of
/// the one that started it: it is told.
#[derive(Clone, Copy)]
pub struct Class(c_uint);

impl Class {
    /// That of this thread.
    pub fn of_this_thread() -> Self {
        // SAFETY: the call has no preconditions.
        Class(unsafe { qos_class_self() })
    }

    /// Makes it this thread's own. Where that can't be, as with none at all, the system's own choice stands.
    pub fn take(self) {
        // SAFETY: the call touches no memory of ours; a class that it doesn't know it refuses.
        unsafe { pthread_set_qos_class_self_np(self.0, 0) };
    }
}

/// The machine, by names that an app may ask for, too.
pub fn context(page: PageSize) -> Context {
    Context {
        page_size_bytes: u32::try_from(page.bytes()).expect("a page is smaller than 4 GiB"),
        kernel: sysctl::kernel(),
        device: sysctl::device(),
        cpus: None,
        app: None,
        fixed_performance: false,
    }
}

/// What may have changed. How much memory is left an app tells (`os_proc_available_memory`); clocks and sensors nobody.
pub fn conditions() -> Conditions {
    let mut loads = [0.0f64; 1];
    // SAFETY: the array has room for the one answer that is asked for.
    let told = unsafe { libc::getloadavg(loads.as_mut_ptr(), 1) } == 1;
    Conditions { load_1m_milli: told.then(|| (loads[0] * 1000.0).round() as u64), ..Conditions::default() }
}

/// What the system says of an open file. Readahead and the largest request are settings of no device here.
pub fn file_facts(file: &File) -> Result<FileFacts, OsError> {
    let metadata = unix::metadata(file)?;
    let (file_system, storage) = stat_fs(file).map_or((None, Storage::Unknown), |stat| file_system(&stat));
    Ok(FileFacts {
        len: Bytes(metadata.len()),
        device: metadata.dev(),
        inode: metadata.ino(),
        modified_ns: unix::modified_ns(&metadata),
        file_system,
        storage,
        readahead: None,
        largest_request: None,
    })
}

fn stat_fs(file: &File) -> Option<libc::statfs> {
    // SAFETY: all-zero is a valid statfs for the call to fill.
    unsafe {
        let mut stat: libc::statfs = std::mem::zeroed();
        (libc::fstatfs(file.as_raw_fd(), &mut stat) == 0).then_some(stat)
    }
}

/// Darwin names it, and says whether it is a local one.
fn file_system(stat: &libc::statfs) -> (Option<String>, Storage) {
    let name: Vec<u8> =
        stat.f_fstypename.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
    let name = String::from_utf8_lossy(&name).into_owned();
    let storage = rules::storage(&name, stat.f_flags & libc::MNT_LOCAL as u32 != 0);
    (Some(name), storage)
}

/// The start of `task_vm_info`, as far as the kernel's first revision of it goes.
#[derive(Default)]
#[repr(C, packed(4))]
struct TaskVmInfo {
    virtual_size: u64,
    region_count: i32,
    page_size: i32,
    resident: [u64; 2],
    device: [u64; 2],
    internal: u64,
    internal_peak: u64,
    external: [u64; 2],
    reusable: [u64; 2],
    purgeable_volatile: [u64; 3],
    compressed: [u64; 3],
}

/// Memory of this process that is no file's, in memory now.
pub fn anonymous_memory() -> Option<Bytes> {
    let mut info = TaskVmInfo::default();
    let mut count = (size_of::<TaskVmInfo>() / size_of::<u32>()) as u32;
    // SAFETY: the kernel writes at most `count` words into `info`, and says how many. The task is this one.
    #[allow(deprecated, reason = "libc points to another crate, for this one word")]
    let answer = unsafe {
        libc::task_info(libc::mach_task_self(), TASK_VM_INFO, (&raw mut info).cast(), &raw mut count)
    };
    (answer == libc::KERN_SUCCESS).then_some(Bytes(info.internal))
}

/// Pages that the process had brought in, and processor time of a thread or of the process.
pub struct UsageMeter {
    cpu_clock: libc::clockid_t,
    before: Reading,
}

#[derive(Clone, Copy, Default)]
struct Reading {
    wall: Nanos,
    cpu: Nanos,
    pages_paged_in: u64,
}

impl UsageMeter {
    pub fn new(scope: Scope) -> Self {
        let cpu_clock = match scope {
            Scope::Thread => libc::CLOCK_THREAD_CPUTIME_ID,
            Scope::Process => libc::CLOCK_PROCESS_CPUTIME_ID,
        };
        UsageMeter { cpu_clock, before: Reading::default() }
    }

    fn reading(&self) -> Reading {
        Reading { cpu: clock(self.cpu_clock), pages_paged_in: pages_paged_in(), ..Reading::default() }
    }
}

/// Darwin's `ru_majflt`: of all threads, for it keeps none by thread, and of pages, for it counts each one that wasn't
/// there when it was first touched, however many a single read brought in.
fn pages_paged_in() -> u64 {
    rusage().ru_majflt as u64
}

/// The most memory of this process, files' in it.
pub fn peak_memory() -> Option<Bytes> {
    Some(Bytes(rusage().ru_maxrss as u64))
}

/// Darwin gives back what it wants by itself.
pub fn trim_heap() {}

/// Darwin gives back what it wants by itself.
pub fn return_freed(_: Bytes) {}

/// Darwin has one size of pages.
pub fn prefer_large_pages<T>(_: &mut [T]) {}

fn rusage() -> libc::rusage {
    // SAFETY: all-zero is a valid rusage for the call to fill; it cannot fail for the caller's own.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

impl Meter for UsageMeter {
    fn start(&mut self) {
        self.before = self.reading();
        self.before.wall = clock(WALL);
    }

    fn stop(&mut self) -> Usage {
        let wall = clock(WALL);
        let (before, after) = (self.before, self.reading());
        let cpu = Nanos(after.cpu.0 - before.cpu.0);
        rules::usage(Nanos(wall.0 - before.wall.0), Some(cpu), after.pages_paged_in - before.pages_paged_in)
    }
}
