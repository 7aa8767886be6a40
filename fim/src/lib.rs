//! How much a model minds errors in its weights: squared gradients of its loss, and what rounding each tensor to each
//! quantization type would cost. Host only.
//!
//! ```text
//! Source ─ layer by layer ─► forward: inputs of all layers, logits, labels
//!                            backward: δ, x ─► Fisher ─► price ─► drop the layer
//! ```
//! Gradients are written by hand (docs/adr/0007-gradients-by-hand.md). At any time one layer is in memory as numbers,
//! with δ and x of its matrices, beside the inputs of all layers.

#![deny(unsafe_code)]

mod architecture;
mod block;
mod checkpoint;
mod dither;
pub mod dithered;
mod error;
mod fisher;
pub mod gradients;
mod grid;
mod loss;
mod matrix;
mod model;
mod ops;
mod price;
mod request;
mod score;
mod shape;
mod source;
mod text;
mod vocabulary;

pub use block::Map;
pub use checkpoint::Checkpoint;
pub use error::FimError;
pub use faer::Par;
pub use grid::on_grid;
pub use loss::LabelSource;
pub use matrix::{LARGE_MATRIX, Matrix};
pub use model::Model;
pub use request::{Columns, Phase, Progress, Request, Scores, Sequence};
pub use score::{Watch, mean_squares, score};
pub use source::{Source, is_quantized};
pub use text::Cut;
