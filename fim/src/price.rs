//! What a tensor costs in each type, by the very quantizers that make the file.

use packbench_core::gguf::GgmlType;
use packbench_core::quant::checkpoint::TensorScore;
use packbench_core::quant::imatrix;
use packbench_core::record::Price;
use packbench_engine::rows;
use rayon::prelude::*;

use crate::FimError;
use crate::fisher::Fisher;

/// Adds the price of other rows: types are chosen for whole tensors, and a row's blocks are its own.
pub fn add(sum: &mut Price, rows: &Price) {
    sum.bytes += rows.bytes;
    sum.loss_by_sequence_nats += rows.loss_by_sequence_nats;
    sum.loss_by_token_nats += rows.loss_by_token_nats;
    sum.squared_error += rows.squared_error;
    sum.imatrix_squared_error =
        sum.imatrix_squared_error.zip(rows.imatrix_squared_error).map(|(sum, more)| sum + more);
}

/// The types among `types` that a tensor with rows of `row` elements can have without an importance matrix, or with one.
/// Without, ggml refuses some types and llama.cpp's quantizer more.
pub fn allowed(types: &[GgmlType], tensor: &str, row: usize, has_weights: bool) -> Vec<GgmlType> {
    let needs_weights = |ggml_type| rows::needs_weights(ggml_type) || imatrix::is_needed(tensor, ggml_type);
    let fits = |ggml_type: &&GgmlType| {
        rows::bytes(**ggml_type, 1, row).is_ok() && (has_weights || !needs_weights(**ggml_type))
    };
    types.iter().filter(fits).copied().collect()
}

/// Refuses types that no tensor can have, before anything is computed.
///
/// # Errors
/// [`FimError::Type`].
pub fn check(types: &[GgmlType]) -> Result<(), FimError> {
    match types.iter().find(|ggml_type| !rows::is_written(**ggml_type)) {
        Some(&ggml_type) => Err(FimError::Type { ggml_type }),
        None => Ok(()),
    }
}

/// Rows that a thread quantizes at once.
const ROWS: usize = 16;

/// Prices `weights`, rows of the tensor that `score` is of, in each of `types`; `columns` are the importance matrix of the
/// quantizer.
///
/// # Errors
/// A type that the rows don't allow.
pub fn price(
    score: &TensorScore,
    weights: &[f32],
    fisher: &Fisher,
    columns: Option<&[f32]>,
    types: &[GgmlType],
) -> Result<Vec<Price>, FimError> {
    let inputs = Some(score.inputs.as_slice()).filter(|inputs| !inputs.is_empty());
    let of_type = |&ggml_type: &GgmlType| {
        let cols = fisher.by_sequence.cols;
        let stretch = ROWS * cols;
        let of_rows = |(index, weights): (usize, &[f32])| {
            let seen = index * stretch..index * stretch + weights.len();
            let by_sequence = &fisher.by_sequence.data[seen.clone()];
            let by_token = &fisher.by_token.data[seen];
            let rows = Rows { weights, cols, by_sequence, by_token, inputs, columns };
            rows.price(ggml_type)
        };
        let prices: Result<Vec<Price>, _> = weights.par_chunks(stretch).enumerate().map(of_rows).collect();
        let prices = prices.map_err(|source| FimError::Rows { name: score.name.clone(), source })?;
        // In order: the sum mustn't depend on which thread was first.
        Ok(prices.iter().fold(free(ggml_type, inputs), |mut sum, price| {
            add(&mut sum, price);
            sum
        }))
    };
    types.iter().map(of_type).collect()
}

fn free(ggml_type: GgmlType, inputs: Option<&[f64]>) -> Price {
    Price {
        ggml_type,
        bytes: 0,
        loss_by_sequence_nats: 0.0,
        loss_by_token_nats: 0.0,
        squared_error: 0.0,
        imatrix_squared_error: inputs.map(|_| 0.0),
    }
}

/// Some rows of a tensor.
struct Rows<'w> {
    weights: &'w [f32],
    cols: usize,
    by_sequence: &'w [f32],
    by_token: &'w [f32],
    inputs: Option<&'w [f64]>,
    columns: Option<&'w [f32]>,
}

impl Rows<'_> {
    fn price(&self, ggml_type: GgmlType) -> Result<Price, rows::RowError> {
        let bytes = rows::bytes(ggml_type, self.weights.len() / self.cols, self.cols)?;
        let mut blocks = vec![0; bytes.0 as usize];
        rows::quantize(ggml_type, self.weights, self.cols, self.columns, &mut blocks)?;
        let mut rounded = vec![0.0; self.weights.len()];
        rows::dequantize(ggml_type, &blocks, &mut rounded)?;
        let mut price = Price { bytes: bytes.0, ..free(ggml_type, self.inputs) };
        for (index, (rounded, weight)) in rounded.iter().zip(self.weights).enumerate() {
            let square = f64::from(rounded - weight).powi(2);
            price.loss_by_sequence_nats += 0.5 * square * f64::from(self.by_sequence[index]);
            price.loss_by_token_nats += 0.5 * square * f64::from(self.by_token[index]);
            price.squared_error += square;
            if let Some((sum, inputs)) = price.imatrix_squared_error.as_mut().zip(self.inputs) {
                *sum += square * inputs[index % self.cols];
            }
        }
        Ok(price)
    }
}
