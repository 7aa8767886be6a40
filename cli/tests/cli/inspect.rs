use packbench_core::gguf::sample::{TinyModel, vocabulary};
use packbench_core::gguf::{Dims, GgmlType, Value, Version, Writer};
use packbench_core::layout::{Extent, TraceBuilder};
use packbench_core::unit::Bytes;

use crate::scratch::{Scratch, stderr, stdout};

#[test]
fn a_model_is_shown_in_the_order_of_the_file() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel::new(1).bytes());
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&["inspect", "m.gguf"])), @r"
    m.gguf: GGUF v3, llama, tiny llama, 119 kB
    11 tensors, 110 kB of data in 8.59 bits a weight, after a header of 8.58 kB
    aligned to 32 B, as it happens to 128 B; no gaps

    offset  bytes  type                    tensor      shape  forward
      8576  43520  Q8_0         token_embd.weight  128 × 320        1
     52096   8704  Q8_0       blk.0.attn_k.weight   128 × 64        5
     60800    512   F32    blk.0.attn_norm.weight        128        2
     61312  17408  Q8_0  blk.0.attn_output.weight  128 × 128        6
     78720  17408  Q8_0       blk.0.attn_q.weight  128 × 128        3
     96128   8704  Q8_0       blk.0.attn_v.weight   128 × 64        4
    104832   4352  Q8_0     blk.0.ffn_down.weight   32 × 128       10
    109184   4352  Q8_0     blk.0.ffn_gate.weight   128 × 32        8
    113536    512   F32     blk.0.ffn_norm.weight        128        7
    114048   4352  Q8_0       blk.0.ffn_up.weight   128 × 32        9
    118400    512   F32        output_norm.weight        128       11

    type  tensors    bytes   share  bits/weight
    F32         3  1.54 kB   1.4 %        32.00
    Q8_0        8   109 kB  98.6 %         8.50

    group            tensors    bytes   share  bits/weight
    attn_k                 1  8.70 kB   7.9 %         8.50
    attn_norm              1    512 B   0.5 %        32.00
    attn_output            1  17.4 kB  15.8 %         8.50
    attn_q                 1  17.4 kB  15.8 %         8.50
    attn_v                 1  8.70 kB   7.9 %         8.50
    ffn_down               1  4.35 kB   3.9 %         8.50
    ffn_gate               1  4.35 kB   3.9 %         8.50
    ffn_norm               1    512 B   0.5 %        32.00
    ffn_up                 1  4.35 kB   3.9 %         8.50
    output_norm            1    512 B   0.5 %        32.00
    token_embedding        1  43.5 kB  39.4 %         8.50

    layer           tensors    bytes   share  bits/weight
    0                     9  66.3 kB  60.1 %         8.60
    outside layers        2  44.0 kB  39.9 %         8.57

    order of the file: token_embedding, layers 0, output_norm
    published claim: GGUF files hold output, token_embedding, layers 0, 1, …, and so stand in forward order

    The first token needs 110 kB in 12 reads (derived from the names).

    forward order     breaks  backward   seeks  longest  between
    in this file          10         4  296 kB   110 kB   221 kB
    in forward order       2         1  154 kB   110 kB   110 kB

    pages of  file  shared  straddling  aligned  needed  at best
    4 KiB       30       8           2        0      28       27
    16 KiB       8       5           3        0       8        7
    ");
}

#[test]
fn json_holds_the_same_facts() {
    let scratch = Scratch::new();
    scratch.model();
    let text = stdout(&mut scratch.packbench(&["inspect", "m.gguf", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["schema"], "packbench.inspection/1");
    let json = &json["models"][0];
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
fn a_trace_gives_the_forward_order() {
    let scratch = Scratch::new();
    scratch.model();
    let mut trace = TraceBuilder::default();
    trace.read("blk.3.ffn_up.weight", "MUL_MAT", Extent::Whole(Bytes(1)));
    let trace = serde_json::to_string(&trace.finish("engine".into(), vec![1])).unwrap();
    scratch.write("t.json", trace.as_bytes());
    let shown = stdout(&mut scratch.packbench(&["inspect", "m.gguf", "--trace", "t.json"]));
    assert!(shown.contains("in 1 reads (as traced)"), "{shown}");
    scratch.write("other.gguf", &TinyModel::new(1).bytes());
    scratch.packbench(&["inspect", "other.gguf", "--trace", "t.json"]).assert().code(2);
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "other.gguf", "--trace", "t.json"])), @r#"error: the trace reads "blk.3.ffn_up.weight", and there is no such tensor: is it of another model?"#);
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "m.gguf", "--trace", "m.gguf"])), @"error: m.gguf: stream did not contain valid UTF-8");
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
