//! The seeds of the fuzz target are small files of the writer: here they are made, and held against what is in git.

use packbench_core::gguf::sample::{TinyModel, vocabulary};
use packbench_core::gguf::{ArrayBuf, Dims, GgmlType, Gguf, Value, ValueType, Version, Writer};

use crate::kept_seeds::Seeds;

fn seeds() -> Seeds {
    let llama = TinyModel::new(1).bytes();
    // the header and no data: the fuzzer should not spend its time on weights
    let header = Gguf::parse(&llama).unwrap().data_offset.0 as usize;
    let files = vec![
        ("empty-v2", written(&Writer::new(Version::V2))),
        ("vocabulary", vocabulary(20)),
        // long enough that strings are skipped by two at a time
        ("vocabulary-long", vocabulary(1000)),
        ("llama-header-only", llama[..header].to_vec()),
        ("every-value-type", every_value_type()),
        ("every-tensor-type", every_tensor_type()),
    ];
    Seeds { target: "gguf", files }
}

fn every_value_type() -> Vec<u8> {
    let strings: ArrayBuf = ["a", "", "ä"].into_iter().collect();
    let mut nested = ArrayBuf::new(ValueType::Array);
    nested.push(Value::Array(strings.as_array())).unwrap();
    nested.push(Value::Array(ArrayBuf::new(ValueType::U16).as_array())).unwrap();
    let values = [
        ("u8", Value::U8(1)),
        ("i8", Value::I8(-1)),
        ("u16", Value::U16(2)),
        ("i16", Value::I16(-2)),
        ("u32", Value::U32(3)),
        ("i32", Value::I32(-3)),
        ("f32", Value::F32(0.5)),
        ("bool", Value::Bool(true)),
        ("string", Value::String("ö".as_bytes())),
        ("array", Value::Array(nested.as_array())),
        ("u64", Value::U64(4)),
        ("i64", Value::I64(-4)),
        ("f64", Value::F64(0.25)),
    ];
    let mut writer = Writer::new(Version::V3);
    values.into_iter().for_each(|(key, value)| writer.set(key, value));
    written(&writer)
}

fn every_tensor_type() -> Vec<u8> {
    let types = <GgmlType as strum::VariantArray>::VARIANTS;
    let names: Vec<String> = types.iter().map(GgmlType::to_string).collect();
    let mut writer = Writer::new(Version::V2);
    writer.set("general.alignment", Value::U32(1));
    for (name, &ggml_type) in names.iter().zip(types) {
        writer.tensor(name, Dims::new(&[ggml_type.block_elements()]).unwrap(), ggml_type).unwrap();
    }
    written(&writer)
}

fn written(writer: &Writer<'_>) -> Vec<u8> {
    let mut file = Vec::new();
    writer.write(&mut file, |tensor, out| out.write_all(&vec![0; tensor.data.len.0 as usize])).unwrap();
    file
}

#[test]
fn the_seeds_in_git_are_current() {
    let seeds = seeds();
    seeds.assert_current();
    for (name, file) in &seeds.files {
        assert_eq!(Gguf::parse(file).is_ok(), *name != "llama-header-only", "{name}");
    }
}

#[test]
#[ignore = "writes the seeds into fuzz/seeds"]
fn regenerate_the_seeds() {
    seeds().write();
}
