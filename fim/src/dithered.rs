//! A model file in F32 with noise laid over what was quantized: an original to make other files of, and to hold them
//! against.

use std::io::{self, Write};

use packbench_core::gguf::{GgmlType, Tensor, Value, Version, WriteError, Writer};
use packbench_core::quant::cost::{DITHER_SEED_KEY, OWN_KEYS};

use crate::FimError;
use crate::source::{Source, is_quantized};

/// Rows that are in memory at once.
const ROWS: usize = 1024;

/// Why such a file can't be written.
#[derive(Debug, thiserror::Error)]
pub enum DitheredError {
    /// The destination refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The weights can't be read.
    #[error(transparent)]
    Weights(#[from] FimError),
}

/// Writes `source`, whose quantized tensors come as F32. The file says by which seed, and nothing of how `source` was made.
///
/// # Errors
/// As of reading and writing.
pub fn write(source: &Source<'_>, out: impl Write) -> Result<(), DitheredError> {
    let mut writer = Writer::new(Version::V3);
    let entries = source.gguf.metadata.entries().iter().filter(|entry| !entry.key.starts_with(OWN_KEYS));
    entries.for_each(|entry| writer.set(entry.key, entry.value));
    writer.set("general.file_type", Value::U32(0));
    if let Some(seed) = source.dither_seed() {
        writer.set(DITHER_SEED_KEY, Value::U64(seed));
    }
    for tensor in &source.gguf.tensors {
        let ggml_type = if is_quantized(tensor) { GgmlType::F32 } else { tensor.ggml_type };
        writer.tensor(tensor.name, tensor.dims, ggml_type)?;
    }
    let mut refused = None;
    let written = writer.write(out, |placed, out| {
        let missing = || io::Error::other("a tensor that isn't there");
        let tensor = source.tensor(placed.name).ok_or_else(missing)?;
        match is_quantized(tensor) {
            true => numbers(source, tensor, out, &mut refused),
            false => out.write_all(source.gguf.payload(tensor).ok_or_else(missing)?),
        }
    });
    match refused {
        Some(error) => Err(FimError::into(error)),
        None => Ok(written.map(drop)?),
    }
}

fn numbers(
    source: &Source<'_>,
    tensor: &Tensor<'_>,
    out: &mut dyn Write,
    refused: &mut Option<FimError>,
) -> io::Result<()> {
    let rows = (tensor.dims.elements() / tensor.dims.row().max(1)) as usize;
    for first in (0..rows).step_by(ROWS) {
        let matrix = source.rows(tensor, first..rows.min(first + ROWS)).map_err(|error| {
            *refused = Some(error);
            io::Error::other("weights that can't be read")
        })?;
        matrix.data.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use packbench_core::gguf::Gguf;
    use packbench_core::gguf::sample::TinyModel;

    use super::*;

    #[test]
    fn the_noise_in_a_file_is_that_of_a_score() {
        let bytes = TinyModel::new(1).bytes();
        let gguf = Gguf::parse(&bytes).unwrap();
        let source = Source::new(gguf.clone(), Some(5)).unwrap();
        let mut file = Vec::new();
        write(&source, &mut file).unwrap();
        let written = Source::new(Gguf::parse(&file).unwrap(), None).unwrap();
        let name = "blk.0.attn_q.weight";
        let expected = source.matrix(name, 128, 128).unwrap();
        assert_eq!(written.matrix(name, 128, 128).unwrap(), expected);
        let plain = Source::new(gguf, None).unwrap().matrix(name, 128, 128).unwrap();
        let off = plain.data.iter().zip(&expected.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off > 0.4 / 1024.0 && off <= 0.5 / 1024.0, "{off}: half a step of 2^-10 at the most");
    }
}
