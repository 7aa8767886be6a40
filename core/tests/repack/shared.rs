//! Plans carried out in memory, and models to plan with.

use packbench_core::gguf::{Dims, GgmlType, Gguf, Value, Version, Writer};
use packbench_core::random::Random;
use packbench_core::repack::{Plan, Relocation, Section};

/// The new file that `plan` describes.
pub fn in_memory(plan: &Plan, sources: &[&[u8]]) -> Vec<u8> {
    let mut file = vec![0; plan.len.0 as usize];
    let mut copy = |Relocation { source, range, at }: &Relocation| {
        let from = range.start.0 as usize..range.end().0 as usize;
        file[at.0 as usize..][..from.len()].copy_from_slice(&sources[*source][from]);
    };
    plan.data.iter().for_each(&mut copy);
    for section in &plan.header {
        match section {
            Section::Copied(relocation) => copy(relocation),
            Section::Written { .. } => {}
        }
    }
    for section in &plan.header {
        if let Section::Written { at, bytes } = section {
            file[at.0 as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }
    file
}

/// Bytes that differ from tensor to tensor and from byte to byte.
pub fn payload(name: &str, len: u64) -> Vec<u8> {
    let seed = name.bytes().fold(1, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mut random = Random::new(seed);
    (0..len).map(|_| (random.next_u64() as u8).max(1)).collect()
}

/// A file with these bytes in each tensor, and an alignment if one is named.
pub fn file(lens: &[(&str, u64)], alignment: Option<u32>) -> Vec<u8> {
    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"llama"));
    if let Some(bytes) = alignment {
        writer.set("general.alignment", Value::U32(bytes));
    }
    writer.set("tokens", Value::U64(7));
    written(writer, lens)
}

pub fn written<'a>(mut writer: Writer<'a>, lens: &[(&'a str, u64)]) -> Vec<u8> {
    for &(name, len) in lens {
        writer.tensor(name, Dims::new(&[len]).unwrap(), GgmlType::I8).unwrap();
    }
    let mut bytes = Vec::new();
    writer.write(&mut bytes, |tensor, out| out.write_all(&payload(tensor.name, tensor.data.len.0))).unwrap();
    bytes
}

/// What a file says and holds, whatever the order and the alignment.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    metadata: Vec<(String, Vec<u8>)>,
    tensors: Vec<(String, String, Vec<u8>)>,
}

pub fn meaning(bytes: &[u8]) -> Meaning {
    let gguf = Gguf::parse(bytes).unwrap();
    let entries = gguf.metadata.entries().iter().filter(|entry| entry.key != "general.alignment");
    let entry = |entry: &packbench_core::gguf::Entry<'_>| {
        (entry.key.to_owned(), gguf.bytes(entry.range).unwrap().to_vec())
    };
    let metadata = entries.map(entry).collect();
    let tensor = |tensor: &packbench_core::gguf::Tensor<'_>| {
        let shape = format!("{} {}", tensor.ggml_type, tensor.dims);
        (tensor.name.to_owned(), shape, gguf.payload(tensor).unwrap().to_vec())
    };
    let mut tensors: Vec<_> = gguf.tensors.iter().map(tensor).collect();
    tensors.sort();
    Meaning { metadata, tensors }
}

/// The names in the order of the header.
pub fn names(bytes: &[u8]) -> Vec<&str> {
    Gguf::parse(bytes).unwrap().tensors.iter().map(|tensor| tensor.name).collect()
}
