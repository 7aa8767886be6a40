//! Model files in other orders, by the program: what comes of it, and what it says.

use std::fs;

use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::gguf::{Dims, GgmlType, Gguf, Value, Version, Writer};
use packbench_core::safetensors::Safetensors;

use crate::scratch::{Scratch, stderr, stdout};

/// Layers 0, 1, 10, 11, 2 …
fn sorted_by_name(scratch: &Scratch) {
    let sorted = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(12) };
    scratch.write("m.gguf", &sorted.bytes());
}

fn names(scratch: &Scratch, file: &str) -> Vec<String> {
    let bytes = fs::read(scratch.path(file)).unwrap();
    Gguf::parse(&bytes).unwrap().tensors.iter().map(|tensor| tensor.name.to_owned()).collect()
}

fn same(scratch: &Scratch, one: &str, other: &str) -> bool {
    fs::read(scratch.path(one)).unwrap() == fs::read(scratch.path(other)).unwrap()
}

#[test]
fn a_model_is_put_into_forward_order_and_back() {
    let scratch = Scratch::new();
    sorted_by_name(&scratch);
    let args = ["repack", "m.gguf", "f.gguf", "--order", "forward", "--align", "4KiB"];
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&args)), @r"
    f.gguf: GGUF v3, 1.25 MB, 110 tensors in the order forward, aligned to 4 KiB
    all 840 kB of tensors equal the model's, read back from memory
    ");
    let forward = names(&scratch, "f.gguf");
    assert_eq!(forward[0], "token_embd.weight");
    let at = |name: &str| forward.iter().position(|tensor| tensor == name).unwrap();
    assert!(at("blk.2.attn_q.weight") < at("blk.10.attn_q.weight"));
    let back = stdout(&mut scratch.packbench(&[
        "repack",
        "f.gguf",
        "back.gguf",
        "--order",
        "like:m.gguf",
        "--verify",
    ]));
    assert!(same(&scratch, "back.gguf", "m.gguf"));
    assert!(back.contains("header and padding are those of m.gguf"), "{back}");
    assert!(back.contains("read back from storage"), "{back}");
    let args = ["repack", "m.gguf", "aligned.gguf", "--order", "like:m.gguf:align=64"];
    let aligned = stdout(&mut scratch.packbench(&args));
    assert!(
        aligned.contains("its order, and its alignment unless one was asked for, were taken"),
        "{aligned}"
    );
    assert_eq!(names(&scratch, "aligned.gguf"), names(&scratch, "m.gguf"));
}

#[test]
fn a_trace_is_followed() {
    let scratch = Scratch::new();
    sorted_by_name(&scratch);
    scratch.packbench(&["trace", "m.gguf", "-o", "t.json"]).assert().success();
    scratch.packbench(&["repack", "m.gguf", "t.gguf", "--order", "trace:t.json"]).assert().success();
    scratch.packbench(&["repack", "m.gguf", "f.gguf", "--order", "forward"]).assert().success();
    assert!(same(&scratch, "t.gguf", "f.gguf"), "what is derived from names is what llama.cpp does");
}

#[test]
fn json_says_the_same() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel::new(1).bytes());
    let args = ["repack", "m.gguf", "s.gguf", "--order", "shuffled:7", "--json"];
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&args)), @r#"
    {
      "schema": "packbench.repacked/1",
      "format": "GGUF v3",
      "order": "shuffled:7",
      "alignment_bytes": 32,
      "files": 1,
      "tensors": 11,
      "tensor_bytes": 110336,
      "file_bytes": 118912,
      "restores": false,
      "read_back": "memory"
    }
    "#);
}

fn part(tensors: &[&str], no: u16, count: u16, all: i32) -> Vec<u8> {
    let mut writer = Writer::new(Version::V3);
    if no == 0 {
        writer.set("general.architecture", Value::String(b"llama"));
    }
    if count > 1 {
        writer.set("split.no", Value::U16(no));
        writer.set("split.count", Value::U16(count));
        writer.set("split.tensors.count", Value::I32(all));
    }
    for name in tensors {
        writer.tensor(name, Dims::new(&[100]).unwrap(), GgmlType::I8).unwrap();
    }
    let mut bytes = Vec::new();
    writer.write(&mut bytes, |tensor, out| out.write_all(&[tensor.name.as_bytes()[0]; 100])).unwrap();
    bytes
}

#[test]
fn parts_become_one_file_when_asked() {
    let scratch = Scratch::new();
    scratch.write("m-00001-of-00002.gguf", &part(&["b", "a"], 0, 2, 3));
    scratch.write("m-00002-of-00002.gguf", &part(&["c"], 1, 2, 3));
    let args = ["repack", "m-00002-of-00002.gguf", "m.gguf"];
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&args)), @"error: the model lies in 2 files: to put them into one, add --merge");
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&[&args[..], &["--merge"]].concat())), @r"
    m.gguf: GGUF v3, 576 B, 3 tensors in the order file, aligned to 32 B, merged from 2 files
    all 300 B of tensors equal the model's, read back from memory
    ");
    assert_eq!(fs::read(scratch.path("m.gguf")).unwrap(), part(&["b", "a", "c"], 0, 1, 3));

    let alone = ["repack", "alone-00001-of-00002.gguf", "new.gguf"];
    scratch.write(alone[1], &part(&["b", "a"], 0, 2, 3));
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&[&alone[..], &["--merge"]].concat())), @"error: found part 1 of 2 alone: put the other parts beside it, or leave --merge out");
    scratch.packbench(&alone).assert().success();
    assert!(same(&scratch, "new.gguf", alone[1]), "a part alone can be put into another order");
}

/// A checkpoint of two tensors in one file or two.
fn checkpoint(tensors: &[&str]) -> Vec<u8> {
    let tensor = |(index, name): (usize, &&str)| {
        let (begin, end) = (index * 8, index * 8 + 8);
        format!(r#""{name}":{{"dtype":"BF16","shape":[2,2],"data_offsets":[{begin},{end}]}}"#)
    };
    let members: Vec<String> = tensors.iter().enumerate().map(tensor).collect();
    let mut header = format!(r#"{{"__metadata__":{{"format":"pt"}},{}}}"#, members.join(","));
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    let data = tensors.iter().flat_map(|name| [name.as_bytes()[6]; 8]);
    (header.len() as u64).to_le_bytes().into_iter().chain(header.into_bytes()).chain(data).collect()
}

const TENSORS: [&str; 2] = ["model.norm.weight", "model.embed_tokens.weight"];

#[test]
fn safetensors_stay_safetensors() {
    let scratch = Scratch::new();
    scratch.write("m.safetensors", &checkpoint(&TENSORS));
    let args = ["repack", "m.safetensors", "f.safetensors", "--order", "forward"];
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&args)), @r"
    f.safetensors: safetensors, 216 B, 2 tensors in the order forward
    all 16 B of tensors equal the model's, read back from memory
    ");
    let bytes = fs::read(scratch.path("f.safetensors")).unwrap();
    let new = Safetensors::parse(&bytes).unwrap();
    let names: Vec<&str> = new.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names, [TENSORS[1], TENSORS[0]]);
    scratch
        .packbench(&["repack", "f.safetensors", "back.safetensors", "--order", "like:m.safetensors"])
        .assert()
        .success();
    assert!(same(&scratch, "back.safetensors", "m.safetensors"));
    let aligned = [&args[..2], &["a.safetensors", "--align", "64"]].concat();
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&aligned)), @"error: found an alignment for safetensors, whose tensors lie side by side without gaps: leave it out");
}

#[test]
fn shards_become_one_file_when_asked() {
    let scratch = Scratch::new();
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (shard, tensor) in shards.iter().zip(TENSORS) {
        scratch.write(shard, &checkpoint(&[tensor]));
    }
    let index =
        format!(r#"{{"weight_map":{{"{}":"{}","{}":"{}"}}}}"#, TENSORS[0], shards[0], TENSORS[1], shards[1]);
    scratch.write("model.safetensors.index.json", index.as_bytes());
    let args = ["repack", "model.safetensors.index.json", "m.safetensors", "--merge"];
    scratch.packbench(&args).assert().success();
    assert_eq!(fs::read(scratch.path("m.safetensors")).unwrap(), checkpoint(&TENSORS));
}

#[test]
fn gguf_from_safetensors_is_left_to_the_converter() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("my model")).unwrap();
    scratch.write("my model/model.safetensors", &checkpoint(&TENSORS));
    let args = ["repack", "my model/model.safetensors", "m.gguf", "--order", "forward"];
    scratch.packbench(&args).assert().code(2);
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&args)), @r"
    nothing was done: safetensors become GGUF by llama.cpp's converter, which also writes the vocabulary:

      python convert_hf_to_gguf.py 'my model' --outfile m.gguf --outtype bf16

    It takes the folder with config.json and the tokenizer's files beside the model, and gives m.gguf as GGUF v3, aligned to
    32 bytes: about 16 B of tensors, matrices as bf16, vectors as f32. It takes the tensors of each file by name
    (layer 0, 1, 10, 11 … 2, 20 …), whatever their order. So repack what it gives:

      packbench repack m.gguf m.forward.gguf --order forward
    ");
    assert!(!scratch.path("m.gguf").exists());
}
