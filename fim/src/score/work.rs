//! How long a score takes, before it is made.

use strum::VariantArray;

use crate::Model;
use crate::block::Map;
use crate::request::Request;
use crate::vocabulary::{EMBEDDING, OUTPUT};

/// How much there is to do: products of weights and tokens.
pub(super) struct Work {
    pub layer: f64,
    /// Of one of the tensors that are as wide as the vocabulary.
    pub vocabulary: f64,
    /// Of a weight in all types, in tokens.
    pub price: f64,
    pub total: f64,
}

impl Work {
    pub fn new(model: &Model<'_>, request: &Request<'_>) -> Self {
        let tokens: usize = request.sequences.iter().map(|sequence| sequence.tokens.len()).sum();
        let weights =
            |name: &str| model.source.tensor(name).map_or(0, |tensor| tensor.dims.elements()) as f64;
        let layer: f64 = Map::VARIANTS.iter().map(|map| weights(&map.tensor(0))).sum();
        let (layers, vocabulary) = (model.shape.layers as f64, weights(EMBEDDING));
        // A type takes as long as some thousand tokens.
        let price = request.types.len() as f64 * 1200.0 / tokens.max(1) as f64;
        let wide = if weights(OUTPUT) == 0.0 { 1.0 } else { 2.0 };
        let total = layers * layer * (5.0 + price) + vocabulary * (5.0 + wide * price);
        Work { layer, vocabulary, price, total }
    }
}
