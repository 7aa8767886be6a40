//! Large models of which the disk holds nothing but the header: the rest is a hole that reads as zeros.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::super::{Dims, GgmlType, Value, Version, WriteError, Writer};
use crate::unit::Bytes;

/// Writes a model of `layers` layers of nine tensors each and two tensors more, of about `payload` in all, in the order
/// of names. Answers how long the file is.
///
/// # Errors
/// Whatever the file fails with.
pub fn hollow(file: &mut File, layers: u32, payload: Bytes) -> Result<Bytes, WriteError> {
    const PARTS: [&str; 9] = [
        "attn_k",
        "attn_norm",
        "attn_output",
        "attn_q",
        "attn_v",
        "ffn_down",
        "ffn_gate",
        "ffn_norm",
        "ffn_up",
    ];
    let layer = |layer: u32| PARTS.map(|part| format!("blk.{layer}.{part}.weight"));
    let mut names: Vec<String> = (0..layers).flat_map(layer).collect();
    names.extend(["output_norm.weight".to_owned(), "token_embd.weight".to_owned()]);
    names.sort();
    let elements = payload.0 / 4 / names.len() as u64;
    let dims = Dims::new(&[elements / 64, 64])
        .map_err(|source| WriteError::Tensor { name: names[0].clone(), source })?;
    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"llama"));
    for name in &names {
        writer.tensor(name, dims, GgmlType::F32)?;
    }
    let zeros = vec![0; HOLE];
    let len = writer.write(Holes(file), |tensor, out| {
        let mut left = tensor.data.len.0 as usize;
        while left > 0 {
            let now = left.min(HOLE);
            out.write_all(&zeros[..now])?;
            left -= now;
        }
        Ok(())
    })?;
    file.set_len(len.0)?;
    Ok(len)
}

/// Writes of this length are payload.
const HOLE: usize = 1 << 20;

/// Leaves out what is all zeros anyway.
struct Holes<'a>(&'a mut File);

impl Write for Holes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() < 4096 {
            return self.0.write(bytes);
        }
        self.0.seek(SeekFrom::Current(bytes.len() as i64))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
