//! Back through a layer: its gradients, squared, and what each type of its matrices costs by them.

use packbench_core::quant::checkpoint::{State, TensorScore};
use packbench_core::record::Price;
use strum::VariantArray;

use super::Run;
use crate::FimError;
use crate::block::{Layer, Map};
use crate::fisher::Fisher;
use crate::matrix::Matrix;
use crate::price;
use crate::request::{Columns, Phase};
use crate::source::check_finite;

impl Run<'_, '_, '_> {
    pub(super) fn back_through(
        &mut self,
        index: usize,
        inputs: &[Matrix],
        state: &mut State,
    ) -> Result<(), FimError> {
        let layer = self.model.layer(index)?;
        let of_map = |map: &Map| Fisher::new(layer.weight(*map).rows(), layer.weight(*map).cols);
        let mut fishers: Vec<Fisher> = Map::VARIANTS.iter().map(of_map).collect();
        let (mut room, par) = (Matrix::default(), self.par);
        for (x, delta) in inputs.iter().zip(&mut state.deltas) {
            self.stop_if_asked()?;
            let mut sink = |map: Map, delta: &Matrix, input: &Matrix| {
                fishers[map as usize].add(Some((delta, input)), std::iter::empty(), &mut room, par);
            };
            let behind = Matrix { cols: x.cols, data: std::mem::take(delta) };
            *delta = layer.backward(x, &behind, &mut sink, par).data;
            check_finite(&format!("the gradient at the input of layer {index}"), delta)?;
            self.advance(Phase::Backward, 4.0 * self.work.layer / inputs.len() as f64);
        }
        drop(room);
        self.price_layer(index, &layer, fishers, state)
    }

    fn price_layer(
        &mut self,
        index: usize,
        layer: &Layer,
        fishers: Vec<Fisher>,
        state: &mut State,
    ) -> Result<(), FimError> {
        for (map, fisher) in Map::VARIANTS.iter().zip(fishers) {
            self.stop_if_asked()?;
            let (name, inputs) = (map.tensor(index), fisher.inputs.clone());
            let mut score = TensorScore { name, inputs, ..TensorScore::default() };
            self.price_rows(&mut score, layer.weight(*map), &fisher)?;
            state.tensors.push(score);
        }
        self.advance(Phase::Backward, self.work.layer * self.work.price);
        Ok(())
    }

    /// Adds rows of a tensor to its score.
    pub(super) fn price_rows(
        &self,
        score: &mut TensorScore,
        weight: &Matrix,
        fisher: &Fisher,
    ) -> Result<(), FimError> {
        check_finite(&format!("the gradient of {}", score.name), &fisher.by_sequence.data)?;
        check_finite(&format!("the gradient of {}", score.name), &fisher.by_token.data)?;
        let columns = self.columns(score);
        let types = price::allowed(self.request.types, &score.name, weight.cols, columns.is_some());
        let prices = price::price(score, weight, fisher, columns.as_deref(), &types)?;
        take(score, fisher, &prices);
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

/// Adds what rows of a tensor came to.
fn take(score: &mut TensorScore, fisher: &Fisher, prices: &[Price]) {
    score.trace += fisher.trace();
    let columns = fisher.columns();
    score.columns.resize(columns.len(), 0.0);
    score.columns.iter_mut().zip(columns).for_each(|(sum, more)| *sum += more);
    match score.prices.is_empty() {
        true => score.prices = prices.to_vec(),
        false => score.prices.iter_mut().zip(prices).for_each(|(sum, more)| price::add(sum, more)),
    }
}

/// Σ x² ÷ tokens: what the quantizer is told of each column.
pub fn mean_squares(sums: &[f64], tokens: usize) -> Vec<f32> {
    sums.iter().map(|sum| (sum / tokens.max(1) as f64) as f32).collect()
}
