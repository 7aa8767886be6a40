//! The system's allocator, counting. For tests and benches of what is allocated.

#![allow(dead_code, reason = "each program asks for some of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static ALIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// To be made the `#[global_allocator]`.
pub struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged; counting touches atomics, and a thread-local integer
// without a destructor, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as of the trait.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        ALLOCATED.fetch_add(layout.size(), Relaxed);
        PEAK.fetch_max(ALIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as of this function.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as of the trait.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        ALIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as of this function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Calls of this thread so far; other threads don't disturb.
pub fn calls() -> u64 {
    CALLS.get()
}

/// Bytes of all allocations of the process so far, freed ones included.
pub fn allocated() -> usize {
    ALLOCATED.load(Relaxed)
}

/// The most bytes that lived at once while `work` ran, beyond those that lived before. Other threads count, too.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let answer = work();
    (answer, PEAK.load(Relaxed) - before)
}
