//! Bytes that lie: an error that says where, never a panic, never another model than the file's.

use packbench_core::gguf::{ArrayBuf, Dims, GgmlType, Gguf, Problem, Value, Version, Writer};
use packbench_core::unit::Bytes;
use proptest::prelude::*;

/// A model of three tensors and an entry of each kind that has a length.
fn model() -> Vec<u8> {
    let words = ArrayBuf::from_iter(["a", "bc", ""]);
    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"llama"));
    writer.set("tokens", Value::Array(words.as_array()));
    writer.set("general.alignment", Value::U32(64));
    for (name, ne) in [("x", &[4, 3][..]), ("y", &[2]), ("z", &[20])] {
        writer.tensor(name, Dims::new(ne).unwrap(), GgmlType::F32).unwrap();
    }
    let mut file = Vec::new();
    writer.write(&mut file, |tensor, out| out.write_all(&vec![7; tensor.data.len.0 as usize])).unwrap();
    file
}

/// `file` with the bytes that follow the first `marker`, at a distance of `skip`, replaced.
fn patch(mut file: Vec<u8>, marker: &[u8], skip: usize, bytes: &[u8]) -> Vec<u8> {
    let at = file.windows(marker.len()).position(|window| window == marker).unwrap() + marker.len() + skip;
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

fn patched(marker: &[u8], skip: usize, bytes: &[u8]) -> Vec<u8> {
    patch(model(), marker, skip, bytes)
}

/// The name of a tensor as the header holds it.
fn name(letter: u8) -> [u8; 9] {
    [1, 0, 0, 0, 0, 0, 0, 0, letter]
}

#[test]
fn each_lie_is_named() {
    let max = u64::MAX.to_le_bytes();
    let files = [
        ("nothing", Vec::new()),
        ("a web page", b"<!DOCTYPE html><html>".to_vec()),
        ("a binary", b"\x7fELF\x02\x01\x01".to_vec()),
        ("version 1", patched(b"GGUF", 0, &[1])),
        ("big-endian", patched(b"GGUF", 0, &[0, 0, 0, 3])),
        ("version 9", patched(b"GGUF", 0, &[9])),
        ("tensor count", patched(b"GGUF", 4, &max)),
        ("metadata count", patched(b"GGUF", 12, &max)),
        ("key length", patched(b"GGUF", 20, &max)),
        ("key without letters", patched(b"GGUF", 20, &[0])),
        ("value type", patched(b"general.alignment", 0, &[13])),
        ("alignment 0", patched(b"general.alignment", 4, &[0; 4])),
        ("alignment 24", patched(b"general.alignment", 4, &[24])),
        ("alignment as f32", patched(b"general.alignment", 0, &[6])),
        ("array length", patched(b"tokens", 8, &max)),
        ("array type", patched(b"tokens", 4, &[200])),
        ("string in an array", patched(b"tokens", 16, &max)),
        ("a name twice", patched(&name(b'y'), 32, b"y")),
        ("rank", patched(&name(b'x'), 0, &[5])),
        ("dimensions", patched(&name(b'x'), 4, &max)),
        ("a type that was removed", patched(&name(b'x'), 20, &[4])),
        ("a type of the future", patched(&name(b'x'), 20, &[99])),
        ("row length", patched(&name(b'x'), 20, &[12])),
        ("misaligned", patched(&name(b'y'), 16, &[65])),
        ("overlap", patched(&name(b'y'), 16, &[0])),
        ("past the end", patched(&name(b'y'), 16, &[0, 16])),
        ("offset wraps", patched(&name(b'y'), 16, &(u64::MAX - 63).to_le_bytes())),
    ];
    let report = |(what, file): &(&str, Vec<u8>)| format!("{what}: {}", Gguf::parse(file).unwrap_err());
    insta::assert_snapshot!(files.iter().map(report).collect::<Vec<_>>().join("\n"), @r#"
    nothing: byte 0, header, magic: found an empty file, expected "GGUF"
    a web page: byte 0, header, magic: found first bytes [3c, 21, 44, 4f] ("<!DO"), expected "GGUF"; this is a web page: the download gave no model, try its address in a browser
    a binary: byte 0, header, magic: found first bytes [7f, 45, 4c, 46] ("\x7fELF"), expected "GGUF"
    version 1: byte 4, header, version: found version 1, expected 2 or 3; convert the original model again with a current llama.cpp
    big-endian: byte 4, header, version: found big-endian version 3, expected little-endian; convert with gguf-py's gguf-convert-endian
    version 9: byte 4, header, version: found version 9, expected 2 or 3; a newer one needs a newer packbench
    tensor count: byte 8, header, tensor count: found a count of 18446744073709551615, expected at most the 23 that the rest of the file can hold
    metadata count: byte 16, header, metadata count: found a count of 18446744073709551615, expected at most the 39 that the rest of the file can hold
    key length: byte 24, metadata entry 0, key: found 544 bytes, expected 18446744073709551615; is the file cut short?
    key without letters: byte 24, metadata entry 0, key: found an empty key
    value type: byte 151, metadata entry 2 "general.alignment", value type: found value type 13, expected 0 to 12
    alignment 0: byte 155, metadata entry 2 "general.alignment", value: found 0, expected a power of two
    alignment 24: byte 155, metadata entry 2 "general.alignment", value: found 24, expected a power of two
    alignment as f32: byte 155, metadata entry 2 "general.alignment", value: found a value of type f32, expected u32
    array length: byte 91, metadata entry 1 "tokens", array length: found a count of 18446744073709551615, expected at most the 59 that the rest of the file can hold
    array type: byte 87, metadata entry 1 "tokens", array element type: found value type 200, expected 0 to 12
    string in an array: byte 99, metadata entry 1 "tokens", array element: found 469 bytes, expected 18446744073709551615; is the file cut short?
    a name twice: byte 233, tensor 2 "y", name: found the name of number 1 again, expected names to be unique
    rank: byte 168, tensor 0 "x", rank: found 5 dimensions, expected at most 4
    dimensions: byte 168, tensor 0 "x", dimensions: found dimensions whose product is above 2^63 - 1
    a type that was removed: byte 188, tensor 0 "x", type: found tensor type 4, Q4_2 or Q4_3, which ggml removed; quantize the original model again
    a type of the future: byte 188, tensor 0 "x", type: found tensor type 99, which is not known; a newer one needs a newer packbench
    row length: byte 188, tensor 0 "x", type: found [4, 3] of type Q4_K, expected rows of a multiple of 256 elements
    misaligned: byte 225, tensor 1 "y", offset: found 65, expected a multiple of the alignment, 64
    overlap: byte 225, tensor 1 "y", offset: its data overlap those of tensor 0 by 8 bytes
    past the end: byte 225, tensor 1 "y", offset: its data are not all there: 3848 bytes are missing at the end of the file; is it cut short?
    offset wraps: byte 225, tensor 1 "y", offset: its data are not all there: 18446744073709551039 bytes are missing at the end of the file; is it cut short?
    "#);
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let file = model();
    let last = Gguf::parse(&file).unwrap().tensors[2].data.end().0 as usize;
    for len in 0..last {
        let error = Gguf::parse(&file[..len]).unwrap_err();
        assert!(
            error.offset.0 <= len as u64 || matches!(error.problem, Problem::DataMissing { .. }),
            "{error}"
        );
    }
    assert!(Gguf::parse(&file[..last]).is_ok(), "padding behind the last tensor is not needed to read it");
}

#[test]
fn a_download_that_stopped_says_how_much_is_missing() {
    let file = model();
    let y = Gguf::parse(&file).unwrap().tensors[1].data;
    let cut = &file[..y.start.0 as usize + 1];
    let error = Gguf::parse(cut).unwrap_err();
    let last = Gguf::parse(&file).unwrap().tensors[2].data.end();
    assert_eq!(error.problem, Problem::DataMissing { missing: Bytes(last.0 - cut.len() as u64) });
    assert!(error.to_string().contains("tensor 1 \"y\""), "{error}");
}

#[test]
fn offsets_may_be_in_another_order_than_the_header() {
    // the data of x (48 bytes) and y (8 bytes) trade places: both fit the alignment
    let x_moved = patched(&name(b'x'), 24, &64u64.to_le_bytes());
    let file = patch(x_moved, &name(b'y'), 16, &0u64.to_le_bytes());
    let gguf = Gguf::parse(&file).unwrap();
    assert_eq!(gguf.tensors.iter().map(|tensor| tensor.name).collect::<Vec<_>>(), ["x", "y", "z"]);
    assert!(gguf.tensors[1].data.start < gguf.tensors[0].data.start);
}

proptest! {
    /// Flipped, cut and grown: never a panic, and what still parses keeps its promises.
    #[test]
    fn mutations_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut file = model();
        for (at, byte) in edits {
            let at = at.index(file.len());
            file[at] = byte;
        }
        for file in [&file[..], &file[..keep.index(file.len())]] {
            let Ok(gguf) = Gguf::parse(file) else { continue };
            for entry in gguf.metadata.entries() {
                if let Value::Array(array) = entry.value {
                    prop_assert_eq!(array.iter().count(), array.len());
                }
            }
            for tensor in &gguf.tensors {
                prop_assert_eq!(gguf.payload(tensor).unwrap().len() as u64, tensor.data.len.0);
            }
        }
    }
}
