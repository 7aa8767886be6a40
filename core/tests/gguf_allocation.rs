//! What a parse allocates. A test binary of its own: the counting allocator sees every thread of its process.

mod counting;

use counting::{Counting, allocated};
use packbench_core::gguf::sample::{TinyModel, vocabulary};
use packbench_core::gguf::{Gguf, Value, Version, Writer};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes of all allocations while `file` is parsed, freed ones included.
fn allocated_by_parse(file: &[u8]) -> usize {
    let before = allocated();
    let parsed = Gguf::parse(file);
    let bytes = allocated() - before;
    drop(parsed);
    bytes
}

/// A vocabulary of 150,000 tokens costs what one of 10 costs; 299 tensors stay far under 1 MiB.
fn a_real_header_takes_little() {
    let vocabulary_only = vocabulary(150_000);
    assert_eq!(allocated_by_parse(&vocabulary_only), allocated_by_parse(&vocabulary(10)));
    let tensors = TinyModel::new(33).bytes();
    let total = allocated_by_parse(&vocabulary_only) + allocated_by_parse(&tensors);
    assert!(total < 256 << 10, "{total} bytes");
}

/// Counts that lie, up to the largest that the length of the file lets pass.
fn a_lying_count_takes_no_memory() {
    let mut file = Vec::new();
    let mut writer = Writer::new(Version::V3);
    let filler = vec![b'x'; 1 << 20];
    writer.set("filler", Value::String(&filler));
    writer.write(&mut file, |_, _| Ok(())).expect("a Vec takes everything");
    for field in [8, 16] {
        for shift in 0..64 {
            let mut lying = file.clone();
            lying[field..field + 8].copy_from_slice(&(1u64 << shift).to_le_bytes());
            let allocated = allocated_by_parse(&lying);
            assert!(allocated < 4096, "{allocated} bytes for a count of 2^{shift}");
        }
    }
}

/// One test, since tests of one binary run at the same time.
#[test]
fn memory_follows_what_was_read_not_what_is_claimed() {
    a_real_header_takes_little();
    a_lying_count_takes_no_memory();
}
