//! The loss behind a vocabulary, and its gradient, in one pass over the chunks of rows: sums of exponentials and what they
//! weigh are kept beside the largest logit so far, and shrink when a larger one comes (Milakov and Gimelshein, "Online
//! normalizer calculation for softmax"). Labels are drawn on the way, too: each chunk takes a label over by its share of
//! the sum so far.

use std::ops::Range;

use faer::Par;
use packbench_core::random::Random;
use rayon::prelude::*;

use crate::FimError;
use crate::dither::uniform;
use crate::matrix::Matrix;
use crate::ops::{dot, exp, sum, wide};
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
        let mut sequences: Vec<Begun> =
            hidden.into_iter().zip(labels).map(|(hidden, labels)| Begun::new(hidden, *labels)).collect();
        for chunk in self.chunks() {
            let weight = self.rows(self.output(), chunk.clone())?;
            for begun in &mut sequences {
                let (logits, slopes) = self.logits(&begun.hidden, &weight, par);
                let weighed = begun.weigh(chunk.start, logits, slopes.as_ref());
                begun.back.add_product(weighed.all(), weight.all(), par);
            }
            passed(weight.rows() as f64 / self.tokens as f64);
        }
        sequences.into_iter().map(|begun| self.end(begun)).collect()
    }

    /// What the weighed sums come to, less what the labels are.
    fn end(&self, Begun { hidden, tokens, labels, mut back, .. }: Begun) -> Result<(Loss, Matrix), FimError> {
        let log_sums: Vec<f32> = tokens.iter().map(|token| token.most + token.sum.ln() as f32).collect();
        if log_sums.iter().any(|sum| !sum.is_finite()) {
            return Err(FimError::NotFinite { what: "what the model foretells".to_owned() });
        }
        let labels = labels.unwrap_or_else(|| tokens.iter().map(|token| token.drawn).collect());
        let weight = self.picked(self.output(), &labels)?;
        let logit = |token: usize| dot(hidden.row(token), weight.row(token));
        let mut logits = Matrix { cols: 1, data: (0..labels.len()).map(logit).collect() };
        let slopes = self.soften(&mut logits);
        let mut nll = 0.0;
        for (token, sums) in tokens.iter().enumerate() {
            let back = back.row_mut(token);
            let Some(logit) = logits.data.get(token) else {
                back.fill(0.0);
                continue;
            };
            nll += f64::from(log_sums[token] - logit);
            let (unit, slope) =
                (sums.sum.recip() as f32, slopes.as_ref().map_or(1.0, |slopes| slopes.data[token]));
            back.iter_mut()
                .zip(weight.row(token))
                .for_each(|(back, label)| *back = *back * unit - slope * label);
        }
        Ok((Loss { hidden, log_sums, labels, nll }, back))
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
    hidden: Matrix,
    /// Those of the text; none when they are drawn.
    labels: Option<Vec<u32>>,
    random: Option<Random>,
    tokens: Vec<Sums>,
    /// Σ exp(logit − most) · the slope of a cap · the row of `weight`, of each token.
    back: Matrix,
}

/// What is known of a token's logits so far.
#[derive(Clone, Copy)]
struct Sums {
    most: f32,
    /// Σ exp(logit − most).
    sum: f64,
    drawn: u32,
}

impl Begun {
    fn new(hidden: Matrix, labels: LabelSource<'_>) -> Self {
        let (labels, random) = match labels {
            LabelSource::Data(text) => (Some(text.iter().skip(1).copied().collect()), None),
            LabelSource::Sampled { seed, sequence } => (None, Some(Random::derived(seed, sequence))),
        };
        let tokens = vec![Sums { most: f32::NEG_INFINITY, sum: 0.0, drawn: 0 }; hidden.rows()];
        let back = Matrix::zeros(hidden.rows(), hidden.cols);
        Begun { hidden, labels, random, tokens, back }
    }

    /// Takes in the logits of the chunk that begins with the token `first`; answers what each of its rows weighs in the
    /// gradient, in the unit that [`Begun::back`] has from now on.
    fn weigh(&mut self, first: usize, mut logits: Matrix, slopes: Option<&Matrix>) -> Matrix {
        let draws: Vec<f32> =
            self.random.iter_mut().flat_map(|random| self.tokens.iter().map(|_| uniform(random))).collect();
        let rows = logits.data.par_chunks_exact_mut(logits.cols).zip(&mut self.tokens);
        let rows = rows.zip(self.back.data.par_chunks_exact_mut(self.back.cols)).enumerate();
        rows.for_each(|(token, ((row, sums), back))| {
            wide(|| {
                let shrink = sums.take(first, row, draws.get(token).copied());
                back.iter_mut().for_each(|back| *back *= shrink);
                if let Some(slopes) = slopes {
                    row.iter_mut().zip(slopes.row(token)).for_each(|(weight, slope)| *weight *= slope);
                }
            });
        });
        logits
    }
}

impl Sums {
    /// Makes exp(logit − most) of logits and adds them; answers what sums so far were multiplied by. With a draw, uniform
    /// below 1, the label is one of these by their share of all so far.
    #[inline(always)]
    fn take(&mut self, first: usize, row: &mut [f32], draw: Option<f32>) -> f32 {
        let most = row.iter().copied().fold(self.most, f32::max);
        row.iter_mut().for_each(|logit| *logit = exp(*logit - most));
        let shrink = exp(self.most - most);
        let share = sum(row);
        let is_alone = self.sum == 0.0;
        self.most = most;
        self.sum = self.sum * f64::from(shrink) + f64::from(share);
        if let Some(rest) = draw.map(|draw| draw * self.sum as f32).filter(|rest| is_alone || *rest < share) {
            self.drawn = (first + nth(row, rest)) as u32;
        }
        shrink
    }
}

/// The first element at which the running sum is above `rest`; the largest when rounding loses it.
fn nth(row: &[f32], rest: f32) -> usize {
    let mut sum = 0.0;
    let reached = row.iter().position(|share| {
        sum += share;
        sum > rest
    });
    let largest = || (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
    reached.unwrap_or_else(largest)
}

fn within(chunk: &Range<usize>, label: u32) -> Option<usize> {
    chunk.contains(&(label as usize)).then(|| label as usize - chunk.start)
}

/// ∂NLL/∂logit = p − [is the label], through the slope of a cap; zeros for a token without a label.
fn to_gradient(logits: &mut Matrix, slopes: Option<&Matrix>, loss: &Loss, chunk: &Range<usize>) {
    let cols = logits.cols;
    logits.data.par_chunks_exact_mut(cols).enumerate().for_each(|(token, row)| {
        let Some(&label) = loss.labels.get(token) else { return row.fill(0.0) };
        let log_sum = loss.log_sums[token];
        wide(|| row.iter_mut().for_each(|logit| *logit = exp(*logit - log_sum)));
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
    fn a_label_is_drawn_as_often_as_it_is_foretold() {
        const DRAWS: usize = 20_000;
        let chunks = [[0.1f32, 0.2], [0.3, 0.4]].map(|chunk| chunk.map(|p| p.ln() + 7.0));
        let hidden = Matrix::zeros(DRAWS, 1);
        let mut begun = Begun::new(hidden, LabelSource::Sampled { seed: 1, sequence: 0 });
        for (index, chunk) in chunks.iter().enumerate() {
            let logits = Matrix { cols: 2, data: chunk.repeat(DRAWS) };
            begun.weigh(2 * index, logits, None);
        }
        for (token, expected) in [0.1, 0.2, 0.3, 0.4].into_iter().enumerate() {
            let drawn = begun.tokens.iter().filter(|sums| sums.drawn as usize == token).count();
            let off = drawn as f64 / DRAWS as f64 - expected;
            assert!(off.abs() < 0.02, "{token} is drawn {drawn} times of {DRAWS}");
        }
        let Sums { most, sum, .. } = begun.tokens[0];
        assert!((f64::from(most) + sum.ln() - 7.0).abs() < 1e-5);
    }

    #[test]
    fn what_rounding_loses_falls_to_the_likeliest() {
        assert_eq!([0.05, 0.25, 0.95, 1.5].map(|rest| nth(&[0.1, 0.5, 0.3], rest)), [0, 1, 1, 1]);
    }
}
