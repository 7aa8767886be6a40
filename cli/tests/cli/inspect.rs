use packbench_core::gguf::sample::{TinyModel, vocabulary};
use packbench_core::gguf::{Dims, GgmlType, Value, Version, Writer};

use crate::scratch::{Scratch, stderr, stdout};

#[test]
fn a_model_is_shown_in_the_order_of_the_file() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel::new(1).bytes());
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&["inspect", "m.gguf"])), @r#"
    GGUF v3, llama, tiny llama: 119 kB
    11 tensors, 110 kB of data after a header of 8.58 kB, aligned to 32 bytes

    offset  bytes  type                    tensor      shape
      8576  43520  Q8_0         token_embd.weight  128 × 320
     52096   8704  Q8_0       blk.0.attn_k.weight   128 × 64
     60800    512   F32    blk.0.attn_norm.weight        128
     61312  17408  Q8_0  blk.0.attn_output.weight  128 × 128
     78720  17408  Q8_0       blk.0.attn_q.weight  128 × 128
     96128   8704  Q8_0       blk.0.attn_v.weight   128 × 64
    104832   4352  Q8_0     blk.0.ffn_down.weight   32 × 128
    109184   4352  Q8_0     blk.0.ffn_gate.weight   128 × 32
    113536    512   F32     blk.0.ffn_norm.weight        128
    114048   4352  Q8_0       blk.0.ffn_up.weight   128 × 32
    118400    512   F32        output_norm.weight        128

    type  tensors    bytes   share
    F32         3  1.54 kB   1.4 %
    Q8_0        8   109 kB  98.6 %

    group            tensors    bytes   share
    attn_k                 1  8.70 kB   7.9 %
    attn_norm              1    512 B   0.5 %
    attn_output            1  17.4 kB  15.8 %
    attn_q                 1  17.4 kB  15.8 %
    attn_v                 1  8.70 kB   7.9 %
    ffn_down               1  4.35 kB   3.9 %
    ffn_gate               1  4.35 kB   3.9 %
    ffn_norm               1    512 B   0.5 %
    ffn_up                 1  4.35 kB   3.9 %
    output_norm            1    512 B   0.5 %
    token_embedding        1  43.5 kB  39.4 %

    layer           tensors    bytes   share
    0                     9  66.3 kB  60.1 %
    outside layers        2  44.0 kB  39.9 %
    "#);
}

#[test]
fn json_holds_the_same_facts() {
    let scratch = Scratch::new();
    scratch.model();
    let text = stdout(&mut scratch.packbench(&["inspect", "m.gguf", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let tensors = json["tensors"].as_array().unwrap();
    let sum: u64 = tensors.iter().map(|tensor| tensor["bytes"].as_u64().unwrap()).sum();
    assert_eq!(json["tensor_bytes"], sum);
    assert_eq!(json["architecture"], "llama");
    assert!(tensors.is_sorted_by_key(|tensor| tensor["offset_bytes"].as_u64()));
    let by_layer = json["by_layer"].as_array().unwrap();
    assert_eq!(by_layer.len(), 4 + 1, "four layers and what lies outside");
}

#[test]
fn a_vocabulary_is_shown_and_not_measured() {
    let scratch = Scratch::new();
    scratch.write("v.gguf", &vocabulary(50));
    assert!(stdout(&mut scratch.packbench(&["inspect", "v.gguf"])).contains("A vocabulary and no tensors"));
    scratch.packbench(&["run", "v.gguf"]).assert().code(2);
    assert!(
        stderr(&mut scratch.packbench(&["run", "v.gguf"])).contains("it holds a vocabulary and no tensors")
    );
    assert!(!scratch.names().iter().any(|name| name.ends_with(".jsonl")), "no report was begun");
}

#[test]
fn a_part_of_a_split_model_is_named_as_such() {
    let mut writer = Writer::new(Version::V3);
    writer.set("split.no", Value::U16(1));
    writer.set("split.count", Value::U16(3));
    writer.set("split.tensors.count", Value::I32(9));
    writer.tensor("a", Dims::new(&[8]).unwrap(), GgmlType::F32).unwrap();
    let mut bytes = Vec::new();
    writer.write(&mut bytes, |tensor, out| out.write_all(&vec![0; tensor.data.len.0 as usize])).unwrap();
    let scratch = Scratch::new();
    scratch.write("m.gguf", &bytes);
    assert!(stdout(&mut scratch.packbench(&["inspect", "m.gguf"])).contains("part 2 of 3 of a split model"));
}

#[test]
fn what_is_no_gguf_is_refused_with_what_was_found() {
    let scratch = Scratch::new();
    let model = TinyModel::new(1).bytes();
    let files: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("html", b"<!DOCTYPE html>"),
        ("cut", &model[..model.len() - 1]),
        ("head", &model[..50]),
    ];
    for (name, bytes) in files {
        scratch.write(name, bytes);
        for verb in ["inspect", "run"] {
            scratch.packbench(&[verb, name]).assert().code(2);
            let said = stderr(&mut scratch.packbench(&[verb, name]));
            assert!(said.starts_with(&format!("error: {name}: ")), "{verb} {name}: {said}");
        }
    }
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "html"])), @r#"error: html: byte 0, header, magic: found first bytes [3c, 21, 44, 4f] ("<!DO"), expected "GGUF"; this is a web page: the download gave no model, try its address in a browser"#);
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "cut"])), @r#"error: cut: byte 8564, tensor 10 "output_norm.weight", offset: its data are not all there: 1 bytes are missing at the end of the file; is it cut short?"#);
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "none"])), @r#"error: none: open: No such file or directory (os error 2)"#);
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "."])), @r#"error: .: open: Is a directory (os error 21)"#);
}
