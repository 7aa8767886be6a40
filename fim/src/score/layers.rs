//! Back through a layer: its gradients, squared, and what each type of its matrices costs by them.

use std::ops::Range;
use std::sync::Arc;

use packbench_core::quant::checkpoint::{State, TensorScore};
use packbench_core::record::Price;
use strum::VariantArray;

use super::{Run, lap};
use crate::FimError;
use crate::block::Map;
use crate::fisher::{Fisher, Input, Output, Seen};
use crate::matrix::Matrix;
use crate::price;
use crate::request::{Columns, Phase};
use crate::source::check_finite;

/// Weights whose squares are in memory at once.
const WEIGHTS: usize = 1 << 20;

impl Run<'_, '_, '_> {
    pub(super) fn back_through(
        &mut self,
        index: usize,
        inputs: Vec<Matrix>,
        state: &mut State,
    ) -> Result<(), FimError> {
        let layer = self.layer(index, Phase::Backward)?;
        let mut seen: [Vec<(Matrix, Arc<Matrix>)>; Map::VARIANTS.len()] = Default::default();
        let sequences = inputs.len() as f64;
        let mut broken = None;
        for (x, delta) in inputs.into_iter().zip(&mut state.deltas) {
            self.stop_if_asked()?;
            let mut sink = |map: Map, delta: Matrix, input: &Arc<Matrix>| {
                let what = || format!("the gradient of {}", map.tensor(index));
                broken = broken.take().or_else(|| check_finite(&what(), &delta.data).err());
                seen[map as usize].push((delta, input.clone()));
            };
            let behind = Matrix { cols: x.cols, data: std::mem::take(delta) };
            *delta = layer.backward(&x, &behind, &mut sink, self.par).data;
            match broken.take() {
                Some(error) => return Err(error),
                None => check_finite(&format!("the gradient at the input of layer {index}"), delta)?,
            }
            self.advance(Phase::Backward, 2.0 * self.work.layer / sequences);
        }
        for (map, seen) in Map::VARIANTS.iter().zip(seen) {
            let (deltas, inputs): (Vec<Matrix>, Vec<Arc<Matrix>>) = seen.into_iter().unzip();
            let outputs: Vec<Output> = deltas.into_iter().map(Output::new).collect();
            let inputs: Vec<Input<'_>> = inputs.iter().map(|input| Input::new(input)).collect();
            let applied = outputs.iter().zip(&inputs).map(Some);
            let seen: Vec<Seen<'_>> = applied.map(|applied| Seen { applied, ..Seen::default() }).collect();
            let mut score = begun(map.tensor(index), &inputs);
            self.of_map(&mut score, layer.weight(*map), &seen)?;
            state.tensors.push(score);
        }
        Ok(())
    }

    /// Some rows at a time: sums of squares of all of them would be as large as the tensor, twice.
    fn of_map(
        &mut self,
        score: &mut TensorScore,
        weight: &Matrix,
        seen: &[Seen<'_>],
    ) -> Result<(), FimError> {
        let rows = (WEIGHTS / weight.cols).max(1);
        for (part, weights) in weight.data.chunks(rows * weight.cols).enumerate() {
            self.stop_if_asked()?;
            let first = part * rows;
            self.add_rows(score, &(first..first + weights.len() / weight.cols), weights, seen)?;
            self.advance(Phase::Backward, weights.len() as f64 * (2.0 + self.work.price));
        }
        Ok(())
    }

    /// Adds `rows` of a tensor, whose weights these are, to its score.
    pub(super) fn add_rows(
        &mut self,
        score: &mut TensorScore,
        rows: &Range<usize>,
        weights: &[f32],
        seen: &[Seen<'_>],
    ) -> Result<(), FimError> {
        let cols = weights.len() / rows.len();
        self.fisher.set(rows, cols, seen);
        add_squares(score, &self.fisher)?;
        let columns = self.columns(score);
        let types = price::allowed(self.request.types, &score.name, cols, columns.is_some());
        self.spent.gradients += lap(&mut self.since);
        let prices = price::price(score, weights, &self.fisher, columns.as_deref(), &types)?;
        self.spent.pricing += lap(&mut self.since);
        add_prices(score, &prices);
        Ok(())
    }

    fn columns(&self, score: &TensorScore) -> Option<Vec<f32>> {
        match self.request.columns {
            Columns::None => None,
            Columns::Given(weights) => weights.get(&score.name).cloned(),
            Columns::Activations => {
                Some(mean_squares(&score.inputs, self.tokens())).filter(|means| !means.is_empty())
            }
        }
    }

    fn tokens(&self) -> usize {
        self.request.sequences.iter().map(|sequence| sequence.tokens.len()).sum()
    }
}

/// The score of a tensor whose inputs these are, before any of its rows.
pub(super) fn begun(name: String, inputs: &[Input<'_>]) -> TensorScore {
    TensorScore { name, inputs: Input::sums(inputs), ..TensorScore::default() }
}

/// Sums of squares are finite where all of them are.
fn add_squares(score: &mut TensorScore, fisher: &Fisher) -> Result<(), FimError> {
    score.trace += fisher.trace;
    score.columns.resize(fisher.columns.len(), 0.0);
    score.columns.iter_mut().zip(&fisher.columns).for_each(|(sum, more)| *sum += more);
    match score.trace.is_finite() && score.columns.iter().all(|sum| sum.is_finite()) {
        true => Ok(()),
        false => Err(FimError::NotFinite { what: format!("the gradient of {}", score.name) }),
    }
}

fn add_prices(score: &mut TensorScore, prices: &[Price]) {
    match score.prices.is_empty() {
        true => score.prices = prices.to_vec(),
        false => score.prices.iter_mut().zip(prices).for_each(|(sum, more)| price::add(sum, more)),
    }
}

/// Σ x² ÷ tokens: what the quantizer is told of each column.
pub fn mean_squares(sums: &[f64], tokens: usize) -> Vec<f32> {
    sums.iter().map(|sum| (sum / tokens.max(1) as f64) as f32).collect()
}
