//! The weights of a model file, as numbers.

use std::ops::Range;

use packbench_core::gguf::{Gguf, Tensor};
use packbench_core::random::Random;
use packbench_engine::rows;
use rayon::prelude::*;

use crate::FimError;
use crate::dither;
use crate::matrix::Matrix;
use crate::ops::wide;

/// Numbers that a thread looks at at once.
const STRETCH: usize = 1 << 16;

/// A model file's weights, with noise laid over those that are quantized or as they are.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The file.
    pub gguf: Gguf<'a>,
    dither_seed: Option<u64>,
}

impl<'a> Source<'a> {
    /// The weights of `gguf`, dithered if there is a seed.
    ///
    /// # Errors
    /// [`FimError::Undithered`] when a tensor's cells aren't known.
    pub fn new(gguf: Gguf<'a>, dither_seed: Option<u64>) -> Result<Self, FimError> {
        let unknown = |tensor: &&Tensor<'_>| is_quantized(tensor) && !dither::is_known(tensor.ggml_type);
        match gguf.tensors.iter().find(unknown).filter(|_| dither_seed.is_some()) {
            Some(tensor) => {
                Err(FimError::Undithered { name: tensor.name.to_owned(), found: tensor.ggml_type })
            }
            None => Ok(Source { gguf, dither_seed }),
        }
    }

    /// The seed of the noise.
    pub fn dither_seed(&self) -> Option<u64> {
        self.dither_seed
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.gguf.tensor(name)
    }

    /// A vector of `len` elements; `None` when there is no such tensor.
    ///
    /// # Errors
    /// Another shape, a type that can't be read, values that are no numbers.
    pub fn vector(&self, name: &str, len: usize) -> Result<Option<Vec<f32>>, FimError> {
        let Some(tensor) = self.tensor(name) else { return Ok(None) };
        if tensor.dims.elements() != len as u64 {
            return Err(wrong_shape(tensor, format!("{len} elements")));
        }
        let row = tensor.dims.row() as usize;
        Ok(Some(self.rows(tensor, 0..len.checked_div(row).unwrap_or(0))?.data))
    }

    /// A vector of `len` elements that can't be done without.
    ///
    /// # Errors
    /// As of [`Self::vector`]; a tensor that is missing.
    pub fn needed_vector(&self, name: &str, len: usize) -> Result<Vec<f32>, FimError> {
        self.vector(name, len)?.ok_or_else(|| missing(name, format!("[{len}]")))
    }

    /// A matrix of `rows` rows of `cols` elements.
    ///
    /// # Errors
    /// As of [`Self::vector`]; a tensor that is missing.
    pub fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, FimError> {
        let tensor = self.check(name, rows, cols)?;
        self.rows(tensor, 0..rows)
    }

    /// The tensor of that name, if it is a matrix of `rows` rows of `cols` elements.
    ///
    /// # Errors
    /// [`FimError::Tensor`] when it isn't.
    pub fn check(&self, name: &str, rows: usize, cols: usize) -> Result<&Tensor<'a>, FimError> {
        let tensor = self.tensor(name).ok_or_else(|| missing(name, format!("[{cols}, {rows}]")))?;
        match *tensor.dims.as_slice() {
            [found_cols, found_rows] if (found_cols, found_rows) == (cols as u64, rows as u64) => Ok(tensor),
            _ => Err(wrong_shape(tensor, format!("[{cols}, {rows}]"))),
        }
    }

    /// Some rows of a tensor. The noise of a row depends on the seed, the name and its number alone.
    ///
    /// # Errors
    /// As of [`Self::vector`].
    pub fn rows(&self, tensor: &Tensor<'_>, rows: Range<usize>) -> Result<Matrix, FimError> {
        let cols = tensor.dims.row() as usize;
        let row_bytes = (tensor.data.len.0 / (tensor.dims.elements() / cols as u64).max(1)) as usize;
        let outside = || wrong_shape(tensor, "rows within this file".to_owned());
        let payload = self.gguf.payload(tensor).ok_or_else(outside)?;
        let blocks = payload.get(rows.start * row_bytes..rows.end * row_bytes).ok_or_else(outside)?;
        let mut matrix = Matrix::zeros(rows.len(), cols);
        let seed = self.noise_seed(tensor);
        let read = |(index, (numbers, blocks)): (usize, (&mut [f32], &[u8]))| {
            rows::dequantize(tensor.ggml_type, blocks, numbers)
                .map_err(|source| FimError::Rows { name: tensor.name.to_owned(), source })?;
            if let Some(seed) = seed {
                let mut random = Random::derived(seed, (rows.start + index) as u64);
                dither::dither(tensor.ggml_type, blocks, numbers, &mut random);
            }
            check_finite(tensor.name, numbers)
        };
        let pairs = matrix.data.par_chunks_exact_mut(cols).zip(blocks.par_chunks_exact(row_bytes));
        pairs.enumerate().try_for_each(read)?;
        Ok(matrix)
    }

    fn noise_seed(&self, tensor: &Tensor<'_>) -> Option<u64> {
        let seed = self.dither_seed.filter(|_| is_quantized(tensor))?;
        let hash = blake3::hash(tensor.name.as_bytes());
        let (words, _) = hash.as_bytes().as_chunks();
        Some(seed ^ words.first().map_or(0, |word| u64::from_le_bytes(*word)))
    }
}

/// Whether it is stored in blocks.
pub fn is_quantized(tensor: &Tensor<'_>) -> bool {
    tensor.ggml_type.block_elements() > 1
}

/// # Errors
/// [`FimError::NotFinite`] for the first that isn't a number.
pub fn check_finite(what: &str, numbers: &[f32]) -> Result<(), FimError> {
    // All of a stretch, without a way out on the way: so it is done many at a time.
    let are_finite =
        |numbers: &[f32]| wide(|| numbers.iter().fold(true, |finite, number| finite & number.is_finite()));
    match numbers.par_chunks(STRETCH).all(are_finite) {
        true => Ok(()),
        false => Err(FimError::NotFinite { what: what.to_owned() }),
    }
}

fn missing(name: &str, expected: String) -> FimError {
    FimError::Tensor { name: name.to_owned(), found: "nothing".to_owned(), expected }
}

fn wrong_shape(tensor: &Tensor<'_>, expected: String) -> FimError {
    FimError::Tensor { name: tensor.name.to_owned(), found: tensor.dims.to_string(), expected }
}
