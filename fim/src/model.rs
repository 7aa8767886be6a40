//! A model whose gradients can be taken: weights, numbers, vocabulary.

use faer::Par;
use packbench_core::gguf::Gguf;
use packbench_core::layout::place;
use packbench_core::unit::Bytes;
use strum::VariantArray;

use crate::FimError;
use crate::block::{self, Layer, Map};
use crate::matrix::Matrix;
use crate::ops::{Norm, norm};
use crate::shape::Shape;
use crate::source::{Source, check_finite};
use crate::vocabulary::{EMBEDDING, OUTPUT, Vocabulary};

const OUTPUT_NORM: &str = "output_norm.weight";
const ROPE_FACTORS: &str = "rope_freqs.weight";

/// A model.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    /// Its weights.
    pub source: Source<'a>,
    /// Its numbers.
    pub shape: Shape,
    /// Behind the last layer.
    pub output_norm: Norm,
}

impl<'a> Model<'a> {
    /// The model of a file, with noise laid over quantized weights if there is a seed.
    ///
    /// # Errors
    /// What isn't known, missing or damaged.
    pub fn new(gguf: Gguf<'a>, dither_seed: Option<u64>) -> Result<Self, FimError> {
        let mut shape = Shape::read(&gguf)?;
        let source = Source::new(gguf, dither_seed)?;
        refuse_unknown(&source, &shape)?;
        shape.rope_factors = source.vector(ROPE_FACTORS, shape.pairs())?.unwrap_or_default();
        let weight = source.needed_vector(OUTPUT_NORM, shape.embedding)?;
        let output_norm = Norm { weight, epsilon: shape.epsilon };
        Ok(Model { source, shape, output_norm })
    }

    /// Its vocabulary.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape.
    pub fn vocabulary(&self) -> Result<Vocabulary<'_, 'a>, FimError> {
        Vocabulary::new(&self.source, &self.shape)
    }

    /// The weights of a layer; `passed` is called behind each matrix that was read.
    ///
    /// # Errors
    /// Tensors that are missing, of another shape, or no numbers.
    pub fn layer(&self, index: usize, passed: &mut dyn FnMut()) -> Result<Layer, FimError> {
        Layer::load(&self.source, &self.shape, index, passed)
    }

    /// The matrices of the largest layer, as numbers.
    pub fn largest_layer(&self) -> Bytes {
        let elements = |name: String| self.source.tensor(&name).map_or(0, |tensor| tensor.dims.elements());
        let of_layer = |layer| Map::VARIANTS.iter().map(|map| elements(map.tensor(layer))).sum::<u64>();
        Bytes(4 * (0..self.shape.layers).map(of_layer).max().unwrap_or(0))
    }

    /// The inputs of all layers for so many tokens.
    pub fn activations(&self, tokens: u64) -> Bytes {
        Bytes(4 * (self.shape.layers * self.shape.embedding) as u64 * tokens)
    }

    /// What comes out of the last layer, normed: one layer in memory at a time. The inputs of all layers are handed out.
    ///
    /// # Errors
    /// Weights or activations that are no numbers.
    pub fn hidden(&self, tokens: &[u32], par: Par) -> Result<Matrix, FimError> {
        let mut x = self.vocabulary()?.embed(tokens)?;
        for index in 0..self.shape.layers {
            x = self.layer(index, &mut || {})?.forward(&x, par);
            check_finite(&format!("the output of layer {index}"), &x.data)?;
        }
        Ok(norm(&x, &self.output_norm))
    }

    /// The logits after each of `tokens`.
    ///
    /// # Errors
    /// As of [`Self::hidden`].
    pub fn logits(&self, tokens: &[u32], par: Par) -> Result<Matrix, FimError> {
        self.vocabulary()?.all_logits(&self.hidden(tokens, par)?, par)
    }
}

/// A tensor that nobody reads here would be left out of forward and gradients.
fn refuse_unknown(source: &Source<'_>, shape: &Shape) -> Result<(), FimError> {
    let is_known = |name: &str| match place(name) {
        packbench_core::layout::Place { group, layer: Some(layer) } => {
            block::is_known(group) && (layer as usize) < shape.layers
        }
        _ => [EMBEDDING, OUTPUT, OUTPUT_NORM, ROPE_FACTORS].contains(&name),
    };
    match source.gguf.tensors.iter().find(|tensor| !is_known(tensor.name)) {
        Some(tensor) => Err(FimError::Unsupported { what: format!("tensor {:?}", tensor.name) }),
        None => Ok(()),
    }
}
