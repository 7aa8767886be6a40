//! Which bytes a plan for a GGUF file takes from where.

use packbench_core::gguf::{Gguf, Value, Version, Writer};
use packbench_core::layout::Alignment;
use packbench_core::random::Random;
use packbench_core::repack::{self, Plan};
use packbench_core::unit::Bytes;
use proptest::prelude::*;

use crate::shared::{file, in_memory, meaning, names, written};

const TENSORS: [(&str, u64); 5] = [("e", 100), ("d", 32), ("c", 1), ("b", 0), ("a", 4097)];
const ORDER: [&str; 5] = ["e", "d", "c", "b", "a"];
const BACKWARDS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn plan(parts: &[&[u8]], order: &[&str], align: Option<u64>, like: Option<&[u8]>) -> Plan {
    let parts: Vec<Gguf> = parts.iter().map(|bytes| Gguf::parse(bytes).unwrap()).collect();
    let like = like.map(|bytes| Gguf::parse(bytes).unwrap());
    let align = align.map(|bytes| Alignment::new(Bytes(bytes)).unwrap());
    repack::gguf(&parts, order, align, like.as_ref())
}

fn repacked(bytes: &[u8], order: &[&str], alignment: Option<u64>) -> Vec<u8> {
    in_memory(&plan(&[bytes], order, alignment, None), &[bytes])
}

/// `bytes` in the order of `original`, as its `--order like:` has it.
fn like(bytes: &[u8], original: &[u8]) -> (Vec<u8>, bool) {
    let plan = plan(&[bytes], &names(original), None, Some(original));
    (in_memory(&plan, &[bytes, original]), plan.restores)
}

#[test]
fn header_and_data_are_in_the_new_order() {
    let bytes = file(&TENSORS, None);
    let new = repacked(&bytes, &BACKWARDS, None);
    assert_eq!(names(&new), BACKWARDS);
    assert_eq!(meaning(&new), meaning(&bytes));
    let gguf = Gguf::parse(&new).unwrap();
    let mut end = gguf.data_offset.0;
    for tensor in &gguf.tensors {
        assert_eq!(tensor.data.start.0, end, "llama.cpp refuses {} anywhere else", tensor.name);
        end = tensor.data.end().0.next_multiple_of(32);
    }
    assert_eq!(end, new.len() as u64);
}

#[test]
fn the_order_that_a_file_has_gives_the_file_itself() {
    for alignment in [None, Some(32), Some(4096)] {
        let bytes = file(&TENSORS, alignment);
        assert_eq!(repacked(&bytes, &ORDER, None), bytes);
    }
}

#[test]
fn the_alignment_is_added_replaced_or_left_as_it_is() {
    let alignment = |bytes: &[u8]| {
        let gguf = Gguf::parse(bytes).unwrap();
        (gguf.alignment.0, gguf.metadata.entries().iter().position(|entry| entry.key == "general.alignment"))
    };
    let (without, with) = (file(&TENSORS, None), file(&TENSORS, Some(64)));
    assert_eq!(alignment(&repacked(&without, &ORDER, Some(32))), (32, None), "32 is what no key means");
    assert_eq!(alignment(&repacked(&without, &ORDER, Some(16384))), (16384, Some(2)), "added at the end");
    assert_eq!(alignment(&repacked(&with, &ORDER, None)), (64, Some(1)));
    assert_eq!(alignment(&repacked(&with, &ORDER, Some(32))), (32, Some(1)), "replaced in its place");
    let large = repacked(&with, &ORDER, Some(2 << 20));
    assert_eq!(alignment(&large), (2 << 20, Some(1)));
    assert!(Gguf::parse(&large).unwrap().tensors.iter().all(|tensor| tensor.data.start.0 % (2 << 20) == 0));
}

#[test]
fn metadata_are_copied_byte_by_byte_and_never_read() {
    let bytes = file(&TENSORS, None);
    let copied: u64 = plan(&[&bytes], &ORDER, Some(64), None)
        .header
        .iter()
        .map(|section| match section {
            repack::Section::Copied(relocation) => relocation.range.len.0,
            repack::Section::Written { .. } => 0,
        })
        .sum();
    let gguf = Gguf::parse(&bytes).unwrap();
    assert_eq!(copied, gguf.metadata.entries().iter().map(|entry| entry.range.len.0).sum::<u64>());
}

#[test]
fn like_restores_padding_that_no_order_asks_for() {
    let mut original = file(&TENSORS, None);
    original.truncate(original.len() - 27);
    assert_ne!(repacked(&original, &ORDER, None), original, "an order pads the end");
    let gguf = Gguf::parse(&original).unwrap();
    let gap = gguf.tensors[0].data.end().0 as usize;
    original[gap..gap + 3].copy_from_slice(b"odd");
    let moved = repacked(&original, &["c", "e", "d", "a", "b"], Some(4096));
    let (restored, exactly) = like(&moved, &original);
    assert_eq!(restored, original);
    assert!(exactly);
}

#[test]
fn like_follows_other_files_in_order_and_alignment_alone() {
    let bytes = file(&TENSORS, None);
    let larger: Vec<(&str, u64)> = TENSORS.iter().rev().map(|&(name, len)| (name, len * 2)).collect();
    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"llama"));
    writer.set("general.alignment", Value::U32(128));
    writer.set("tokens", Value::U64(7));
    let quantized_otherwise = written(writer, &larger);
    let (new, exactly) = like(&bytes, &quantized_otherwise);
    assert!(!exactly);
    assert_eq!(names(&new), BACKWARDS);
    assert_eq!(Gguf::parse(&new).unwrap().alignment, Bytes(128));
    assert_eq!(meaning(&new), meaning(&bytes));

    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"qwen2"));
    writer.set("tokens", Value::U64(7));
    let described_otherwise = written(writer, &TENSORS);
    let (new, exactly) = like(&bytes, &described_otherwise);
    assert!(!exactly, "metadata are never taken from elsewhere");
    assert_eq!(meaning(&new), meaning(&bytes));
}

/// As llama.cpp's gguf-split leaves them: all metadata in the first part.
fn split(tensors: &[(&str, u64)], at: &[usize]) -> Vec<Vec<u8>> {
    let bounds: Vec<usize> = [0].into_iter().chain(at.iter().copied()).chain([tensors.len()]).collect();
    let part = |(no, bounds): (usize, &[usize])| {
        let mut writer = Writer::new(Version::V3);
        if no == 0 {
            writer.set("general.architecture", Value::String(b"llama"));
            writer.set("tokens", Value::U64(7));
        }
        writer.set("split.no", Value::U16(no as u16));
        writer.set("split.count", Value::U16(at.len() as u16 + 1));
        writer.set("split.tensors.count", Value::I32(tensors.len() as i32));
        written(writer, &tensors[bounds[0]..bounds[1]])
    };
    bounds.windows(2).enumerate().map(part).collect()
}

#[test]
fn parts_are_merged_to_what_they_were_cut_from() {
    let whole = file(&TENSORS, None);
    let parts = split(&TENSORS, &[2, 3]);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let merged = in_memory(&plan(&parts, &ORDER, None, None), &parts);
    assert_eq!(merged, whole);
    let backwards = in_memory(&plan(&parts, &BACKWARDS, Some(64), None), &parts);
    assert_eq!(like(&backwards, &whole), (whole.clone(), true));
    let restored = plan(&parts, &ORDER, None, Some(&whole));
    let sources = [&parts[..], &[&whole]].concat();
    assert_eq!(in_memory(&restored, &sources), whole);

    let alone = repacked(parts[0], &["d", "e"], None);
    assert!(Gguf::parse(&alone).unwrap().split().unwrap().is_some(), "a part alone stays one");
}

#[test]
fn a_vocabulary_without_tensors_can_be_copied() {
    let bytes = packbench_core::gguf::sample::vocabulary(100);
    assert_eq!(repacked(&bytes, &[], None), bytes);
}

proptest! {
    #[test]
    fn any_order_at_any_alignment_says_the_same_and_goes_back(
        lens in prop::collection::vec(0u64..300, 0..9),
        seed: u64,
        alignment in prop::option::of(5u32..13),
        original_alignment in prop::option::of(0u32..9),
        cut in 0usize..32,
    ) {
        let named: Vec<(String, u64)> =
            lens.iter().enumerate().map(|(index, &len)| (format!("t{index}"), len)).collect();
        let lens: Vec<(&str, u64)> = named.iter().map(|(name, len)| (name.as_str(), *len)).collect();
        let mut original = file(&lens, original_alignment.map(|shift| 1 << shift));
        // The padding behind the last tensor may be missing.
        let end = Gguf::parse(&original).unwrap().tensors.iter().map(|tensor| tensor.data.end().0).max();
        original.truncate(original.len().saturating_sub(cut).max(end.unwrap_or(u64::MAX) as usize));

        let mut order: Vec<&str> = lens.iter().map(|(name, _)| *name).collect();
        Random::new(seed).shuffle(&mut order);
        let new = repacked(&original, &order, alignment.map(|shift| 1 << shift));
        prop_assert_eq!(meaning(&new), meaning(&original));
        prop_assert_eq!(names(&new), order);
        let (restored, exactly) = like(&new, &original);
        prop_assert_eq!(restored, original);
        prop_assert!(exactly);
    }
}
