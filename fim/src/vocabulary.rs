//! Embeddings, logits and the loss. A vocabulary is too wide for all its logits to be kept: it is gone through in chunks
//! of rows, and what a chunk needs of the others is one number a token, the logarithm of the sum of exponentials.

use std::ops::Range;

use faer::Par;

use crate::FimError;
use crate::matrix::Matrix;
use crate::shape::Shape;
use crate::source::Source;

/// Rows that are gone through at once. What is kept of a score counts on it: with another number, its magic is another.
const CHUNK: usize = 4096;

/// The matrix whose rows tokens are.
#[derive(Clone, Debug)]
pub struct Vocabulary<'s, 'a> {
    source: &'s Source<'a>,
    /// Tokens.
    pub tokens: usize,
    embedding: usize,
    scale: f32,
    cap: Option<f32>,
    tied: bool,
}

/// The embeddings' tensor.
pub const EMBEDDING: &str = "token_embd.weight";
/// The logits' tensor, where that is another one.
pub const OUTPUT: &str = "output.weight";

impl<'s, 'a> Vocabulary<'s, 'a> {
    /// The vocabulary of a model.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape.
    pub fn new(source: &'s Source<'a>, shape: &Shape) -> Result<Self, FimError> {
        let embedding = shape.embedding;
        let rows = source.tensor(EMBEDDING).and_then(|tensor| tensor.dims.as_slice().get(1).copied());
        let tokens = usize::try_from(rows.unwrap_or(1)).unwrap_or(usize::MAX);
        source.check(EMBEDDING, tokens, embedding)?;
        let tied = source.tensor(OUTPUT).is_none();
        if !tied {
            source.check(OUTPUT, tokens, embedding)?;
        }
        let (scale, cap) = (shape.embedding_scale(), shape.logit_cap);
        Ok(Vocabulary { source, tokens, embedding, scale, cap, tied })
    }

    /// Whether embeddings and logits share a tensor.
    pub fn is_tied(&self) -> bool {
        self.tied
    }

    /// What embeddings are multiplied by.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Makes gradients at embeddings those at the rows that were picked for them.
    pub fn back_to_rows(&self, deltas: &mut [Vec<f32>]) {
        deltas.iter_mut().flatten().for_each(|delta| *delta *= self.scale);
    }

    /// The tensor that logits are made with.
    pub fn output(&self) -> &'static str {
        if self.tied { EMBEDDING } else { OUTPUT }
    }

    /// The rows of each chunk, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let tokens = self.tokens;
        (0..tokens.div_ceil(CHUNK)).map(move |chunk| chunk * CHUNK..((chunk + 1) * CHUNK).min(tokens))
    }

    /// The embeddings of `tokens`, as the first layer takes them.
    ///
    /// # Errors
    /// A token that isn't in the vocabulary; weights that are no numbers.
    pub fn embed(&self, tokens: &[u32]) -> Result<Matrix, FimError> {
        let mut x = self.picked(EMBEDDING, tokens)?;
        x.data.iter_mut().for_each(|x| *x *= self.scale);
        Ok(x)
    }

    /// The row of each of `tokens` in the tensor `name`, as numbers.
    ///
    /// # Errors
    /// As of [`Self::embed`].
    pub fn picked(&self, name: &str, tokens: &[u32]) -> Result<Matrix, FimError> {
        let tensor = self.source.check(name, self.tokens, self.embedding)?;
        let mut picked = Matrix::zeros(tokens.len(), self.embedding);
        for (index, &token) in tokens.iter().enumerate() {
            let row = token as usize;
            if row >= self.tokens {
                let expected = "tokens of the model's vocabulary";
                return Err(FimError::Request { found: format!("token {token}"), expected });
            }
            picked.row_mut(index).copy_from_slice(&self.source.rows(tensor, row..row + 1)?.data);
        }
        Ok(picked)
    }

    /// The rows of a chunk of the tensor `name`, as numbers.
    ///
    /// # Errors
    /// Weights that are no numbers.
    pub fn rows(&self, name: &str, rows: Range<usize>) -> Result<Matrix, FimError> {
        self.source.rows(self.source.check(name, self.tokens, self.embedding)?, rows)
    }

    /// Logits, and the slopes of their cap if there is one.
    pub fn logits(&self, hidden: &Matrix, weight: &Matrix, par: Par) -> (Matrix, Option<Matrix>) {
        let mut logits = hidden.times_transposed(weight, par);
        let slopes = self.soften(&mut logits);
        (logits, slopes)
    }

    /// Puts logits under the cap, if there is one: x becomes c · tanh(x / c). Answers the slopes there.
    pub fn soften(&self, logits: &mut Matrix) -> Option<Matrix> {
        let cap = self.cap?;
        let mut slopes = Matrix::zeros(logits.rows(), logits.cols);
        for (x, slope) in logits.data.iter_mut().zip(&mut slopes.data) {
            let tanh = (*x / cap).tanh();
            (*x, *slope) = (cap * tanh, 1.0 - tanh * tanh);
        }
        Some(slopes)
    }

    /// All logits of a sequence, for tests and small vocabularies.
    ///
    /// # Errors
    /// Weights that are no numbers.
    pub fn all_logits(&self, hidden: &Matrix, par: Par) -> Result<Matrix, FimError> {
        let mut all = Matrix::zeros(hidden.rows(), self.tokens);
        for chunk in self.chunks() {
            let weight = self.rows(self.output(), chunk.clone())?;
            all.add_part(chunk.start, &self.logits(hidden, &weight, par).0);
        }
        Ok(all)
    }
}
