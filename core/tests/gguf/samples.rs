//! The sample models are what they claim to be, and the reader's questions answer them.

use packbench_core::gguf::sample::{LayerOrder, TinyModel, vocabulary};
use packbench_core::gguf::{Gguf, Split, Value, Version, Writer};
use packbench_core::unit::{Bytes, FileOffset};

#[test]
fn a_vocabulary_has_no_tensors() {
    let file = vocabulary(1000);
    let gguf = Gguf::parse(&file).unwrap();
    assert!(gguf.tensors.is_empty());
    assert_eq!(gguf.data_offset, FileOffset(file.len() as u64));
    assert_eq!(gguf.split(), Ok(None));
    let tokens = gguf.metadata.array("tokenizer.ggml.tokens").unwrap().unwrap();
    let unique: std::collections::HashSet<_> = tokens.strings().unwrap().collect();
    assert_eq!((tokens.len(), unique.len()), (1000, 1000));
}

#[test]
fn a_tiny_llama_is_as_large_as_was_asked() {
    let model = TinyModel { payload: Bytes::mib(3), ..TinyModel::new(12) };
    let file = model.bytes();
    let gguf = Gguf::parse(&file).unwrap();
    let payload: Bytes = gguf.tensors.iter().map(|tensor| tensor.data.len).sum();
    assert!((Bytes::mib(2)..=Bytes::mib(3)).contains(&payload), "{payload}");
    assert_eq!(gguf.metadata.str("general.architecture"), Ok(Some("llama")));
    assert_eq!(gguf.metadata.u32("llama.block_count"), Ok(Some(12)));
    assert_eq!(gguf.tensors.len(), 12 * 9 + 2);
}

#[test]
fn layer_orders_hold_the_same_payload() {
    let numeric = TinyModel::new(12);
    let files = [numeric.bytes(), TinyModel { order: LayerOrder::Lexicographic, ..numeric }.bytes()];
    let [numeric, lexicographic] = [Gguf::parse(&files[0]).unwrap(), Gguf::parse(&files[1]).unwrap()];
    assert_eq!(numeric.tensors[10].name, "blk.1.attn_k.weight");
    assert_eq!(lexicographic.tensors[19].name, "blk.10.attn_k.weight");
    for tensor in &numeric.tensors {
        let twin = lexicographic.tensor(tensor.name).unwrap();
        assert_eq!(numeric.payload(tensor), lexicographic.payload(twin), "{}", tensor.name);
    }
}

#[test]
fn questions_of_the_wrong_type_name_the_key() {
    let mut writer = Writer::new(Version::V3);
    writer.set("general.name", Value::String(b"caf\xe9"));
    writer.set("split.no", Value::I32(-1));
    let mut file = Vec::new();
    writer.write(&mut file, |_, _| Ok(())).unwrap();
    let gguf = Gguf::parse(&file).unwrap();
    let errors = [
        gguf.metadata.u32("general.name").unwrap_err().to_string(),
        gguf.metadata.str("general.name").unwrap_err().to_string(),
        gguf.split().unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(errors.join("\n"), @r#"
    byte 48, metadata entry 0 "general.name", value: found a value of type string, expected u32
    byte 48, metadata entry 0 "general.name", value: found "caf\xe9", which is not UTF-8
    byte 80, metadata entry 1 "split.no", value: found a value of type i32, expected an integer that is not negative
    "#);
    assert_eq!(gguf.metadata.str("general.author"), Ok(None));
}

/// As llama.cpp's gguf-split writes it: `u16`, `u16`, `i32`.
#[test]
fn a_part_of_a_split_model_says_which() {
    let mut writer = Writer::new(Version::V3);
    writer.set("split.no", Value::U16(1));
    writer.set("split.count", Value::U16(3));
    writer.set("split.tensors.count", Value::I32(272));
    let mut file = Vec::new();
    writer.write(&mut file, |_, _| Ok(())).unwrap();
    let split = Gguf::parse(&file).unwrap().split();
    assert_eq!(split, Ok(Some(Split { no: 1, count: 3, tensors: 272 })));
}
