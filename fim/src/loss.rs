//! The loss behind a vocabulary, and its gradient, in two passes over the chunks of rows: the first finds the logarithms
//! of the sums of exponentials and draws labels, the second takes the gradient.

use std::ops::Range;

use faer::Par;
use packbench_core::random::Random;
use rayon::prelude::*;

use crate::FimError;
use crate::dither::uniform;
use crate::matrix::Matrix;
use crate::ops::{exp, sum_of_exp};
use crate::vocabulary::Vocabulary;

/// Of one sequence, what tells the gradient at each logit.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Behind the last norm.
    pub hidden: Matrix,
    /// Of each token the logarithm of the sum of the exponentials of its logits.
    pub log_sums: Vec<f32>,
    /// What each token should be followed by; the last one of a text isn't followed by any.
    pub labels: Vec<u32>,
    /// Σ over labels of −log p, in nats.
    pub nll: f64,
}

/// Stands for a label that wasn't drawn yet: no vocabulary has so many tokens.
const UNDRAWN: u32 = u32::MAX;

/// Where labels come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSource<'t> {
    /// Drawn from what the model foretells.
    Sampled {
        /// Of the draws.
        seed: u64,
        /// The number of the sequence among all: each has draws of its own.
        sequence: u64,
    },
    /// The tokens of the text: each is followed by the next.
    Data(&'t [u32]),
}

impl Vocabulary<'_, '_> {
    /// The loss of each sequence, whose hidden states behind the last norm these are, and the gradient of the sum of its
    /// negative log likelihoods there. After each chunk `passed` is told how much of the vocabulary was passed again.
    ///
    /// # Errors
    /// Weights or logits that are no numbers.
    pub fn losses(
        &self,
        hidden: Vec<Matrix>,
        labels: &[LabelSource<'_>],
        par: Par,
        passed: &mut dyn FnMut(f64),
    ) -> Result<Vec<(Loss, Matrix)>, FimError> {
        let mut sums = vec![Vec::new(); hidden.len()];
        for chunk in self.chunks() {
            let weight = self.rows(self.output(), chunk)?;
            for (hidden, sums) in hidden.iter().zip(&mut sums) {
                sums.push(chunk_sums(&self.logits(hidden, &weight, par).0));
            }
            passed(weight.rows() as f64 / self.tokens as f64);
        }
        let mut losses = Vec::with_capacity(hidden.len());
        for ((hidden, sums), labels) in hidden.into_iter().zip(&sums).zip(labels) {
            losses.push(Begun::new(hidden, sums, *labels)?);
        }
        for (index, chunk) in self.chunks().enumerate() {
            let weight = self.rows(self.output(), chunk.clone())?;
            for begun in &mut losses {
                self.go_on(begun, index, &chunk, &weight, par);
            }
            passed(weight.rows() as f64 / self.tokens as f64);
        }
        Ok(losses.into_iter().map(|begun| (begun.loss, begun.back)).collect())
    }

    /// What a chunk adds: labels that lie in it, and its part of the gradient.
    fn go_on(&self, begun: &mut Begun, index: usize, chunk: &Range<usize>, weight: &Matrix, par: Par) {
        let (mut logits, slopes) = self.logits(&begun.loss.hidden, weight, par);
        for (token, &(in_chunk, draw)) in begun.draws.iter().enumerate() {
            if in_chunk == index {
                let row = nth(logits.row(token), draw);
                begun.loss.labels[token] = (chunk.start + row) as u32;
            }
        }
        for (token, &label) in begun.loss.labels.iter().enumerate() {
            if let Some(row) = within(chunk, label) {
                begun.loss.nll += f64::from(begun.loss.log_sums[token] - logits.row(token)[row]);
            }
        }
        to_gradient(&mut logits, slopes.as_ref(), &begun.loss, chunk);
        begun.back.add_product(&logits, weight, par);
    }

    /// The gradient at the logits of a chunk: what the model foretells less what should be.
    pub fn deltas(&self, loss: &Loss, chunk: &Range<usize>, weight: &Matrix, par: Par) -> Matrix {
        let (mut logits, slopes) = self.logits(&loss.hidden, weight, par);
        to_gradient(&mut logits, slopes.as_ref(), loss, chunk);
        logits
    }
}

/// A loss whose chunks have not all been seen.
struct Begun {
    loss: Loss,
    back: Matrix,
    /// Of each token the chunk in which its label lies, and where in it; none where labels aren't drawn.
    draws: Vec<(usize, Draw)>,
}

/// A place in a chunk: where the running sum of exp(logit − most) reaches `rest`.
#[derive(Clone, Copy, Default)]
struct Draw {
    most: f32,
    rest: f32,
}

impl Begun {
    /// `sums` are those of [`chunk_sums`], a chunk each.
    fn new(hidden: Matrix, sums: &[Vec<(f32, f32)>], labels: LabelSource<'_>) -> Result<Self, FimError> {
        let tokens = hidden.rows();
        let of_token = |token: usize| sums.iter().map(move |chunk| chunk[token]);
        let log_sums: Vec<f32> = (0..tokens).map(|token| log_sum(of_token(token))).collect();
        if log_sums.iter().any(|sum| !sum.is_finite()) {
            return Err(FimError::NotFinite { what: "what the model foretells".to_owned() });
        }
        let (labels, draws) = match labels {
            LabelSource::Data(text) => (text.iter().skip(1).copied().collect(), Vec::new()),
            LabelSource::Sampled { seed, sequence } => {
                let mut random = Random::derived(seed, sequence);
                let draw = |token| draw(of_token(token), log_sums[token], uniform(&mut random));
                (vec![UNDRAWN; tokens], (0..tokens).map(draw).collect())
            }
        };
        let back = Matrix::zeros(tokens, hidden.cols);
        Ok(Begun { loss: Loss { hidden, log_sums, labels, nll: 0.0 }, back, draws })
    }
}

/// Of each token the largest logit of a chunk, and Σ exp(logit − largest).
fn chunk_sums(logits: &Matrix) -> Vec<(f32, f32)> {
    let of_row = |row: &[f32]| {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        (most, sum_of_exp(row, most))
    };
    logits.data.par_chunks_exact(logits.cols).map(of_row).collect()
}

fn log_sum(chunks: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
    let most = chunks.clone().map(|(most, _)| most).fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = chunks.map(|(of_chunk, sum)| f64::from(sum) * f64::from(of_chunk - most).exp()).sum();
    most + sum.ln() as f32
}

/// The chunk in which the share `at` of all probability is reached, and where in it.
fn draw(chunks: impl Iterator<Item = (f32, f32)>, log_sum: f32, at: f32) -> (usize, Draw) {
    let mut left = f64::from(at);
    let mut last = (0, Draw::default());
    for (index, (most, sum)) in chunks.enumerate() {
        let unit = f64::from(most - log_sum).exp();
        let share = unit * f64::from(sum);
        last = (index, Draw { most, rest: (left / unit) as f32 });
        if left < share {
            break;
        }
        left -= share;
    }
    last
}

/// The first element at which the running sum is above the draw; the likeliest of the last when rounding loses it.
fn nth(logits: &[f32], draw: Draw) -> usize {
    let mut sum = 0.0;
    let reached = logits.iter().position(|logit| {
        sum += (logit - draw.most).exp();
        sum > draw.rest
    });
    reached.unwrap_or_else(|| logits.iter().rposition(|&logit| logit == draw.most).unwrap_or(0))
}

fn within(chunk: &Range<usize>, label: u32) -> Option<usize> {
    chunk.contains(&(label as usize)).then(|| label as usize - chunk.start)
}

/// ∂NLL/∂logit = p − [is the label], through the slope of a cap; zeros for a token without a label.
fn to_gradient(logits: &mut Matrix, slopes: Option<&Matrix>, loss: &Loss, chunk: &Range<usize>) {
    let cols = logits.cols;
    logits.data.par_chunks_exact_mut(cols).enumerate().for_each(|(token, row)| {
        let Some(&label) = loss.labels.get(token) else { return row.fill(0.0) };
        row.iter_mut().for_each(|logit| *logit = exp(*logit - loss.log_sums[token]));
        if let Some(label) = within(chunk, label) {
            row[label] -= 1.0;
        }
        if let Some(slopes) = slopes {
            row.iter_mut().zip(slopes.row(token)).for_each(|(delta, slope)| *delta *= slope);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two chunks of two tokens each, whose probabilities are 0.1, 0.2, 0.3 and 0.4.
    #[test]
    fn a_label_lies_where_the_draw_falls() {
        let logits = [[1.0f32, 2.0], [3.0, 4.0]].map(|row| row.map(|p| p.ln() + 7.0));
        let sums: Vec<(f32, f32)> =
            logits.iter().map(|row| chunk_sums(&Matrix { cols: 2, data: row.to_vec() })[0]).collect();
        let log_sum = log_sum(sums.iter().copied());
        assert!((log_sum - (10.0f32.ln() + 7.0)).abs() < 1e-5);
        let drawn = [0.0, 0.09, 0.11, 0.29, 0.31, 0.59, 0.61, 0.999].map(|at| {
            let (chunk, draw) = draw(sums.iter().copied(), log_sum, at);
            2 * chunk + nth(&logits[chunk], draw)
        });
        assert_eq!(drawn, [0, 0, 1, 1, 2, 2, 3, 3]);
        let (chunk, last) = draw(sums.iter().copied(), log_sum, 1.0);
        assert_eq!((chunk, nth(&logits[1], last)), (1, 1), "what rounding loses falls to the last chunk");
    }
}
