//! Importance matrices in llama.cpp's own file, a GGUF: of each tensor Σ x² a column (`NAME.in_sum2`) and how many tokens
//! that is the sum of (`NAME.counts`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use crate::gguf::{self, Dims, GgmlType, Gguf, Tensor, Value, Version, WriteError, Writer, excerpt};
use crate::record::{Imatrix, Pricing, StockMix};

const SUMS: &str = ".in_sum2";
const COUNTS: &str = ".counts";

/// Weights for the columns of tensors, by the tensor's name: an importance matrix.
pub type ColumnWeights = BTreeMap<String, Vec<f32>>;

/// Why a file can't be used as an importance matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImatrixError {
    /// Another format.
    #[error(
        "expected an importance matrix as GGUF: one in llama.cpp's older format becomes one by \
         llama-imatrix --in-file OLD.dat -o NEW.gguf"
    )]
    Gguf(#[from] gguf::Error),
    /// Another GGUF.
    #[error(
        "found a file without sums of squares, expected an importance matrix, as llama-imatrix and packbench score \
         write it"
    )]
    NoSums,
    /// It is of other tensors than the one that it is to be added to.
    #[error("tensor \"{name}\" is not in all parts, with as many columns: only parts of one scoring add up")]
    Differs {
        /// Its name.
        name: String,
    },
    /// A tensor that makes no weights.
    #[error("tensor \"{name}\": found {found}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// Reads the mean squares of an importance matrix. They are finite and not negative.
///
/// # Errors
/// [`ImatrixError`].
pub fn read(bytes: &[u8]) -> Result<ColumnWeights, ImatrixError> {
    let gguf = Gguf::parse(bytes)?;
    let counts: HashMap<&str, &Tensor<'_>> = named(&gguf, COUNTS).collect();
    let weights = named(&gguf, SUMS).map(|(name, sums)| {
        let counts = counts.get(name).ok_or_else(|| wrong(sums, "no counts", "NAME.counts beside it"))?;
        Ok((name.to_owned(), means(&gguf, sums, counts)?))
    });
    let weights = weights.collect::<Result<ColumnWeights, ImatrixError>>()?;
    if weights.is_empty() { Err(ImatrixError::NoSums) } else { Ok(weights) }
}

/// The sums of several importance matrices, added up.
///
/// # Errors
/// [`ImatrixError`]; what is no part of the same whole.
pub fn add(parts: &[Vec<u8>]) -> Result<BTreeMap<String, Vec<f64>>, ImatrixError> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        let gguf = Gguf::parse(part)?;
        let names: BTreeSet<&str> = named(&gguf, SUMS).map(|(name, _)| name).collect();
        if let Some(name) = all.keys().find(|name| !names.contains(name.as_str())) {
            return Err(differs(name));
        }
        for (name, sums) in named(&gguf, SUMS) {
            let sums = numbers(&gguf, sums)?;
            let sum = match index {
                0 => all.entry(name.to_owned()).or_insert_with(|| vec![0.0; sums.len()]),
                _ => all.get_mut(name).filter(|sum| sum.len() == sums.len()).ok_or_else(|| differs(name))?,
            };
            sum.iter_mut().zip(sums).for_each(|(sum, more)| *sum += f64::from(more));
        }
    }
    if all.is_empty() { Err(ImatrixError::NoSums) } else { Ok(all) }
}

fn differs(name: &str) -> ImatrixError {
    ImatrixError::Differs { name: excerpt(name.as_bytes()) }
}

/// The tensors whose names end so, by what stands before that.
fn named<'g>(gguf: &'g Gguf<'_>, end: &'static str) -> impl Iterator<Item = (&'g str, &'g Tensor<'g>)> {
    gguf.tensors.iter().filter_map(move |tensor| Some((tensor.name.strip_suffix(end)?, tensor)))
}

fn means(gguf: &Gguf<'_>, sums: &Tensor<'_>, counts: &Tensor<'_>) -> Result<Vec<f32>, ImatrixError> {
    let &[count] = numbers(gguf, counts)?.as_slice() else {
        let found = format!("{} of them", counts.dims.elements());
        return Err(wrong(counts, found, "one count: models with experts aren't quantized here"));
    };
    if !(count.is_finite() && count > 0.0) {
        return Err(wrong(counts, count, "a number of tokens"));
    }
    let means: Vec<f32> = numbers(gguf, sums)?.into_iter().map(|sum| sum / count).collect();
    match means.iter().find(|mean| !(mean.is_finite() && **mean >= 0.0)) {
        Some(mean) => {
            Err(wrong(sums, format!("a mean square of {mean}"), "a finite number that is not negative"))
        }
        None if means.is_empty() => Err(wrong(sums, "no columns", "at least one")),
        None => Ok(means),
    }
}

fn numbers(gguf: &Gguf<'_>, tensor: &Tensor<'_>) -> Result<Vec<f32>, ImatrixError> {
    let payload = gguf.payload(tensor).filter(|_| tensor.ggml_type == GgmlType::F32);
    let (words, _) = payload.ok_or_else(|| wrong(tensor, tensor.ggml_type, "F32"))?.as_chunks();
    Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

fn wrong(tensor: &Tensor<'_>, found: impl ToString, expected: &'static str) -> ImatrixError {
    ImatrixError::Tensor { name: excerpt(tensor.name.as_bytes()), found: found.to_string(), expected }
}

/// Whether llama.cpp quantizes a tensor of that name to `ggml_type` under an importance matrix only.
///
/// As of `tensor_requires_imatrix` in src/llama-quant.cpp (llama-cpp-sys-2 0.1.161), which is asked when a file is made and
/// not in a dry run. It asks for one for Q2_K in a file of the mix Q2_K_S, too: see [`is_needed_for`].
pub fn is_needed(tensor: &str, ggml_type: GgmlType) -> bool {
    is_needed_in_layers(ggml_type) && !is_vocabulary(tensor)
}

/// The same of all tensors but those of the vocabulary.
pub fn is_needed_in_layers(ggml_type: GgmlType) -> bool {
    use GgmlType::*;
    matches!(ggml_type, IQ1_S | IQ1_M | IQ2_XXS | IQ2_XS | IQ2_S | IQ3_XXS)
}

/// The same of a whole file, by the types that the mix comes to in it.
pub fn is_needed_for(mix: &StockMix) -> bool {
    let is_small = mix.name == "Q2_K_S";
    mix.types.iter().any(|(tensor, &ggml_type)| match ggml_type {
        GgmlType::Q2_K => is_small && !is_vocabulary(tensor),
        _ => is_needed(tensor, ggml_type),
    })
}

/// Whether llama.cpp makes `mix` as the scores were made.
pub(super) fn makes(pricing: &Pricing, mix: &StockMix) -> bool {
    pricing.imatrix != Imatrix::None || !is_needed_for(mix)
}

/// The tensors that llama.cpp asks for no importance matrix for.
fn is_vocabulary(tensor: &str) -> bool {
    ["token_embd.weight", "per_layer_token_embd.weight", "output.weight"].contains(&tensor)
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
    let named = |(name, sums)| (format!("{name}{SUMS}"), format!("{name}{COUNTS}"), sums);
    let tensors: Vec<(String, String, &[f64])> =
        sums.filter(|(_, sums)| !sums.is_empty()).map(named).collect();
    let mut writer = Writer::new(Version::V3);
    writer.set("general.type", Value::String(b"imatrix"));
    writer.set("imatrix.chunk_count", Value::U32(1));
    writer.set("imatrix.chunk_size", Value::U32(u32::try_from(tokens).unwrap_or(u32::MAX)));
    for (name, counts, sums) in &tensors {
        let dims =
            |ne: u64| Dims::new(&[ne, 1]).map_err(|source| WriteError::Tensor { name: name.clone(), source });
        writer.tensor(name, dims(sums.len() as u64)?, GgmlType::F32)?;
        writer.tensor(counts, dims(1)?, GgmlType::F32)?;
    }
    let put = |tensor: &Tensor<'_>, out: &mut dyn Write| -> io::Result<()> {
        let found = tensors.iter().find(|(name, ..)| name == tensor.name);
        let all = found.map_or_else(|| vec![tokens as f64], |(_, _, sums)| sums.to_vec());
        all.iter().try_for_each(|sum| out.write_all(&(*sum as f32).to_le_bytes()))
    };
    writer.write(out, put).map(drop)
}
