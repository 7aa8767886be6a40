//! Bytes that lie: an error that says where, never a panic, never another model than the file's.

use packbench_core::safetensors::{Dtype, Safetensors};
use packbench_core::unit::{ByteRange, Bytes, FileOffset};

use crate::{bytes, file};

#[test]
fn a_header_is_read_in_its_own_order() {
    let header = format!(
        r#"{{{}, "__metadata__": {{"format": "pt", "\u00e4": "\n"}}, "a": {{"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12], "more": [{{}}]}}}}  "#,
        bytes("z\\\"", 12, 14)
    );
    let file = file(&header, 14);
    let read = Safetensors::parse(&file).unwrap();
    let pairs = [("format".into(), "pt".into()), ("ä".into(), "\n".into())];
    assert_eq!(read.metadata.as_deref(), Some(&pairs[..]));
    let names: Vec<&str> = read.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names, ["z\"", "a"]);
    let a = read.tensor("a").unwrap();
    assert_eq!((a.dtype, &a.shape[..]), (Dtype::BF16, &[2, 3][..]));
    assert_eq!(a.data, ByteRange { start: read.data_offset, len: Bytes(12) });
    assert_eq!(read.data_offset, FileOffset(8 + header.len() as u64));
    assert_eq!(read.header(), header.as_bytes());
    assert_eq!(read.payload(a).unwrap(), [7; 12]);
    assert!(matches!(a.name, std::borrow::Cow::Borrowed(_)), "nothing was escaped, nothing is copied");
}

fn one(dtype: &str, shape: &str, offsets: &str) -> Vec<u8> {
    file(&format!(r#"{{"t":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#), 8)
}

fn two(first: (u64, u64), second: (u64, u64)) -> Vec<u8> {
    let header = format!("{{{},{}}}", bytes("a", first.0, first.1), bytes("b", second.0, second.1));
    file(&header, 8)
}

fn with_length(length: u64) -> Vec<u8> {
    let mut file = one("U8", "[8]", "[0,8]");
    file[..8].copy_from_slice(&length.to_le_bytes());
    file
}

#[test]
fn each_lie_is_named() {
    let mut not_utf8 = one("U8", "[8]", "[0,8]");
    not_utf8[10] = 0xff;
    let files = [
        ("nothing", Vec::new()),
        ("a stub", vec![1, 2, 3]),
        ("a web page", b"<!DOCTYPE html><html>".to_vec()),
        ("length 0", with_length(0)),
        ("length beyond the end", with_length(1 << 20)),
        ("the largest length", with_length(u64::MAX)),
        ("length that cuts the header", with_length(20)),
        ("length that takes data", with_length(57)),
        ("no object", file("[1]", 0)),
        ("space first", file(" {}", 0)),
        ("not UTF-8", not_utf8),
        ("text behind", file("{} {}", 0)),
        ("no shape", file("{\n\n\"t\": {\"dtype\": \"U8\", \"data_offsets\": [0, 8]}}", 8)),
        ("shape as text", one("U8", "\"8\"", "[0,8]")),
        ("a negative dimension", one("U8", "[-8]", "[0,8]")),
        ("three offsets", one("U8", "[8]", "[0,8,8]")),
        ("an unknown type", one("Q4_K", "[8]", "[0,8]")),
        ("a name twice", file(&format!("{{{},{}}}", bytes("t", 0, 4), bytes("\\u0074", 4, 8)), 8)),
        ("metadata twice", file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0)),
        ("a key twice", file(r#"{"__metadata__":{"k":"1","k":"2"}}"#, 0)),
        ("a number as metadata", file(r#"{"__metadata__":{"k":1}}"#, 0)),
        ("shape overflows", one("U8", "[4294967296,4294967296]", "[0,8]")),
        ("shape and bytes differ", one("F32", "[3]", "[0,8]")),
        ("half a byte", one("F4", "[15]", "[0,8]")),
        ("ends before it begins", one("U8", "[8]", "[8,0]")),
        ("past the end", one("U8", "[9]", "[0,9]")),
        ("far past the end", one("U8", "[18446744073709551615]", "[0,18446744073709551615]")),
        ("overlap", two((0, 5), (3, 8))),
        ("the same bytes twice", two((0, 8), (0, 8))),
        ("a gap", two((0, 3), (4, 8))),
        ("a gap at the start", one("U8", "[7]", "[1,8]")),
        ("bytes behind", one("U8", "[7]", "[0,7]")),
        ("bytes and no tensors", file("{}", 3)),
    ];
    let report =
        |(what, file): &(&str, Vec<u8>)| format!("{what}: {}", Safetensors::parse(file).unwrap_err());
    insta::assert_snapshot!(files.iter().map(report).collect::<Vec<_>>().join("\n"), @r#"
    nothing: header, length: found 0 bytes, expected the 8 of the header's length
    a stub: header, length: found 3 bytes, expected the 8 of the header's length
    a web page: header, length: found a header of 5789751444030890300 bytes, expected at most the 13 that are left; is the file cut short? This is a web page: the download gave no model, try its address in a browser
    length 0: header, first byte: found an empty header, expected "{"
    length beyond the end: header, length: found a header of 1048576 bytes, expected at most the 61 that are left; is the file cut short?
    the largest length: header, length: found a header of 18446744073709551615 bytes, expected at most the 61 that are left; is the file cut short?
    length that cuts the header: byte 27, header, JSON: EOF while parsing a string
    length that takes data: byte 61, header, JSON: trailing characters
    no object: header, first byte: found "[", expected "{"
    space first: header, first byte: found " ", expected "{"
    not UTF-8: byte 10, header, JSON: found bytes that are not UTF-8
    text behind: byte 11, header, JSON: trailing characters
    no shape: byte 54, header, JSON: missing field `shape`
    shape as text: byte 37, header, JSON: invalid type: string "8", expected a sequence
    a negative dimension: byte 37, header, JSON: invalid value: integer `-8`, expected u64
    three offsets: byte 59, header, JSON: trailing characters
    an unknown type: tensor 0 "t", dtype: found "Q4_K", which is not known; a newer one needs a newer packbench
    a name twice: tensor 1 "t", name: found "t" again, expected each once
    metadata twice: header, key: found "__metadata__" again, expected each once
    a key twice: metadata entry 1 "k", key: found "k" again, expected each once
    a number as metadata: byte 29, header, JSON: invalid type: integer `1`, expected a string
    shape overflows: tensor 0 "t", shape: found more bits than can be counted
    shape and bytes differ: tensor 0 "t", data_offsets: found 8 bytes, expected the 12 that shape and dtype come to
    half a byte: tensor 0 "t", shape: found 60 bits, expected whole bytes
    ends before it begins: tensor 0 "t", data_offsets: found [8, 0], which ends before it begins
    past the end: tensor 0 "t", data_offsets: its data are not all there: 1 bytes are missing at the end of the file; is it cut short?
    far past the end: tensor 0 "t", shape: found more bits than can be counted
    overlap: tensor 1 "b", data_offsets: its data overlap those of "a" by 2 bytes
    the same bytes twice: tensor 1 "b", data_offsets: its data overlap those of "a" by 8 bytes
    a gap: tensor 1 "b", data_offsets: found 1 bytes before it that are no tensor's, expected none
    a gap at the start: tensor 0 "t", data_offsets: found 1 bytes before it that are no tensor's, expected none
    bytes behind: byte 68, header, data_offsets: found 1 bytes behind the last tensor, expected none
    bytes and no tensors: byte 10, header, data_offsets: found 3 bytes behind the last tensor, expected none
    "#);
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let file = two((0, 3), (3, 8));
    assert!(Safetensors::parse(&file).is_ok());
    for len in 0..file.len() {
        assert!(Safetensors::parse(&file[..len]).is_err(), "{len}");
    }
}

#[test]
fn an_error_holds_no_hostile_name_in_full() {
    let long = "n".repeat(1 << 20);
    let shape = format!("[{}]", "1,".repeat(1 << 20) + "2");
    for file in [
        file(&format!("{{{}}}", bytes(&long, 1, 8)), 8),
        file(&format!("{{{},{}}}", bytes(&long, 0, 8), bytes(&long, 0, 8)), 8),
        one(&long, "[8]", "[0,8]"),
        one("U8", &shape, "[0,8]"),
        file(&format!(r#"{{"t":"{long}"}}"#), 8),
    ] {
        let error = Safetensors::parse(&file).unwrap_err().to_string();
        assert!(error.len() < 1000, "{} bytes", error.len());
    }
}
