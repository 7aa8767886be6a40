//! The tensors that tokens pass first and last.

use std::ops::Range;

use packbench_core::quant::checkpoint::State;

use super::Run;
use super::layers::begun;
use crate::FimError;
use crate::fisher::{Input, Output, Seen};
use crate::loss::Loss;
use crate::matrix::Matrix;
use crate::request::Phase;
use crate::vocabulary::{EMBEDDING, Vocabulary};

impl Run<'_, '_, '_> {
    /// The tensors that rows are picked of and that logits are made with, one or two.
    pub(super) fn embeddings(
        &mut self,
        vocabulary: &Vocabulary<'_, '_>,
        losses: &[Loss],
        state: &mut State,
    ) -> Result<(), FimError> {
        let mut names = vec![EMBEDDING];
        names.extend((!vocabulary.is_tied()).then(|| vocabulary.output()));
        let deltas = std::mem::take(&mut state.deltas);
        let picked: Vec<Matrix> = deltas
            .iter()
            .map(|delta| scaled(delta, self.model.shape.embedding, vocabulary.scale()))
            .collect();
        drop(deltas);
        for name in names {
            let losses = if name == vocabulary.output() { losses } else { &[] };
            let inputs: Vec<Input<'_>> = losses.iter().map(|loss| Input::new(&loss.hidden)).collect();
            let mut score = begun(name.to_owned(), &inputs);
            let picked = if name == EMBEDDING { picked.as_slice() } else { &[] };
            for chunk in vocabulary.chunks() {
                self.stop_if_asked()?;
                let weight = vocabulary.rows(name, chunk.clone())?;
                let deltas = losses.iter().map(|loss| vocabulary.deltas(loss, &chunk, &weight, self.par));
                let applied: Vec<Output> = deltas.map(Output::new).collect();
                let seen: Vec<Seen<'_>> = (0..self.request.sequences.len())
                    .map(|index| Seen {
                        applied: applied.get(index).zip(inputs.get(index)),
                        picked: picked
                            .get(index)
                            .map(|delta| self.picked(index, &chunk, delta))
                            .unwrap_or_default(),
                    })
                    .collect();
                self.add_rows(&mut score, &(0..chunk.len()), &weight.data, &seen)?;
                let products = if losses.is_empty() { 0.0 } else { 3.0 };
                let share = chunk.len() as f64 / vocabulary.tokens as f64;
                self.advance(Phase::Vocabulary, share * (products + self.work.price) * self.work.vocabulary);
            }
            state.tensors.push(score);
        }
        Ok(())
    }

    /// The rows of a chunk that a sequence picks, with the gradient at each.
    fn picked<'d>(
        &self,
        sequence: usize,
        chunk: &Range<usize>,
        delta: &'d Matrix,
    ) -> Vec<(usize, &'d [f32])> {
        let tokens = self.request.sequences[sequence].tokens.iter().map(|token| *token as usize);
        let rows = tokens.enumerate().filter(|(_, token)| chunk.contains(token));
        rows.map(|(position, token)| (token - chunk.start, delta.row(position))).collect()
    }
}

fn scaled(data: &[f32], cols: usize, by: f32) -> Matrix {
    Matrix { cols, data: data.iter().map(|x| x * by).collect() }
}
