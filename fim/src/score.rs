//! A score, from the first embedding to the last price.
//!
//! ```text
//! forward    layer 0 … n      keeps each layer's inputs
//! loss       logits, labels   the gradient behind the last norm
//! backward   layer n … 0      runs the layer again, takes δ and x, prices, drops the layer and its inputs
//! vocabulary                  embeddings and output, in chunks of rows
//! ```

use std::sync::atomic::{AtomicBool, Ordering};

use faer::Par;
use packbench_core::gguf::{GgmlType, Tensor};
use packbench_core::record::Labels;
use strum::VariantArray;

use crate::block::{Layer, Map};
use crate::checkpoint::{Checkpoint, State};
use crate::fisher::Fisher;
use crate::matrix::Matrix;
use crate::ops::{norm, norm_back};
use crate::price::{self, Price};
use crate::request::{Columns, Phase, Progress, Request, Scores, TensorScore};
use crate::source::{check_finite, is_quantized};
use crate::vocabulary::{EMBEDDING, LabelSource, Loss, Vocabulary};
use crate::{FimError, Model};

/// Who watches a score, and may stop it.
pub struct Watch<'w> {
    /// Is told how far it is.
    pub progress: &'w mut dyn FnMut(Progress),
    /// Set to end it.
    pub cancel: &'w AtomicBool,
}

/// Scores `model`. With a checkpoint, what is done is kept from layer to layer, and gone on with when it is there.
///
/// # Errors
/// What isn't computed here, weights on the grid of a type, numbers that aren't any; [`FimError::Cancelled`].
pub fn score(
    model: &Model<'_>,
    request: &Request<'_>,
    checkpoint: Option<&Checkpoint>,
    watch: &mut Watch<'_>,
) -> Result<Scores, FimError> {
    let threads = request.threads.max(1);
    let refused =
        |_| FimError::Request { found: format!("{threads} threads"), expected: "as many as can be started" };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(refused)?;
    let par = if threads == 1 { Par::Seq } else { Par::rayon(threads) };
    let (progress, cancel) = (&mut *watch.progress, watch.cancel);
    let (sent, shown) = std::sync::mpsc::channel();
    // Whoever watches needn't be of another thread: the pool computes, this thread shows.
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let work = Work::new(model, request);
            pool.install(|| Run { model, request, par, cancel, sent, work, done: 0.0 }.score(checkpoint))
        });
        shown.iter().for_each(progress);
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How much there is to do: products of weights and tokens.
struct Work {
    layer: f64,
    vocabulary: f64,
    /// Of a weight in all types, in tokens.
    price: f64,
    total: f64,
}

impl Work {
    fn new(model: &Model<'_>, request: &Request<'_>) -> Self {
        let tokens: usize = request.sequences.iter().map(|sequence| sequence.tokens.len()).sum();
        let weights =
            |name: &str| model.source.tensor(name).map_or(0, |tensor| tensor.dims.elements()) as f64;
        let layer: f64 = Map::VARIANTS.iter().map(|map| weights(&map.tensor(0))).sum();
        let (layers, vocabulary) = (model.shape.layers as f64, weights(EMBEDDING));
        // A type takes as long as some thousand tokens.
        let price = request.types.len() as f64 * 2000.0 / tokens.max(1) as f64;
        let total = layers * layer * (5.0 + price) + vocabulary * (6.0 + price);
        Work { layer, vocabulary, price, total }
    }
}

struct Run<'r, 'm, 'a> {
    model: &'m Model<'a>,
    request: &'r Request<'r>,
    par: Par,
    cancel: &'r AtomicBool,
    sent: std::sync::mpsc::Sender<Progress>,
    work: Work,
    done: f64,
}

impl<'m, 'a> Run<'_, 'm, 'a> {
    fn score(mut self, checkpoint: Option<&Checkpoint>) -> Result<Scores, FimError> {
        self.check()?;
        let vocabulary = self.model.vocabulary()?;
        let kept = checkpoint.map(Checkpoint::load).transpose()?.flatten();
        let mut inputs = self.forward(&vocabulary)?;
        let last = inputs.pop().unwrap_or_default();
        let hidden = last.iter().map(|x| norm(x, &self.model.output_norm)).collect();
        let (losses, mut state) = match kept {
            Some(state) => (self.known_losses(hidden, &state)?, state),
            None => self.losses(&vocabulary, hidden, &last)?,
        };
        inputs.truncate(state.layers_left as usize);
        while let Some(inputs) = inputs.pop() {
            let index = inputs_left(&mut state);
            self.back_through(index, &inputs, &mut state)?;
            checkpoint.map(|checkpoint| checkpoint.save(&state)).transpose()?;
        }
        self.embeddings(&vocabulary, &losses, &mut state)?;
        checkpoint.inspect(|checkpoint| checkpoint.remove());
        let tokens = state.labels.iter().map(|labels| labels.len() as u64).sum();
        Ok(Scores { tokens, nll: state.nll, tensors: state.tensors })
    }

    /// What would come out wrong is refused before anything is computed.
    fn check(&self) -> Result<(), FimError> {
        let request = self.request;
        let len = request.sequences.first().map_or(0, |sequence| sequence.tokens.len());
        if len < 2 || request.sequences.iter().any(|sequence| sequence.tokens.len() != len) {
            let found = format!("{} sequences, the first of {len} tokens", request.sequences.len());
            return Err(FimError::Request {
                found,
                expected: "some, all of one length of at least 2 tokens",
            });
        }
        if self.model.source.dither_seed().is_some() {
            return Ok(());
        }
        let priced = self.model.source.gguf.tensors.iter().filter(|tensor| tensor.dims.as_slice().len() == 2);
        match priced.filter(|tensor| is_quantized(tensor)).find_map(|tensor| on_grid(tensor, request.types)) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// The inputs of all layers, and what comes out of the last; of all sequences each.
    fn forward(&mut self, vocabulary: &Vocabulary<'_, '_>) -> Result<Vec<Vec<Matrix>>, FimError> {
        let embed = |sequence: &crate::request::Sequence| vocabulary.embed(&sequence.tokens);
        let first = self.request.sequences.iter().map(embed).collect::<Result<_, _>>()?;
        let mut inputs: Vec<Vec<Matrix>> = vec![first];
        for index in 0..self.model.shape.layers {
            let layer = self.model.layer(index)?;
            let mut outputs = Vec::new();
            for x in &inputs[index] {
                self.stop_if_asked()?;
                outputs.push(layer.forward(x, self.par));
                self.advance(Phase::Forward, self.work.layer / self.request.sequences.len() as f64);
            }
            for output in &outputs {
                check_finite(&format!("the output of layer {index}"), &output.data)?;
            }
            inputs.push(outputs);
        }
        Ok(inputs)
    }

    fn losses(
        &mut self,
        vocabulary: &Vocabulary<'_, '_>,
        hidden: Vec<Matrix>,
        last: &[Matrix],
    ) -> Result<(Vec<Loss>, State), FimError> {
        self.stop_if_asked()?;
        let request = self.request;
        let labels = request.sequences.iter().map(|sequence| match request.labels {
            Labels::Sampled => LabelSource::Sampled { seed: request.seed, sequence: sequence.number },
            Labels::Data => LabelSource::Data(&sequence.tokens),
        });
        let labels: Vec<_> = labels.collect();
        let losses = vocabulary.losses(hidden, &labels, self.par)?;
        self.advance(Phase::Loss, 3.0 * self.work.vocabulary);
        let mut state = State { layers_left: self.model.shape.layers as u64, ..State::default() };
        let mut kept = Vec::new();
        for ((loss, delta), x) in losses.into_iter().zip(last) {
            state.nll += loss.nll;
            state.log_sums.push(loss.log_sums.clone());
            state.labels.push(loss.labels.clone());
            state.deltas.push(norm_back(x, &self.model.output_norm, &delta));
            kept.push(loss);
        }
        Ok((kept, state))
    }

    /// The losses of a score that is gone on with.
    fn known_losses(&mut self, hidden: Vec<Matrix>, state: &State) -> Result<Vec<Loss>, FimError> {
        let layers_done = self.model.shape.layers as f64 - state.layers_left as f64;
        self.advance(Phase::Loss, 3.0 * self.work.vocabulary);
        self.advance(Phase::Backward, layers_done * self.work.layer * (4.0 + self.work.price));
        let known = state.log_sums.iter().zip(&state.labels);
        let loss = |(hidden, (log_sums, labels)): (Matrix, (&Vec<f32>, &Vec<u32>))| Loss {
            hidden,
            log_sums: log_sums.clone(),
            labels: labels.clone(),
            nll: 0.0,
        };
        Ok(hidden.into_iter().zip(known).map(loss).collect())
    }

    fn back_through(&mut self, index: usize, inputs: &[Matrix], state: &mut State) -> Result<(), FimError> {
        let layer = self.model.layer(index)?;
        let of_map = |map: &Map| Fisher::new(layer.weight(*map).rows(), layer.weight(*map).cols);
        let mut fishers: Vec<Fisher> = Map::VARIANTS.iter().map(of_map).collect();
        let (mut room, par) = (Matrix::default(), self.par);
        for (x, delta) in inputs.iter().zip(&mut state.deltas) {
            self.stop_if_asked()?;
            let mut sink = |map: Map, delta: &Matrix, input: &Matrix| {
                fishers[map as usize].add(Some((delta, input)), std::iter::empty(), &mut room, par);
            };
            *delta = layer.backward(x, delta, &mut sink, par);
            check_finite(&format!("the gradient at the input of layer {index}"), &delta.data)?;
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
            let mut score = TensorScore::of(map.tensor(index));
            score.inputs.clone_from(&fisher.inputs);
            self.price_rows(&mut score, layer.weight(*map), &fisher)?;
            state.tensors.push(score);
        }
        self.advance(Phase::Backward, self.work.layer * self.work.price);
        Ok(())
    }

    /// The tensors that rows are picked of and that logits are made with, one or two.
    fn embeddings(
        &mut self,
        vocabulary: &Vocabulary<'_, '_>,
        losses: &[Loss],
        state: &mut State,
    ) -> Result<(), FimError> {
        let mut names = vec![EMBEDDING];
        names.extend((!vocabulary.is_tied()).then(|| vocabulary.output()));
        for name in names {
            let mut score = TensorScore::of(name.to_owned());
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
        picked: Option<&[Matrix]>,
    ) -> Fisher {
        let mut fisher = Fisher::new(weight.rows(), weight.cols);
        let mut room = Matrix::default();
        for (index, sequence) in self.request.sequences.iter().enumerate() {
            let applied = losses.map(|losses| {
                let loss = &losses[index];
                (vocabulary.deltas(loss, chunk, weight, self.par), &loss.hidden)
            });
            let picked = picked.map(|deltas| scaled(&deltas[index], vocabulary.scale()));
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

    /// Adds rows of a tensor to its score.
    fn price_rows(&self, score: &mut TensorScore, weight: &Matrix, fisher: &Fisher) -> Result<(), FimError> {
        check_finite(&format!("the gradient of {}", score.name), &fisher.by_sequence.data)?;
        check_finite(&format!("the gradient of {}", score.name), &fisher.by_token.data)?;
        let columns = self.columns(score);
        let types = price::allowed(self.request.types, weight.cols, columns.is_some());
        let prices = price::price(&score.name, weight, fisher, columns.as_deref(), &types)?;
        score.take(fisher, &prices);
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

    fn stop_if_asked(&self) -> Result<(), FimError> {
        if self.cancel.load(Ordering::Relaxed) { Err(FimError::Cancelled) } else { Ok(()) }
    }

    fn advance(&mut self, phase: Phase, work: f64) {
        self.done += work;
        // Nobody may be watching any more.
        let _ = self.sent.send(Progress { phase, done: (self.done / self.work.total).min(1.0) });
    }
}

impl TensorScore {
    fn of(name: String) -> Self {
        TensorScore { name, trace: 0.0, inputs: Vec::new(), columns: Vec::new(), prices: Vec::new() }
    }

    fn take(&mut self, fisher: &Fisher, prices: &[Price]) {
        self.trace += fisher.trace();
        let columns = fisher.columns();
        self.columns.resize(columns.len(), 0.0);
        self.columns.iter_mut().zip(columns).for_each(|(sum, more)| *sum += more);
        match self.prices.is_empty() {
            true => self.prices = prices.to_vec(),
            false => self.prices.iter_mut().zip(prices).for_each(|(sum, price)| sum.add(price)),
        }
    }
}

/// Σ x² ÷ tokens: what the quantizer is told of each column.
pub fn mean_squares(sums: &[f64], tokens: usize) -> Vec<f32> {
    sums.iter().map(|sum| (sum / tokens.max(1) as f64) as f32).collect()
}

/// The layer whose turn it is.
fn inputs_left(state: &mut State) -> usize {
    state.layers_left -= 1;
    state.layers_left as usize
}

fn scaled(x: &Matrix, by: f32) -> Matrix {
    Matrix { cols: x.cols, data: x.data.iter().map(|x| x * by).collect() }
}

/// Refuses the types whose grid is as fine as that of the tensor, or finer: its weights would lie on it, or near it.
pub fn on_grid(tensor: &Tensor<'_>, types: &[GgmlType]) -> Option<FimError> {
    let bits = |kind: GgmlType| kind.block_bytes().0 as f64 / kind.block_elements() as f64;
    let row = tensor.dims.row() as usize;
    let fine =
        price::allowed(types, row, true).into_iter().filter(|kind| bits(*kind) >= bits(tensor.ggml_type));
    let types: Vec<GgmlType> = fine.filter(|kind| kind.block_elements() > 1).collect();
    (!types.is_empty()).then(|| FimError::OnGrid {
        name: tensor.name.to_owned(),
        found: tensor.ggml_type,
        types,
    })
}
