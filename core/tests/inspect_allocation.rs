//! What inspecting a large model takes beyond its mapping. A test binary of its own: the counting allocator sees every
//! thread of its process.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint knows only functions marked as such"
)]

mod counting;

use counting::{Counting, peak};
use packbench_core::gguf::sample::hollow;
use packbench_core::layout::ModelFiles;
use packbench_core::os;
use packbench_core::unit::Bytes;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_thousand_tensors_of_a_gigabyte_take_less_than_a_mebibyte() {
    let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let len = hollow(file.as_file_mut(), 111, Bytes(1_000_000_000)).unwrap();
    assert!(len > Bytes(990_000_000), "{len}");
    let ((inspection, moves), peak) = peak(|| {
        let files = ModelFiles::open(&os::host(), file.path()).unwrap();
        let layout = files.layout().unwrap();
        (layout.inspect(None).unwrap(), layout.moves_to(&layout))
    });
    assert_eq!((inspection.tensors.len(), moves.common), (1001, 1001));
    assert!((100 << 10..1 << 20).contains(&peak), "{peak} bytes");
}
