//! Models in several files, in another container, beside each other, and drawn.

use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::gguf::{Dims, GgmlType, Value, Version, Writer};

use crate::scratch::{Scratch, stderr, stdout};

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

    order of the file: layers 0–1
    published claim: GGUF files hold output, token_embedding, layers 0, 1, …, and so stand in forward order

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

    order of the file: layers 0–1
    published claim: safetensors files stand in the order of names or hashes, which defeats prefetching

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

    order of the file: token_embedding, layers 0–1, 10, 2–9, output_norm
    published claim: GGUF files hold output, token_embedding, layers 0, 1, …, and so stand in forward order

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

    order of the file: token_embedding, layers 0–10, output_norm
    published claim: GGUF files hold output, token_embedding, layers 0, 1, …, and so stand in forward order

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
fn a_map_is_drawn_into_a_file_of_its_own() {
    let scratch = Scratch::new();
    scratch.model();
    let model = std::fs::read(scratch.path("m.gguf")).unwrap();
    scratch.packbench(&["inspect", "m.gguf", "--svg", "map.svg"]).assert().success().stdout("");
    let svg = std::fs::read_to_string(scratch.path("map.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));

    std::fs::copy(scratch.path("m.gguf"), scratch.path("n.gguf")).unwrap();
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "m.gguf", "--svg", "./m.gguf"])), @"error: ./m.gguf is one of the models: name another file for the map");
    let three = ["inspect", "m.gguf", "n.gguf", "m.gguf", "--svg", "three.svg"];
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&three)), @"error: found 3 models, expected one or two in a map");
    insta::assert_snapshot!(stderr(&mut scratch.packbench(&["inspect", "m.gguf", "--svg", "m.gguf/map.svg"])), @"error: m.gguf/map.svg: writing: not a directory");
    assert_eq!(std::fs::read(scratch.path("m.gguf")).unwrap(), model);
    assert_eq!(scratch.names(), ["m.gguf", "map.svg", "n.gguf"]);
}
