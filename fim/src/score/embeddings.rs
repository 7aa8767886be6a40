//! The tensors that tokens pass first and last.

use std::ops::Range;
use std::time::Duration;

use packbench_core::quant::checkpoint::State;

use super::Run;
use super::layers::begun;
use crate::FimError;
use crate::fisher::{Input, Output, Seen};
use crate::loss::Loss;
use crate::request::Phase;
use crate::vocabulary::{EMBEDDING, Vocabulary};

/// What is kept is as large as what a layer takes in, of all sequences.
const KEPT_EVERY: Duration = Duration::from_secs(10);

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
        for (place, name) in names.into_iter().enumerate() {
            let losses = if name == vocabulary.output() { losses } else { &[] };
            let inputs: Vec<Input<'_>> = losses.iter().map(|loss| Input::new(&loss.hidden)).collect();
            let products = if losses.is_empty() { 0.0 } else { 3.0 };
            for chunk in vocabulary.chunks() {
                let done = (place * vocabulary.tokens + chunk.end) as u64;
                if state.rows_done < done {
                    let stop = self.stop_if_asked();
                    if stop.is_err() || self.kept.elapsed() > KEPT_EVERY {
                        self.keep(state)?;
                    }
                    stop?;
                    if chunk.start == 0 {
                        state.tensors.push(begun(name.to_owned(), &inputs));
                    }
                    self.rows(vocabulary, name, &chunk, losses, &inputs, state)?;
                    state.rows_done = done;
                }
                let share = chunk.len() as f64 / vocabulary.tokens as f64;
                self.advance(Phase::Vocabulary, share * (products + self.work.price) * self.work.vocabulary);
            }
        }
        Ok(())
    }

    /// Adds the rows of a chunk to the last of what is done.
    fn rows(
        &mut self,
        vocabulary: &Vocabulary<'_, '_>,
        name: &str,
        chunk: &Range<usize>,
        losses: &[Loss],
        inputs: &[Input<'_>],
        state: &mut State,
    ) -> Result<(), FimError> {
        let score = state.tensors.last_mut().expect("begun with its first rows");
        let weight = vocabulary.rows(name, chunk.clone())?;
        let deltas = losses.iter().map(|loss| vocabulary.deltas(loss, chunk, &weight, self.par));
        let applied: Vec<Output> = deltas.map(Output::new).collect();
        let seen: Vec<Seen<'_>> = state
            .deltas
            .iter()
            .enumerate()
            .map(|(index, delta)| Seen {
                applied: applied.get(index).zip(inputs.get(index)),
                picked: if name == EMBEDDING { self.picked(index, chunk, delta) } else { Vec::new() },
            })
            .collect();
        self.add_rows(score, &(0..chunk.len()), &weight.data, &seen)
    }

    /// The rows of a chunk that a sequence picks, with the gradient at each.
    fn picked<'d>(&self, sequence: usize, chunk: &Range<usize>, delta: &'d [f32]) -> Vec<(usize, &'d [f32])> {
        let tokens = self.request.sequences[sequence].tokens.iter().map(|token| *token as usize);
        let gradients = delta.chunks_exact(self.model.shape.embedding);
        let rows = tokens.zip(gradients).filter(|(token, _)| chunk.contains(token));
        rows.map(|(token, gradient)| (token - chunk.start, gradient)).collect()
    }
}
