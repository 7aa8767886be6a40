//! The tensors that tokens pass first and last.

use packbench_core::quant::checkpoint::{State, TensorScore};

use super::Run;
use crate::FimError;
use crate::fisher::Fisher;
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
        for name in names {
            let mut score = TensorScore { name: name.to_owned(), ..TensorScore::default() };
            let is_output = name == vocabulary.output();
            for chunk in vocabulary.chunks() {
                self.stop_if_asked()?;
                let weight = vocabulary.rows(name, chunk.clone())?;
                let picked = (name == EMBEDDING).then_some(state.deltas.as_slice());
                let fisher =
                    self.chunk_fisher(vocabulary, &chunk, &weight, is_output.then_some(losses), picked);
                if is_output {
                    score.inputs.clone_from(&fisher.inputs);
                }
                self.price_rows(&mut score, &weight, &fisher)?;
                let share = chunk.len() as f64 / vocabulary.tokens as f64;
                self.advance(Phase::Vocabulary, share * (3.0 + self.work.price) * self.work.vocabulary);
            }
            state.tensors.push(score);
        }
        Ok(())
    }

    fn chunk_fisher(
        &self,
        vocabulary: &Vocabulary<'_, '_>,
        chunk: &std::ops::Range<usize>,
        weight: &Matrix,
        losses: Option<&[Loss]>,
        picked: Option<&[Vec<f32>]>,
    ) -> Fisher {
        let mut fisher = Fisher::new(weight.rows(), weight.cols);
        let mut room = Matrix::default();
        for (index, sequence) in self.request.sequences.iter().enumerate() {
            let applied = losses.map(|losses| {
                let loss = &losses[index];
                (vocabulary.deltas(loss, chunk, weight, self.par), &loss.hidden)
            });
            let picked = picked.map(|deltas| scaled(&deltas[index], weight.cols, vocabulary.scale()));
            let rows = picked.iter().flat_map(|delta| {
                let tokens = sequence.tokens.iter().enumerate();
                let here = tokens.filter(|(_, token)| chunk.contains(&(**token as usize)));
                here.map(|(position, token)| (*token as usize - chunk.start, delta.row(position)))
            });
            let applied = applied.as_ref().map(|(delta, hidden)| (delta, *hidden));
            fisher.add(applied, rows, &mut room, self.par);
        }
        fisher
    }
}

fn scaled(data: &[f32], cols: usize, by: f32) -> Matrix {
    Matrix { cols, data: data.iter().map(|x| x * by).collect() }
}
