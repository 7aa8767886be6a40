//! Importance matrices in llama.cpp's own file, a GGUF: of each tensor Σ x² a column (`NAME.in_sum2`) and how many tokens
//! that is the sum of (`NAME.counts`).

use std::io::{self, Write};

use packbench_core::gguf::{Dims, GgmlType, Gguf, Tensor, Value, Version, WriteError, Writer};
use packbench_engine::{ColumnWeights, rows};

use crate::FimError;

const SUMS: &str = ".in_sum2";
const COUNTS: &str = ".counts";

/// Reads the mean squares of an importance matrix.
///
/// # Errors
/// A file that is none, or holds something else.
pub fn read(bytes: &[u8]) -> Result<ColumnWeights, FimError> {
    let gguf = Gguf::parse(bytes)?;
    let mut weights = ColumnWeights::new();
    for tensor in &gguf.tensors {
        let Some(name) = tensor.name.strip_suffix(SUMS) else { continue };
        let counts = gguf.tensor(&format!("{name}{COUNTS}"));
        let missing = || wrong(tensor, format!("{name}{COUNTS} beside it"));
        let counts = numbers(&gguf, counts.ok_or_else(missing)?)?;
        let sums = numbers(&gguf, tensor)?;
        let &[count] = counts.as_slice() else {
            return Err(FimError::Unsupported {
                what: "an importance matrix of a model with experts".to_owned(),
            });
        };
        if !(count.is_finite() && count > 0.0 && sums.iter().all(|sum| sum.is_finite() && *sum >= 0.0)) {
            return Err(wrong(tensor, "sums of squares".to_owned()));
        }
        weights.insert(name.to_owned(), sums.into_iter().map(|sum| sum / count).collect());
    }
    match weights.is_empty() {
        true => Err(FimError::Request {
            found: "a file without sums of squares".to_owned(),
            expected: "an importance matrix, as llama-imatrix and packbench score write it",
        }),
        false => Ok(weights),
    }
}

fn numbers(gguf: &Gguf<'_>, tensor: &Tensor<'_>) -> Result<Vec<f32>, FimError> {
    let payload = gguf.payload(tensor).filter(|_| tensor.ggml_type == GgmlType::F32);
    let payload = payload.ok_or_else(|| wrong(tensor, "numbers in F32".to_owned()))?;
    let mut numbers = vec![0.0; payload.len() / 4];
    rows::dequantize(GgmlType::F32, payload, &mut numbers)
        .map_err(|source| FimError::Rows { name: tensor.name.to_owned(), source })?;
    Ok(numbers)
}

fn wrong(tensor: &Tensor<'_>, expected: String) -> FimError {
    let found = format!("{} of {}", tensor.dims, tensor.ggml_type);
    FimError::Tensor { name: tensor.name.to_owned(), found, expected }
}

/// Writes sums over `tokens` tokens; tensors without any are left out.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write<'s>(
    sums: impl Iterator<Item = (&'s str, &'s [f64])>,
    tokens: u64,
    out: impl Write,
) -> Result<(), WriteError> {
    let sums: Vec<(String, &[f64])> = sums
        .filter(|(_, sums)| !sums.is_empty())
        .map(|(name, sums)| (format!("{name}{SUMS}"), sums))
        .collect();
    let counts: Vec<String> = sums.iter().map(|(name, _)| name.replace(SUMS, COUNTS)).collect();
    let mut writer = Writer::new(Version::V3);
    writer.set("general.type", Value::String(b"imatrix"));
    writer.set("imatrix.chunk_count", Value::U32(1));
    writer.set("imatrix.chunk_size", Value::U32(u32::try_from(tokens).unwrap_or(u32::MAX)));
    for ((name, sums), counts) in sums.iter().zip(&counts) {
        let dims =
            |ne: u64| Dims::new(&[ne, 1]).map_err(|source| WriteError::Tensor { name: name.clone(), source });
        writer.tensor(name, dims(sums.len() as u64)?, GgmlType::F32)?;
        writer.tensor(counts, dims(1)?, GgmlType::F32)?;
    }
    let put = |tensor: &Tensor<'_>, out: &mut dyn Write| -> io::Result<()> {
        let found = sums.iter().find(|(name, _)| name == tensor.name);
        let all = found.map_or_else(|| vec![tokens as f64], |(_, sums)| sums.to_vec());
        all.iter().try_for_each(|sum| out.write_all(&(*sum as f32).to_le_bytes()))
    };
    writer.write(out, put).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_means() {
        let (a, b) = ([2.0, 4.0, 8.0], [1.0]);
        let sums =
            [("blk.0.attn_q.weight", a.as_slice()), ("blk.1.attn_q.weight", &b), ("token_embd.weight", &[])];
        let mut file = Vec::new();
        write(sums.into_iter(), 4, &mut file).unwrap();
        let expected = [("blk.0.attn_q.weight", vec![0.5, 1.0, 2.0]), ("blk.1.attn_q.weight", vec![0.25])];
        assert_eq!(read(&file).unwrap(), expected.map(|(name, means)| (name.to_owned(), means)).into());
        assert!(read(b"GGUF").is_err());
        let error = read(&packbench_core::gguf::sample::TinyModel::new(1).bytes()).unwrap_err();
        assert!(error.to_string().contains("expected an importance matrix"), "{error}");
    }
}
