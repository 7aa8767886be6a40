//! What only Linux and Android have. A file for another system has the same names.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use libc::{c_int, c_void};

use super::unix::{self, clock};
use super::{FileFacts, Meter, OsError, Scope, Usage, proc};
use crate::record::{Conditions, Context, Storage};
use crate::unit::{ByteRange, Bytes, Nanos, PageSize};

/// Since Linux 5.14; libc for Android doesn't have it yet.
const MADV_POPULATE_READ: c_int = 22;
/// Since Linux 5.4.
const MADV_PAGEOUT: c_int = 21;
/// Has no name in libc for Android.
const RUSAGE_THREAD: c_int = 1;
const RUSAGE_SELF: c_int = 0;

/// What walls are taken by. It stands still while the system sleeps.
pub const WALL: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// `pread` with a 64-bit offset on every target: Android's and glibc's plain one has 32 bits on 32-bit systems.
///
/// # Safety
/// `buffer` must be valid for writes of `len` bytes.
#[inline]
pub unsafe fn pread(fd: c_int, buffer: *mut c_void, len: usize, offset: u64) -> isize {
    // SAFETY: as of this function.
    unsafe { libc::pread64(fd, buffer, len, offset as libc::off64_t) }
}

/// Opens a file for reads past the page cache.
pub fn open_direct(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_DIRECT).open(path)
}

/// Dirty pages can't be dropped, so they are written first.
pub fn drop_cache(file: &File) -> Result<(), OsError> {
    file.sync_all().map_err(|source| OsError::Call { call: "fsync", source })?;
    // SAFETY: advice on an open descriptor touches no memory of ours.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        code => Err(OsError::Call {
            call: "posix_fadvise(POSIX_FADV_DONTNEED)",
            source: io::Error::from_raw_os_error(code),
        }),
    }
}

/// Takes the room for `len` bytes in an empty file, which then reads as zeros.
pub fn reserve(file: &File, len: Bytes) -> io::Result<()> {
    let bytes = libc::off64_t::try_from(len.0).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    loop {
        // SAFETY: the call touches no memory of ours.
        if unsafe { libc::fallocate64(file.as_raw_fd(), 0, 0, bytes) } == 0 {
            return Ok(());
        }
        let refused = io::Error::last_os_error();
        match refused.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return unix::extend(file, free(file), len),
            _ => return Err(refused),
        }
    }
}

/// How much this process may still write to the file system that a file lies on.
pub fn free(file: &File) -> Option<Bytes> {
    // SAFETY: all-zero is a valid statvfs for the call to fill.
    let stat = unsafe {
        let mut stat: libc::statvfs64 = std::mem::zeroed();
        (libc::fstatvfs64(file.as_raw_fd(), &mut stat) == 0).then_some(stat)
    };
    // On 32-bit Android a fragment's size has 32 bits.
    #[allow(clippy::useless_conversion, reason = "it is none everywhere")]
    stat.map(|stat| Bytes(stat.f_bavail.saturating_mul(stat.f_frsize.into())))
}

/// As for Linux. Android 8 ends an app that asks for both at once.
#[cfg(target_os = "android")]
pub fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Renames a file, unless something has the new name; `Unsupported` where the system doesn't do both at once.
#[cfg(not(target_os = "android"))]
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (unix::c_path(from)?, unix::c_path(to)?);
    // By its number: not every C library has a name for it.
    // SAFETY: both names end with a zero and live as long as the call.
    let answer = unsafe {
        let here = libc::AT_FDCWD;
        libc::syscall(libc::SYS_renameat2, here, from.as_ptr(), here, to.as_ptr(), libc::RENAME_NOREPLACE)
    };
    if answer == 0 {
        return Ok(());
    }
    let refused = io::Error::last_os_error();
    match refused.raw_os_error() {
        // Of a file system that doesn't know it.
        Some(libc::EINVAL) => Err(io::ErrorKind::Unsupported.into()),
        _ => Err(refused),
    }
}

/// Copies `range` of `from` to where `to` stands, within the kernel where it can, and tells how much there was. By
/// `sendfile`: `copy_file_range` may let both files share their storage, so that the new one lies where the old one does,
/// and Android 8 ends an app that asks for it.
pub fn copy(from: &File, range: ByteRange, to: &File) -> io::Result<u64> {
    let mut copied = 0;
    while copied < range.len.0 {
        let rest = ByteRange { start: range.start + Bytes(copied), len: Bytes(range.len.0 - copied) };
        match send(from, rest, to) {
            Ok(0) => break,
            Ok(more) => copied += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => {
                return unix::copy(from, rest, to).map(|more| copied + more);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(copied)
}

/// One `sendfile`, which ends early where it likes.
fn send(from: &File, range: ByteRange, to: &File) -> io::Result<u64> {
    let mut offset = range.start.0 as libc::off64_t;
    let most = range.len.0.min(1 << 30) as usize;
    // SAFETY: the call reads and writes the offset and no other memory of ours.
    let got = unsafe { libc::sendfile64(to.as_raw_fd(), from.as_raw_fd(), &mut offset, most) };
    u64::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Has what was written to `range` brought to storage, and doesn't wait for it. Only speed depends on it.
pub fn write_behind(file: &File, range: ByteRange) {
    // Android's libc has no name for it before version 8.
    #[cfg(target_os = "linux")]
    // SAFETY: the call touches no memory of ours.
    unsafe {
        let (start, len) = (range.start.0 as libc::off64_t, range.len.0 as libc::off64_t);
        libc::sync_file_range(file.as_raw_fd(), start, len, libc::SYNC_FILE_RANGE_WRITE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, range);
}

/// Forgets by `advise` which pages are mapped: those that are stay in the page cache.
pub fn unmap_pages(advise: impl Fn(&'static str, c_int) -> Result<(), OsError>) -> Result<(), OsError> {
    advise("madvise(MADV_DONTNEED)", libc::MADV_DONTNEED)
}

/// Asks for pages without waiting for them, by `will_need`.
pub fn ask_ahead(
    _: &File,
    _: ByteRange,
    will_need: impl FnOnce() -> Result<(), OsError>,
) -> Result<(), OsError> {
    will_need()
}

/// Reclaims pages by `advise`; the kernel does it for files that the caller owns or may write to.
pub fn page_out(advise: impl Fn(c_int) -> Result<(), OsError>) -> Result<(), OsError> {
    advise(MADV_PAGEOUT)
}

/// Maps pages by `advise`, waiting for each.
pub fn populate(advise: impl Fn(c_int) -> Result<(), OsError>) -> Result<(), OsError> {
    match advise(MADV_POPULATE_READ) {
        Err(OsError::Call { call, source }) if source.raw_os_error() == Some(libc::EINVAL) => {
            Err(OsError::Unsupported { call, hint: "it needs Linux 5.14; leave the policy populate out" })
        }
        other => other,
    }
}

/// By what the scheduler picks a thread's processor: a thread has it of the one that started it.
#[derive(Clone, Copy)]
pub struct Class;

impl Class {
    pub fn of_this_thread() -> Self {
        Class
    }

    pub fn take(self) {}
}

/// Binds the calling thread.
pub fn pin(cpus: &[u32]) -> Result<(), OsError> {
    // SAFETY: all-zero is an empty set; CPU_SET ignores numbers beyond it; the call reads the set only.
    let answer = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cpus.iter().for_each(|&cpu| libc::CPU_SET(cpu as usize, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if answer == 0 { Ok(()) } else { Err(OsError::last("sched_setaffinity")) }
}

/// The machine, by the files that an app may read, too.
pub fn context(page: PageSize) -> Context {
    Context {
        page_size_bytes: u32::try_from(page.bytes()).expect("a page is smaller than 4 GiB"),
        kernel: proc::kernel(),
        device: proc::device(processors()),
        cpus: None,
        app: None,
        fixed_performance: false,
    }
}

/// Processors online, whatever this process may use of them.
fn processors() -> u32 {
    // SAFETY: sysconf has no preconditions.
    u32::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1)
}

/// What may have changed.
pub fn conditions() -> Conditions {
    proc::conditions()
}

/// What the system says of an open file.
pub fn file_facts(file: &File) -> Result<FileFacts, OsError> {
    let metadata = unix::metadata(file)?;
    let (file_system, storage) = file_system(file);
    Ok(FileFacts {
        len: Bytes(metadata.len()),
        device: metadata.dev(),
        inode: metadata.ino(),
        modified_ns: unix::modified_ns(&metadata),
        file_system,
        storage,
        readahead: proc::readahead(metadata.dev()),
        largest_request: proc::largest_request(metadata.dev()),
    })
}

/// The magic numbers of statfs(2), for the file systems that models lie on.
const FILE_SYSTEMS: [(u32, &str, Storage); 17] = [
    (0xEF53, "ext4", Storage::Local),
    (0xF2F5_2010, "f2fs", Storage::Local),
    (0x9123_683E, "btrfs", Storage::Local),
    (0x5846_5342, "xfs", Storage::Local),
    (0xE0F5_E1E2, "erofs", Storage::Local),
    (0x7371_7368, "squashfs", Storage::Local),
    (0x794C_7630, "overlay", Storage::Local),
    (0x4D44, "vfat", Storage::Local),
    (0x2011_BAB0, "exfat", Storage::Local),
    (0x0102_1994, "tmpfs", Storage::Memory),
    (0x8584_58F6, "ramfs", Storage::Memory),
    (0x6573_5546, "fuse", Storage::Fuse),
    (0x5DCA_2DF5, "sdcardfs", Storage::Fuse),
    (0x6969, "nfs", Storage::Network),
    (0xFF53_4D42, "cifs", Storage::Network),
    (0xFE53_4D42, "smb2", Storage::Network),
    (0x0102_1997, "9p", Storage::Network),
];

fn file_system(file: &File) -> (Option<String>, Storage) {
    // SAFETY: all-zero is a valid statfs for the call to fill.
    let answer = unsafe {
        let mut stat: libc::statfs64 = std::mem::zeroed();
        (libc::fstatfs64(file.as_raw_fd(), &mut stat) == 0).then_some(stat.f_type as u32)
    };
    match answer.map(|magic| (magic, FILE_SYSTEMS.iter().find(|(known, ..)| *known == magic))) {
        Some((_, Some(&(_, name, storage)))) => (Some(name.to_owned()), storage),
        Some((magic, None)) => (Some(format!("{magic:#x}")), Storage::Unknown),
        None => (None, Storage::Unknown),
    }
}

/// Memory of this process that is no file's.
pub fn anonymous_memory() -> Option<Bytes> {
    proc::anonymous_memory()
}

/// The most memory of this process, files' in it.
pub fn peak_memory() -> Option<Bytes> {
    proc::peak_memory()
}

/// Gives memory that was freed back to the system. Other libraries than glibc's do by themselves what they do.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Has memory that is taken in pieces of `from` and more go back to the system as soon as it is freed. Other libraries than
/// glibc's do by themselves what they do.
pub fn return_freed(from: Bytes) {
    #[cfg(target_env = "gnu")]
    // SAFETY: any thread may call it at any time.
    unsafe {
        let from = c_int::try_from(from.0).unwrap_or(c_int::MAX);
        libc::mallopt(libc::M_MMAP_THRESHOLD, from);
        // Where the one is set the other no longer grows with it: smaller pieces would go back at each end of the heap.
        libc::mallopt(libc::M_TRIM_THRESHOLD, from);
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = from;
}

/// Has `memory` lie in large pages where the system has any: one fault for each instead of hundreds. Only speed depends on it.
pub fn prefer_large_pages<T>(memory: &mut [T]) {
    let page = unix::page_size().bytes() as usize;
    let address = memory.as_mut_ptr().cast::<u8>();
    let skipped = address.align_offset(page);
    // SAFETY: the pages lie within memory that nobody else has; advice about their size changes nothing in them.
    unsafe {
        let len = size_of_val(memory).saturating_sub(skipped) / page * page;
        libc::madvise(address.wrapping_add(skipped).cast(), len, libc::MADV_HUGEPAGE);
    }
}

/// Faults and processor time of a thread or of the process, fetched bytes of the process.
pub struct UsageMeter {
    scope: Scope,
    /// Open for the meter's whole life: opening it would allocate in the measured region.
    io: Option<File>,
    before: Reading,
}

#[derive(Clone, Copy, Default)]
struct Reading {
    wall: Nanos,
    cpu: Nanos,
    major_faults: u64,
    minor_faults: u64,
    bytes_fetched: Option<Bytes>,
}

impl UsageMeter {
    pub fn new(scope: Scope) -> Self {
        UsageMeter { scope, io: File::open("/proc/self/io").ok(), before: Reading::default() }
    }

    fn bytes_fetched(&self) -> Option<Bytes> {
        let mut text = [0; 512];
        let len = self.io.as_ref()?.read_at(&mut text, 0).ok()?;
        proc::read_bytes(&text[..len]).map(Bytes)
    }
}

/// Processor time and faults so far.
fn reading(scope: Scope) -> Reading {
    let (whose, clock_id) = match scope {
        Scope::Thread => (RUSAGE_THREAD, libc::CLOCK_THREAD_CPUTIME_ID),
        Scope::Process => (RUSAGE_SELF, libc::CLOCK_PROCESS_CPUTIME_ID),
    };
    // SAFETY: all-zero is a valid rusage for the call to fill; it cannot fail for the caller's own.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whose as _, &mut usage);
        usage
    };
    Reading {
        cpu: clock(clock_id),
        major_faults: usage.ru_majflt as u64,
        minor_faults: usage.ru_minflt as u64,
        ..Reading::default()
    }
}

impl Meter for UsageMeter {
    fn start(&mut self) {
        let bytes_fetched = self.bytes_fetched();
        self.before = Reading { bytes_fetched, ..reading(self.scope) };
        self.before.wall = clock(WALL);
    }

    fn stop(&mut self) -> Usage {
        let wall = clock(WALL);
        let after = Reading { wall, ..reading(self.scope) };
        let before = self.before;
        let fetched = |after: Bytes| before.bytes_fetched.map(|before| Bytes(after.0 - before.0));
        Usage {
            wall: Nanos(after.wall.0 - before.wall.0),
            cpu: Some(Nanos(after.cpu.0 - before.cpu.0)),
            major_faults: Some(after.major_faults - before.major_faults),
            minor_faults: Some(after.minor_faults - before.minor_faults),
            bytes_fetched: self.bytes_fetched().and_then(fetched),
            ..Usage::default()
        }
    }
}
