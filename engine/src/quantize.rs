//! Whole model files quantized by llama.cpp, and what it would make of them.

use std::ffi::CString;
use std::path::Path;

use packbench_core::gguf::GgmlType;
use packbench_core::quant::{ColumnWeights, TensorType};

use crate::LlamaCpp;
use crate::ffi;
use crate::log::{self, Log};
use crate::rows::{self, RowError};

/// llama.cpp's stock mixes, under the names and numbers of its `llama_ftype`.
#[allow(non_camel_case_types, reason = "the names that llama.cpp and everyone who quantizes uses")]
#[allow(missing_docs, reason = "llama.cpp's names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantArray)]
#[strum(ascii_case_insensitive)]
#[repr(u32)]
pub enum Mix {
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q8_0 = 7,
    Q5_0 = 8,
    Q5_1 = 9,
    Q2_K = 10,
    Q3_K_S = 11,
    Q3_K_M = 12,
    Q3_K_L = 13,
    Q4_K_S = 14,
    Q4_K_M = 15,
    Q5_K_S = 16,
    Q5_K_M = 17,
    Q6_K = 18,
    IQ2_XXS = 19,
    IQ2_XS = 20,
    Q2_K_S = 21,
    IQ3_XS = 22,
    IQ3_XXS = 23,
    IQ4_NL = 25,
    IQ3_S = 26,
    IQ3_M = 27,
    IQ2_S = 28,
    IQ2_M = 29,
    IQ4_XS = 30,
    BF16 = 32,
}

/// What to make of a model file.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// What tensors become that are not named in `types`.
    pub mix: Mix,
    /// Tensors with types of their own: the first pattern that a name matches counts.
    pub types: &'a [TensorType],
    /// Weights under which to quantize.
    pub weights: &'a ColumnWeights,
    /// What the file is to say of itself.
    pub notes: &'a [(&'a str, NoteValue<'a>)],
    /// Threads that compute.
    pub threads: u32,
}

/// A value of metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoteValue<'a> {
    /// At most 127 bytes; what is longer is cut.
    Text(&'a str),
    /// Kept in single precision.
    Number(f64),
    /// Kept as it is.
    Count(u32),
}

/// Why a file can't be quantized.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// A path or a name that holds a byte 0.
    #[error("a path or a tensor's name holds a byte 0: rename it")]
    Name(#[from] std::ffi::NulError),
    /// llama.cpp could not.
    #[error("quantizing: {log}")]
    Refused {
        /// What it said.
        log: String,
    },
    /// ggml would end the process.
    #[error("tensor {tensor:?}")]
    Rows {
        /// Its name.
        tensor: String,
        /// Why.
        source: RowError,
    },
    /// What it tells of a dry run isn't understood.
    #[error(
        "the engine tells of {found} tensors in words that are known, expected all {expected}: is it of another version?"
    )]
    Told {
        /// How many were understood.
        found: usize,
        /// How many it began to tell of.
        expected: usize,
    },
}

impl LlamaCpp {
    /// Quantizes the file at `source` into `destination`, which is overwritten; on an error what lies there is no model.
    ///
    /// # Errors
    /// [`QuantizeError::Refused`], with llama.cpp's reason; all others, before anything is written.
    pub fn quantize(
        &self,
        source: &Path,
        destination: &Path,
        recipe: &Recipe<'_>,
    ) -> Result<(), QuantizeError> {
        for told in told(&convert(source, Path::new(""), recipe, true)?)? {
            told.check(recipe.weights)?;
        }
        convert(source, destination, recipe, false).map(drop)
    }

    /// The type that each tensor of `source` would come to, in llama.cpp's order, by a dry run.
    ///
    /// # Errors
    /// As of [`Self::quantize`]; [`QuantizeError::Told`] when the log isn't understood.
    pub fn effective_types(
        &self,
        source: &Path,
        recipe: &Recipe<'_>,
    ) -> Result<Vec<(String, GgmlType)>, QuantizeError> {
        let told = told(&convert(source, Path::new(""), recipe, true)?)?;
        Ok(told.into_iter().map(|told| (told.name, told.ggml_type)).collect())
    }
}

fn convert(source: &Path, destination: &Path, recipe: &Recipe<'_>, dry: bool) -> Result<Log, QuantizeError> {
    let path = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes());
    let (source, destination) = (path(source)?, path(destination)?);
    let types = recipe.types.iter();
    let types = types.map(|one| Ok((CString::new(one.pattern.as_str())?, one.ggml_type.number())));
    let types: Vec<_> = types.collect::<Result<_, QuantizeError>>()?;
    let weights =
        recipe.weights.iter().map(|(name, data)| Ok((CString::new(name.as_str())?, data.as_slice())));
    let weights: Vec<_> = weights.collect::<Result<_, QuantizeError>>()?;
    let notes = recipe.notes.iter().map(|(key, value)| Ok((CString::new(*key)?, note(*value)?)));
    let notes: Vec<_> = notes.collect::<Result<_, QuantizeError>>()?;
    let conversion = ffi::Conversion {
        source: &source,
        destination: &destination,
        file_type: recipe.mix as u32,
        types: &types,
        weights: &weights,
        notes: &notes,
        threads: recipe.threads,
        dry,
    };
    match log::capture(|| ffi::convert(&conversion)) {
        (true, log) => Ok(log),
        (false, log) => Err(QuantizeError::Refused { log: log.complaint() }),
    }
}

fn note(value: NoteValue<'_>) -> Result<ffi::Note, QuantizeError> {
    Ok(match value {
        NoteValue::Text(text) => ffi::Note::Text(CString::new(text)?),
        NoteValue::Number(number) => ffi::Note::Number(number),
        NoteValue::Count(count) => ffi::Note::Count(count),
    })
}

/// What a tensor would come to.
#[derive(Clone, Debug, PartialEq)]
struct Effective {
    name: String,
    /// The elements of a row.
    row: usize,
    ggml_type: GgmlType,
    /// Whether that is another type than it has.
    changes: bool,
}

impl Effective {
    /// llama.cpp takes no weights of another length than a row.
    fn check(self, weights: &ColumnWeights) -> Result<(), QuantizeError> {
        let weights = weights.get(&self.name).filter(|weights| weights.len() == self.row);
        match rows::check_written(self.ggml_type, self.row, weights.map(Vec::as_slice)) {
            Err(source) if self.changes => Err(QuantizeError::Rows { tensor: self.name, source }),
            _ => Ok(()),
        }
    }
}

/// What the log of a dry run tells. Each tensor's line comes in two pieces:
///
/// ```text
/// [   1/ 272] output_norm.weight   - [  576,     1,     1,     1], type =    f32,
/// size =    0.002 MiB                         or     size = 54.00 MiB -> 30.38 MiB (q8_0)
/// ```
fn told(log: &Log) -> Result<Vec<Effective>, QuantizeError> {
    let mut tensors: Vec<Option<Effective>> = Vec::new();
    let mut expected = 0;
    for line in log.lines() {
        if line.starts_with('[') && line.contains("type =") {
            expected += 1;
            tensors.push(begun(line));
        } else if let (Some(kind), Some(last)) = (becomes(line), tensors.last_mut()) {
            let changed =
                |told: Effective| Some(Effective { ggml_type: kind.parse().ok()?, changes: true, ..told });
            *last = last.take().and_then(changed);
        }
    }
    let told: Vec<Effective> = tensors.into_iter().flatten().collect();
    match expected > 0 && told.len() == expected {
        true => Ok(told),
        false => Err(QuantizeError::Told { found: told.len(), expected }),
    }
}

fn begun(line: &str) -> Option<Effective> {
    let (_, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (name, rest) = rest.split_once(" - [")?;
    let (row, rest) = rest.split_once(',')?;
    let (_, kind) = rest.split_once("type =")?;
    Some(Effective {
        name: name.trim().to_owned(),
        row: row.trim().parse().ok()?,
        ggml_type: kind.trim().trim_end_matches(',').parse().ok()?,
        changes: false,
    })
}

fn becomes(line: &str) -> Option<&str> {
    line.strip_prefix("size =")?.split_once("->")?.1.split_once('(')?.1.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Level, keep};

    #[test]
    fn a_dry_run_tells_types() {
        let ((), log) = log::capture(|| {
            keep(
                Level::Info,
                "[   1/   2] output_norm.weight  - [  576,     1,     1,     1], type =    f32, ",
            );
            keep(Level::Info, "size =    0.002 MiB\n");
            keep(
                Level::Info,
                "[   2/   2] token_embd.weight - [  576, 49152,     1,     1], type =   q4_1, ",
            );
            keep(Level::Info, "size =    16.88 MiB ->    28.69 MiB (q8_0)\n");
        });
        let one = |name: &str, ggml_type, changes| Effective {
            name: name.to_owned(),
            row: 576,
            ggml_type,
            changes,
        };
        let expected =
            [one("output_norm.weight", GgmlType::F32, false), one("token_embd.weight", GgmlType::Q8_0, true)];
        assert_eq!(told(&log).unwrap(), expected);
        let ((), log) = log::capture(|| keep(Level::Info, "[ 1/ 1] a - [1, 1], type = new_one,"));
        assert!(matches!(told(&log), Err(QuantizeError::Told { found: 0, expected: 1 })));
    }

    /// llama.cpp asks for weights for all tensors but those of the vocabulary, and takes none of another length there.
    #[test]
    fn a_vocabulary_is_refused_where_ggml_would_die_for_want_of_weights() {
        let name = "token_embd.weight".to_owned();
        let told = |changes| Effective { name: name.clone(), row: 256, ggml_type: GgmlType::IQ2_XS, changes };
        let of_columns = |columns| ColumnWeights::from([(name.clone(), vec![1.0; columns])]);
        assert!(told(true).check(&of_columns(256)).is_ok());
        for weights in [of_columns(128), ColumnWeights::new()] {
            let error = told(true).check(&weights).unwrap_err();
            assert!(
                matches!(&error, QuantizeError::Rows { source: RowError::Weights { .. }, .. }),
                "{error}"
            );
            assert!(told(false).check(&weights).is_ok(), "what stays is copied");
        }
    }
}
