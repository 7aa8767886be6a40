//! What a tensor costs in each type, by the very quantizers that make the file.

use packbench_core::gguf::GgmlType;
use packbench_engine::rows;
use rayon::prelude::*;

use crate::FimError;
use crate::fisher::Fisher;
use crate::matrix::Matrix;

/// A tensor in one type; Δ is what rounding changes in a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// The type.
    pub ggml_type: GgmlType,
    /// Exactly how long the tensor is then.
    pub bytes: u64,
    /// ½ Σ F·Δ², F by sequence.
    pub loss_by_sequence: f64,
    /// ½ Σ F·Δ², F by token.
    pub loss_by_token: f64,
    /// Σ Δ².
    pub squared_error: f64,
    /// Σ over tokens of Σ x²·Δ².
    pub input_squared_error: f64,
}

impl Price {
    /// Rows that are priced apart add up: types are chosen for whole tensors, and a row's blocks are its own.
    pub fn add(&mut self, other: &Price) {
        self.bytes += other.bytes;
        self.loss_by_sequence += other.loss_by_sequence;
        self.loss_by_token += other.loss_by_token;
        self.squared_error += other.squared_error;
        self.input_squared_error += other.input_squared_error;
    }
}

/// The types among `types` that rows of `row` elements can have without an importance matrix, or with one.
pub fn allowed(types: &[GgmlType], row: usize, has_weights: bool) -> Vec<GgmlType> {
    let fits = |ggml_type: &&GgmlType| {
        rows::bytes(**ggml_type, 1, row).is_ok() && (has_weights || !rows::needs_weights(**ggml_type))
    };
    types.iter().filter(fits).copied().collect()
}

/// Rows that a thread quantizes at once.
const ROWS: usize = 16;

/// Prices `weight`, rows of the tensor `name`, in each of `types`; `columns` are the importance matrix of the quantizer.
///
/// # Errors
/// A type that the rows don't allow.
pub fn price(
    name: &str,
    weight: &Matrix,
    fisher: &Fisher,
    columns: Option<&[f32]>,
    types: &[GgmlType],
) -> Result<Vec<Price>, FimError> {
    let of_type = |&ggml_type: &GgmlType| {
        let stretch = ROWS * weight.cols;
        let of_rows = |(index, weights): (usize, &[f32])| {
            let seen = index * stretch..index * stretch + weights.len();
            let by_sequence = &fisher.by_sequence.data[seen.clone()];
            let by_token = &fisher.by_token.data[seen];
            let rows = Rows { weights, by_sequence, by_token, inputs: &fisher.inputs, columns };
            rows.price(ggml_type)
        };
        let prices: Result<Vec<Price>, _> =
            weight.data.par_chunks(stretch).enumerate().map(of_rows).collect();
        let prices = prices.map_err(|source| FimError::Rows { name: name.to_owned(), source })?;
        // In order: the sum mustn't depend on which thread was first.
        Ok(prices.iter().fold(free(ggml_type), |mut sum, price| {
            sum.add(price);
            sum
        }))
    };
    types.iter().map(of_type).collect()
}

fn free(ggml_type: GgmlType) -> Price {
    Price {
        ggml_type,
        bytes: 0,
        loss_by_sequence: 0.0,
        loss_by_token: 0.0,
        squared_error: 0.0,
        input_squared_error: 0.0,
    }
}

/// Some rows of a tensor.
struct Rows<'w> {
    weights: &'w [f32],
    by_sequence: &'w [f32],
    by_token: &'w [f32],
    inputs: &'w [f64],
    columns: Option<&'w [f32]>,
}

impl Rows<'_> {
    fn price(&self, ggml_type: GgmlType) -> Result<Price, rows::RowError> {
        let cols = self.inputs.len();
        let bytes = rows::bytes(ggml_type, self.weights.len() / cols, cols)?;
        let mut blocks = vec![0; bytes.0 as usize];
        rows::quantize(ggml_type, self.weights, cols, self.columns, &mut blocks)?;
        let mut rounded = vec![0.0; self.weights.len()];
        rows::dequantize(ggml_type, &blocks, &mut rounded)?;
        let mut price = Price { bytes: bytes.0, ..free(ggml_type) };
        for (index, (rounded, weight)) in rounded.iter().zip(self.weights).enumerate() {
            let square = f64::from(rounded - weight).powi(2);
            price.loss_by_sequence += 0.5 * square * f64::from(self.by_sequence[index]);
            price.loss_by_token += 0.5 * square * f64::from(self.by_token[index]);
            price.squared_error += square;
            price.input_squared_error += square * self.inputs[index % cols];
        }
        Ok(price)
    }
}
