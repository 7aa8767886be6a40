//! Models in several files.

use std::path::Path;

use packbench_core::error::chain;
use packbench_core::layout::{Experts, FilesError, Format, Layout, ModelFiles};
use packbench_core::os;
use packbench_core::record::Part;

use crate::{Folder, gguf, safetensors};

fn layout(path: &Path) -> Result<Layout, FilesError> {
    ModelFiles::open(&os::host(), path)?.layout()
}

fn names(layout: &Layout) -> Vec<(&str, &str)> {
    let file = |index: usize| layout.files[index].name.as_str();
    layout.tensors.iter().map(|tensor| (file(tensor.file), tensor.name.as_str())).collect()
}

fn said(path: &Path) -> String {
    chain(&layout(path).unwrap_err())
}

/// Part `no` of `count` that says there are `all` tensors in all.
fn part(no: u32, count: u32, all: u32, tensors: &[&str]) -> Vec<u8> {
    let numbers = [("split.no", no), ("split.count", count), ("split.tensors.count", all)];
    let tensors: Vec<(&str, &[u64])> = tensors.iter().map(|name| (*name, &[8][..])).collect();
    gguf(&numbers, &tensors)
}

#[test]
fn a_split_gguf_is_opened_by_any_of_its_parts() {
    let folder = Folder::new();
    let first = folder.write("m-00001-of-00002.gguf", &part(0, 2, 3, &["b", "c"]));
    let second = folder.write("m-00002-of-00002.gguf", &part(1, 2, 3, &["a"]));
    let expected =
        [("m-00001-of-00002.gguf", "b"), ("m-00001-of-00002.gguf", "c"), ("m-00002-of-00002.gguf", "a")];
    for path in [&first, &second] {
        let layout = layout(path).unwrap();
        assert_eq!(names(&layout), expected);
        assert_eq!(layout.part, None);
    }
    std::fs::remove_file(first).unwrap();
    let alone = layout(&second).unwrap();
    assert_eq!((names(&alone).len(), alone.part), (1, Some(Part { number: 2, of: 2 })));
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let folder = Folder::new();
    let first = folder.write("m-00001-of-00002.gguf", &part(0, 2, 3, &["b", "c"]));
    let mut reports = Vec::new();
    for second in [
        part(1, 2, 3, &["b"]),
        part(1, 2, 3, &["a", "d"]),
        part(0, 2, 3, &["a"]),
        part(1, 3, 3, &["a"]),
        gguf(&[], &[("a", &[8])]),
        part(1, 2, 3, &["a"])[..20].to_vec(),
        b"GGUG".to_vec(),
    ] {
        folder.write("m-00002-of-00002.gguf", &second);
        reports.push(said(&first));
    }
    insta::assert_snapshot!(reports.join("\n"), @r#"
    found tensor "b" in two files, expected names to be unique
    found 4 tensors in all files together, expected 3
    file 2 of 2 says that it is number 1 of 2: is it of another model, or under another name?
    file 2 of 2 says that it is number 2 of 3: is it of another model, or under another name?
    file 2 of 2 says that it is a whole model: is it of another model, or under another name?
    m-00002-of-00002.gguf: byte 8, header, tensor count: found a count of 1, expected at most the 0 that the rest of the file can hold
    m-00002-of-00002.gguf: byte 0, header, magic: found first bytes [47, 47, 55, 47] ("GGUG"), expected "GGUF"
    "#);
}

#[test]
fn a_name_like_a_parts_makes_no_part() {
    let folder = Folder::new();
    let path = folder.write("m-00001-of-00002.gguf", &gguf(&[], &[("a", &[8])]));
    folder.write("m-00002-of-00002.gguf", &gguf(&[], &[("b", &[8])]));
    assert_eq!(names(&layout(&path).unwrap()), [("m-00001-of-00002.gguf", "a")]);
}

const INDEX: &str =
    r#"{"weight_map": {"b": "m-00002-of-00002.safetensors", "a": "m-00001-of-00002.safetensors"}}"#;

#[test]
fn sharded_safetensors_are_opened_by_index_or_by_any_shard() {
    let folder = Folder::new();
    let config = br#"{"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 2}"#;
    folder.write("config.json", config);
    let index = folder.write("m.safetensors.index.json", INDEX.as_bytes());
    let first = folder.write("m-00001-of-00002.safetensors", &safetensors(&[("a", 3)]));
    let second = folder.write("m-00002-of-00002.safetensors", &safetensors(&[("b", 5)]));
    for path in [&index, &first, &second] {
        let files = ModelFiles::open(&os::host(), path).unwrap();
        assert_eq!(files.format(), Format::Safetensors);
        let layout = files.layout().unwrap();
        assert_eq!(
            names(&layout),
            [("m-00001-of-00002.safetensors", "a"), ("m-00002-of-00002.safetensors", "b")]
        );
        assert_eq!((layout.part, layout.architecture.as_deref()), (None, Some("mixtral")));
        assert_eq!(layout.experts, Some(Experts { used: 2, count: 8 }));
    }
    std::fs::remove_file(&index).unwrap();
    let alone = layout(&second).unwrap();
    assert_eq!((names(&alone).len(), alone.part), (1, Some(Part { number: 2, of: 2 })));
}

#[test]
fn an_index_is_held_against_its_files() {
    let folder = Folder::new();
    let index = folder.write("m.safetensors.index.json", INDEX.as_bytes());
    folder.write("m-00001-of-00002.safetensors", &safetensors(&[("a", 3)]));
    let missing = said(&index);
    folder.write("m-00002-of-00002.safetensors", &safetensors(&[("a", 3)]));
    let twice = said(&index);
    folder.write("m-00002-of-00002.safetensors", &safetensors(&[("b", 3)])[..60]);
    insta::assert_snapshot!([missing, twice, said(&index)].join("\n"), @r#"
    m-00002-of-00002.safetensors: open: No such file or directory (os error 2)
    m.safetensors.index.json: tensor 1 "a", weight_map: it lies in "m-00001-of-00002.safetensors" and in "m-00002-of-00002.safetensors", expected one file
    m-00002-of-00002.safetensors: header, length: found a header of 53 bytes, expected at most the 52 that are left; is the file cut short?
    "#);
}

#[test]
fn a_safetensors_file_is_known_by_its_bytes_or_its_name() {
    let folder = Folder::new();
    let shape = |path: &Path| layout(path).map(|layout| layout.tensors[0].shape.clone());
    let header = br#"{"a":{"dtype":"U8","shape":[1,2],"data_offsets":[0,2]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header, &[0, 0]].concat();
    let path = folder.write("anything", &bytes);
    assert_eq!(shape(&path).unwrap(), [2, 1], "the length of a row first, as everywhere here");
    let path = folder.write("m.safetensors", b"\xff");
    assert!(matches!(layout(&path), Err(FilesError::Safetensors(_))));
    let path = folder.write("m.bin", b"\xff");
    assert!(matches!(layout(&path), Err(FilesError::Gguf(_))));
}
