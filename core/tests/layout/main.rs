//! Where tensors lie, in files made on the spot.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint knows only functions marked as such"
)]

mod files;
mod inspect;

use std::path::{Path, PathBuf};

use packbench_core::gguf::{Dims, GgmlType, Value, Version, Writer};

/// A folder on the disk that holds the build.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A GGUF of these tensors, of F32 in these shapes, and these numbers as metadata.
fn gguf(numbers: &[(&str, u32)], tensors: &[(&str, &[u64])]) -> Vec<u8> {
    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"llama"));
    for (key, number) in numbers {
        writer.set(key, Value::U32(*number));
    }
    for (name, shape) in tensors {
        writer.tensor(name, Dims::new(shape).unwrap(), GgmlType::F32).unwrap();
    }
    let mut bytes = Vec::new();
    writer.write(&mut bytes, |tensor, out| out.write_all(&vec![0; tensor.data.len.0 as usize])).unwrap();
    bytes
}

/// A safetensors file of these vectors of bytes.
fn safetensors(tensors: &[(&str, u64)]) -> Vec<u8> {
    let mut end = 0;
    let entries: Vec<String> = tensors
        .iter()
        .map(|(name, len)| {
            let begin = end;
            end += len;
            format!(r#""{name}":{{"dtype":"U8","shape":[{len}],"data_offsets":[{begin},{end}]}}"#)
        })
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; end as usize]].concat()
}
