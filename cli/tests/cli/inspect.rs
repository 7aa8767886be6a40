use packbench_core::gguf::sample::{LayerOrder, TinyModel, vocabulary};
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
fn a_split_model_is_one_model_whichever_of_its_files_are_named() {
    let scratch = Scratch::new();
    for (no, name) in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"].iter().enumerate() {
        let tensor = format!("blk.{no}.attn_q.weight");
        let mut writer = Writer::new(Version::V3);
        for (key, value) in [("split.no", no as u16), ("split.count", 2), ("split.tensors.count", 2)] {
            writer.set(key, Value::U16(value));
        }
        writer.tensor(&tensor, Dims::new(&[8]).unwrap(), GgmlType::F32).unwrap();
        let mut bytes = Vec::new();
        writer.write(&mut bytes, |tensor, out| out.write_all(&vec![0; tensor.data.len.0 as usize])).unwrap();
        scratch.write(name, &bytes);
    }
    let shown = stdout(&mut scratch.packbench(&["inspect", "m-00002-of-00002.gguf"]));
    assert_eq!(
        shown,
        stdout(&mut scratch.packbench(&["inspect", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]))
    );
    insta::assert_snapshot!(shown, @r"
    m-00001-of-00002.gguf: GGUF v3, –, –, 384 B
    2 files: m-00001-of-00002.gguf … m-00002-of-00002.gguf
    2 tensors, 64 B of data in 32.00 bits a weight, after a header of 320 B
    aligned to 32 B; no gaps

    offset  bytes  type               tensor  shape  forward
    1: 160     32   F32  blk.0.attn_q.weight      8        1
    2: 160     32   F32  blk.1.attn_q.weight      8        2

    type  tensors  bytes    share  bits/weight
    F32         2   64 B  100.0 %        32.00

    group   tensors  bytes    share  bits/weight
    attn_q        2   64 B  100.0 %        32.00

    layer  tensors  bytes   share  bits/weight
    0            1   32 B  50.0 %        32.00
    1            1   32 B  50.0 %        32.00

    The first token needs 64 B in 2 reads (derived from the names).

    forward order     breaks  backward  seeks  longest  between
    in this file           0         0    0 B      0 B      0 B
    in forward order       0         0    0 B      0 B      0 B

    pages of  file  shared  straddling  aligned  needed  at best
    4 KiB        2       0           0        0       2        1
    16 KiB       2       0           0        0       2        1
    ");
}

#[test]
fn safetensors_are_shown_in_the_same_words() {
    let header = r#"{"model.layers.1.mlp.up_proj.weight":{"dtype":"BF16","shape":[4,2],"data_offsets":[16,32]},
        "model.layers.0.mlp.up_proj.weight":{"dtype":"BF16","shape":[4,2],"data_offsets":[0,16]}}"#;
    let scratch = Scratch::new();
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 32]].concat();
    scratch.write("m.safetensors", &bytes);
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&["inspect", "m.safetensors"])), @r"
    m.safetensors: safetensors, –, –, 229 B
    2 tensors, 32 B of data in 16.00 bits a weight, after a header of 197 B
    aligned to 1 B; no gaps

    offset  bytes  type                             tensor  shape  forward
       197     16  BF16  model.layers.0.mlp.up_proj.weight  2 × 4        1
       213     16  BF16  model.layers.1.mlp.up_proj.weight  2 × 4        2

    type  tensors  bytes    share  bits/weight
    BF16        2   32 B  100.0 %        16.00

    group   tensors  bytes    share  bits/weight
    ffn_up        2   32 B  100.0 %        16.00

    layer  tensors  bytes   share  bits/weight
    0            1   16 B  50.0 %        16.00
    1            1   16 B  50.0 %        16.00

    The first token needs 32 B in 2 reads (derived from the names).

    forward order     breaks  backward  seeks  longest  between
    in this file           0         0    0 B      0 B      0 B
    in forward order       0         0    0 B      0 B      0 B

    pages of  file  shared  straddling  aligned  needed  at best
    4 KiB        1       1           0        0       1        1
    16 KiB       1       1           0        0       1        1
    ");
}

#[test]
fn two_files_show_what_moved() {
    let scratch = Scratch::new();
    let lexicographic = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(11) };
    scratch.write("wild.gguf", &lexicographic.bytes());
    scratch.write("sorted.gguf", &TinyModel::new(11).bytes());
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&["inspect", "wild.gguf", "sorted.gguf"])), @r"
    wild.gguf: GGUF v3, llama, tiny llama, 787 kB
    101 tensors, 773 kB of data in 8.60 bits a weight, after a header of 13.9 kB
    aligned to 32 B, as it happens to 64 B; no gaps

    The first token needs 773 kB in 102 reads (derived from the names).

    forward order     breaks  backward    seeks  longest  between
    in this file          90        35  3.54 MB   773 kB  3.15 MB
    in forward order       2         1   817 kB   773 kB   773 kB

    pages of  file  shared  straddling  aligned  needed  at best
    4 KiB      193      81          14        0     190      189
    16 KiB      49      46          24        0      49       48

    sorted.gguf: GGUF v3, llama, tiny llama, 787 kB
    101 tensors, 773 kB of data in 8.60 bits a weight, after a header of 13.9 kB
    aligned to 32 B, as it happens to 64 B; no gaps

    The first token needs 773 kB in 102 reads (derived from the names).

    forward order     breaks  backward    seeks  longest  between
    in this file          90        34  2.38 MB   773 kB  2.00 MB
    in forward order       2         1   817 kB   773 kB   773 kB

    pages of  file  shared  straddling  aligned  needed  at best
    4 KiB      193      81          14        0     190      189
    16 KiB      49      46          24        0      49       48

    From wild.gguf to sorted.gguf: 9 of 101 tensors moved, 66.3 kB.

    moved                      from   to    bytes
    blk.10.attn_k.weight         20   92  8.70 kB
    blk.10.attn_norm.weight      21   93    512 B
    blk.10.attn_output.weight    22   94  17.4 kB
    blk.10.attn_q.weight         23   95  17.4 kB
    blk.10.attn_v.weight         24   96  8.70 kB
    blk.10.ffn_down.weight       25   97  4.35 kB
    blk.10.ffn_gate.weight       26   98  4.35 kB
    blk.10.ffn_norm.weight       27   99    512 B
    blk.10.ffn_up.weight         28  100  4.35 kB
    ");
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
