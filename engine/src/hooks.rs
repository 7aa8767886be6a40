//! Stands between llama.cpp and the system where it maps a model. llama.cpp asks for the whole file at once and has no
//! switch for it; the linker puts these functions in place of the system's (`--wrap`, see build.rs), and they withhold
//! what asks for pages ahead of their use. docs/adr/0006-prefetch-stripped-at-link-time.md says why so.
//!
//! Apple's linker knows no `--wrap`: there the compiler gives llama.cpp's calls these functions' names
//! (docs/adr/0011-apple-platforms.md).
//!
//! They act only inside [`observe`], on the thread that called it; everything else passes through. A program that was
//! linked without the arguments never comes here: [`Observed`] is then empty, which is how it is known.

use std::cell::Cell;
use std::ptr::NonNull;

use libc::{c_int, c_void, off_t, size_t};
use packbench_core::job::Advice;
use packbench_core::os::{Foreign, OsError};
use packbench_core::unit::{Bytes, FileOffset};

#[cfg(not(target_vendor = "apple"))]
const MAP_POPULATE: c_int = libc::MAP_POPULATE;
/// Darwin has no such flag.
#[cfg(target_vendor = "apple")]
const MAP_POPULATE: c_int = 0;

/// What passed the hooks.
#[derive(Default)]
pub struct Observed {
    /// How many requests to prefetch were withheld.
    pub hits: u32,
    /// The mappings of files that are left, guarded against a file that is cut short.
    pub mappings: Vec<Foreign>,
    /// The first thing that could not be done with them.
    pub trouble: Option<OsError>,
}

/// Runs `work` and tells which files it mapped. With `strip`, its requests to prefetch are withheld and each mapping
/// comes under that advice before `work` knows of it. One `MADV_WILLNEED` brings `will_need` of such a file in.
pub fn observe<T>(strip: Option<Advice>, will_need: Bytes, work: impl FnOnce() -> T) -> (T, Observed) {
    let mut scope = Scope { strip, will_need, hits: 0, windows: Vec::new(), trouble: None };
    let answer = {
        let _entered = Entered::new(&mut scope);
        work()
    };
    let mappings = scope.windows.into_iter().map(|window| window.mapping).collect();
    (answer, Observed { hits: scope.hits, mappings, trouble: scope.trouble })
}

thread_local! {
    /// The innermost [`observe`] of this thread. A plain pointer: nothing here may allocate or run destructors when a
    /// thread maps its first stack.
    static SCOPE: Cell<Option<NonNull<Scope>>> = const { Cell::new(None) };
}

/// Makes a scope the thread's own until dropped.
struct Entered(Option<NonNull<Scope>>);

impl Entered {
    fn new(scope: &mut Scope) -> Self {
        Entered(SCOPE.replace(Some(NonNull::from(scope))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        SCOPE.set(self.0);
    }
}

struct Scope {
    strip: Option<Advice>,
    will_need: Bytes,
    hits: u32,
    windows: Vec<Window>,
    trouble: Option<OsError>,
}

/// A stretch of a file in memory.
struct Window {
    place: Place,
    mapping: Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    start: usize,
    len: usize,
    offset: u64,
}

impl Place {
    /// What is left in front of and behind `len` bytes from `start`.
    fn without(self, start: usize, len: usize) -> [Option<Place>; 2] {
        let (end, hole_end) = (self.start + self.len, start.saturating_add(len));
        let part = |from: usize, to: usize| {
            let offset = self.offset + (from - self.start) as u64;
            (from < to).then(|| Place { start: from, len: to - from, offset })
        };
        if hole_end <= self.start || end <= start {
            return [Some(self), None];
        }
        [part(self.start, start.max(self.start)), part(hole_end.min(end), end)]
    }
}

impl Scope {
    /// Counts a request to prefetch and answers whether to withhold it.
    fn withholds(&mut self) -> bool {
        self.hits += u32::from(self.strip.is_some());
        self.strip.is_some()
    }

    fn mapped(&mut self, place: Place) {
        self.add(place);
        if let (Some(advice), Some(window)) = (self.strip, self.windows.last()) {
            let applied = window.mapping.apply(advice);
            self.keep(applied);
        }
    }

    /// Guards of what is about to be unmapped must go before: the addresses may be another thread's in a moment.
    fn unmapping(&mut self, start: usize, len: usize) {
        for window in std::mem::take(&mut self.windows) {
            let place = window.place;
            match place.without(start, len) {
                [Some(left), None] if left == place => self.windows.push(window),
                left => {
                    drop(window);
                    left.into_iter().flatten().for_each(|place| self.add(place));
                }
            }
        }
    }

    fn add(&mut self, place: Place) {
        let Some(start) = NonNull::new(place.start as *mut u8) else { return };
        // SAFETY: the engine has just mapped this stretch of a file, shared and read-only. It is forgotten when the
        // engine unmaps it in this scope, and a model forgets its mappings before it is freed.
        let mapping =
            unsafe { Foreign::new(start, Bytes(place.len as u64), FileOffset(place.offset), self.will_need) };
        if let Some(mapping) = self.keep(mapping) {
            self.windows.push(Window { place, mapping });
        }
    }

    fn keep<T>(&mut self, answer: Result<T, OsError>) -> Option<T> {
        answer.map_err(|error| self.trouble.get_or_insert(error)).ok()
    }
}

/// Hands this thread's scope to `act`, if it has one. In the meantime there is none: what `act` maps isn't the engine's.
fn in_scope<T>(act: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    let mut scope = SCOPE.take()?;
    // SAFETY: `observe` keeps the scope alive and untouched while it is registered, and registers it for its own thread
    // alone; it is taken out for the time of this borrow, so there is no second one.
    let answer = act(unsafe { scope.as_mut() });
    SCOPE.set(Some(scope));
    Some(answer)
}

// SAFETY: the linker's --wrap=NAME gives the system's function this name, and where the compiler has renamed the calls it has
// its own; the signatures are POSIX's.
unsafe extern "C" {
    #[cfg_attr(renamed, link_name = "mmap")]
    fn __real_mmap(
        address: *mut c_void,
        len: size_t,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: off_t,
    ) -> *mut c_void;
    #[cfg_attr(renamed, link_name = "munmap")]
    fn __real_munmap(address: *mut c_void, len: size_t) -> c_int;
    #[cfg_attr(renamed, link_name = "posix_madvise")]
    fn __real_posix_madvise(address: *mut c_void, len: size_t, advice: c_int) -> c_int;
    #[cfg(not(target_vendor = "apple"))]
    #[cfg_attr(renamed, link_name = "posix_fadvise")]
    fn __real_posix_fadvise(fd: c_int, offset: off_t, len: off_t, advice: c_int) -> c_int;
}

/// # Safety
/// As of mmap(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_mmap(
    address: *mut c_void,
    len: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    let is_weights = fd >= 0 && protection == libc::PROT_READ && flags & libc::MAP_SHARED != 0;
    let populates = is_weights && flags & MAP_POPULATE != 0;
    let withheld = populates && in_scope(Scope::withholds) == Some(true);
    let flags = if withheld { flags & !MAP_POPULATE } else { flags };
    // SAFETY: as of this function; leaving MAP_POPULATE out changes when pages come in, not what they hold.
    let start = unsafe { __real_mmap(address, len, protection, flags, fd, offset) };
    if is_weights && start != libc::MAP_FAILED {
        in_scope(|scope| scope.mapped(Place { start: start as usize, len, offset: offset as u64 }));
    }
    start
}

/// # Safety
/// As of munmap(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_munmap(address: *mut c_void, len: size_t) -> c_int {
    in_scope(|scope| scope.unmapping(address as usize, len));
    // SAFETY: as of this function.
    unsafe { __real_munmap(address, len) }
}

/// # Safety
/// As of posix_madvise(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_posix_madvise(address: *mut c_void, len: size_t, advice: c_int) -> c_int {
    if advice == libc::POSIX_MADV_WILLNEED && in_scope(Scope::withholds) == Some(true) {
        return 0;
    }
    // SAFETY: as of this function.
    unsafe { __real_posix_madvise(address, len, advice) }
}

/// # Safety
/// As of posix_fadvise(2).
#[cfg(not(target_vendor = "apple"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_posix_fadvise(fd: c_int, offset: off_t, len: off_t, advice: c_int) -> c_int {
    if advice == libc::POSIX_FADV_SEQUENTIAL && in_scope(Scope::withholds) == Some(true) {
        return 0;
    }
    // SAFETY: as of this function.
    unsafe { __real_posix_fadvise(fd, offset, len, advice) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_leaves_what_is_around_it() {
        let place = |start, len, offset| Place { start, len, offset };
        let whole = place(100, 50, 7);
        assert_eq!(whole.without(0, 100), [Some(whole), None]);
        assert_eq!(whole.without(150, 9), [Some(whole), None]);
        assert_eq!(whole.without(90, 20), [None, Some(place(110, 40, 17))]);
        assert_eq!(whole.without(140, 100), [Some(place(100, 40, 7)), None]);
        assert_eq!(whole.without(110, 5), [Some(place(100, 10, 7)), Some(place(115, 35, 22))]);
        assert_eq!(whole.without(0, usize::MAX), [None, None]);
    }
}
