//! A file that is cut short under a mapping raises SIGBUS at the next touch beyond its end. This handler lets the
//! process live: it lays zeros over the rest of the mapping, remembers where, and returns, so that the run fails and
//! the session goes on. Signals that aren't ours go to whoever was there before (the Android runtime, crash reporters).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};

/// Mappings that can be guarded at one time. A process measures one file at a time; tests run in parallel, and the
/// largest checkpoints come in some two hundred files.
const SLOTS: usize = 1024;

/// A guarded mapping. All fields are 0 in a free slot.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    /// The first address that no longer had a file under it; 0 as long as there is one everywhere.
    cut: AtomicUsize,
}

static TABLE: [Slot; SLOTS] =
    [const { Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), cut: AtomicUsize::new(0) } };
        SLOTS];
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// Guards one mapping as long as it lives.
#[derive(Debug)]
pub struct Guard(usize);

impl Guard {
    /// Guards `len` bytes from `start`; `None` when too many mappings are guarded already.
    pub fn new(start: usize, len: usize, page: usize) -> Option<Guard> {
        PAGE.store(page, Ordering::Relaxed);
        install();
        let claim =
            |slot: &Slot| slot.start.compare_exchange(0, start, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let index = TABLE.iter().position(claim)?;
        TABLE[index].cut.store(0, Ordering::Release);
        TABLE[index].end.store(start + len, Ordering::Release);
        Some(Guard(index))
    }

    /// How many bytes into the mapping the file had ended when it was touched beyond its end.
    pub fn cut_at(&self) -> Option<usize> {
        let slot = &TABLE[self.0];
        match slot.cut.load(Ordering::Acquire) {
            0 => None,
            address => Some(address - slot.start.load(Ordering::Acquire)),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let slot = &TABLE[self.0];
        slot.end.store(0, Ordering::Release);
        slot.start.store(0, Ordering::Release);
    }
}

fn install() {
    PREVIOUS.get_or_init(|| {
        // SAFETY: both structs are plain C data for which all-zero is a valid value; the handler is async-signal-safe:
        // it reads atomics and calls mmap, sigaction and the previous handler only.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut previous: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigbus as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGBUS, &action, &mut previous);
            previous
        }
    });
}

extern "C" fn on_sigbus(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands a valid siginfo_t to a handler installed with SA_SIGINFO.
    let address = unsafe { (*info).si_addr() } as usize;
    let guards = |slot: &&Slot| {
        slot.start.load(Ordering::Acquire) <= address && address < slot.end.load(Ordering::Acquire)
    };
    match TABLE.iter().find(guards) {
        Some(slot) => lay_zeros(slot, address),
        None => pass_on(signal, info, context),
    }
}

/// Zeros from the faulting page to the end: page by page would run into the limit on mappings of a process.
fn lay_zeros(slot: &Slot, address: usize) {
    let page = address & !(PAGE.load(Ordering::Relaxed) - 1);
    let end = slot.end.load(Ordering::Acquire);
    slot.cut.store(page, Ordering::Release);
    let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the range lies within a mapping that this process owns and that its guard outlives; mmap is a plain
    // system call and may be made in a handler.
    unsafe { libc::mmap(page as *mut c_void, end - page, libc::PROT_READ, flags, -1, 0) };
}

fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    type Full = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
    type Short = extern "C" fn(c_int);
    let previous = PREVIOUS.get();
    match previous.map(|action| (action.sa_sigaction, action.sa_flags)) {
        None | Some((libc::SIG_DFL | libc::SIG_IGN, _)) => restore_default(signal),
        // SAFETY: the previous owner registered this address as a three-argument handler.
        Some((handler, flags)) if flags & libc::SA_SIGINFO != 0 => unsafe {
            std::mem::transmute::<usize, Full>(handler)(signal, info, context);
        },
        // SAFETY: without SA_SIGINFO the address is that of a one-argument handler.
        Some((handler, _)) => unsafe { std::mem::transmute::<usize, Short>(handler)(signal) },
    }
}

/// The touch is repeated after the handler returns and then ends the process, as it would have without us.
fn restore_default(signal: c_int) {
    // SAFETY: all-zero is SIG_DFL without flags; sigaction may be called in a handler.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}
