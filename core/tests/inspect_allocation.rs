//! What inspecting a large model takes beyond its mapping. A test binary of its own: the counting allocator sees every
//! thread of its process.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint knows only functions marked as such"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use packbench_core::gguf::sample::hollow;
use packbench_core::layout::ModelFiles;
use packbench_core::os;
use packbench_core::unit::Bytes;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `pointer` came from `alloc` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_thousand_tensors_of_a_gigabyte_take_less_than_a_mebibyte() {
    let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let len = hollow(file.as_file_mut(), 111, Bytes(1_000_000_000)).unwrap();
    assert!(len > Bytes(990_000_000), "{len}");
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let files = ModelFiles::open(&os::host(), file.path()).unwrap();
    let layout = files.layout().unwrap();
    let inspection = layout.inspect(None).unwrap();
    let moves = layout.moves_to(&layout);
    let peak = PEAK.load(Relaxed) - before;
    assert_eq!((inspection.tensors.len(), moves.common), (1001, 1001));
    assert!((100 << 10..1 << 20).contains(&peak), "{peak} bytes");
}
