//! A score, from the first embedding to the last price.
//!
//! ```text
//! forward    layer 0 … n      keeps each layer's inputs
//! loss       logits, labels   the gradient behind the last norm
//! backward   layer n … 0      runs the layer again, takes δ and x, prices, drops the layer and its inputs
//! vocabulary                  embeddings and output, in chunks of rows
//! ```

mod embeddings;
mod layers;
mod work;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use faer::Par;
pub use layers::mean_squares;
use packbench_core::quant::checkpoint::{Spent, State};
use packbench_core::record::Labels;
use work::Work;

use crate::block::Layer;
use crate::checkpoint::Checkpoint;
use crate::fisher::Fisher;
use crate::grid::on_grid;
use crate::loss::{LabelSource, Loss};
use crate::matrix::Matrix;
use crate::ops::{norm, norm_back};
use crate::price;
use crate::request::{Phase, Progress, Request, Scores};
use crate::source::{check_finite, is_quantized};
use crate::vocabulary::Vocabulary;
use crate::{FimError, Model};

/// Who watches a score, and may stop it.
pub struct Watch<'w> {
    /// Is told how far it is.
    pub progress: &'w mut dyn FnMut(Progress),
    /// Set to end it.
    pub cancel: &'w AtomicBool,
}

/// Scores `model`. With a checkpoint, what is done is kept: each layer, and every few seconds what there is of the
/// vocabulary. It is gone on with when it is there; whoever has the scores in safety removes it.
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
            let (spent, since) = (Spent::default(), Instant::now());
            pool.install(|| {
                let fisher = Fisher::default();
                Run {
                    model,
                    request,
                    checkpoint,
                    par,
                    cancel,
                    sent,
                    work,
                    done: 0.0,
                    spent,
                    since,
                    kept: since,
                    fisher,
                }
                .score()
            })
        });
        shown.iter().for_each(progress);
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

struct Run<'r, 'm, 'a> {
    model: &'m Model<'a>,
    request: &'r Request<'r>,
    checkpoint: Option<&'r Checkpoint>,
    par: Par,
    cancel: &'r AtomicBool,
    sent: std::sync::mpsc::Sender<Progress>,
    work: Work,
    done: f64,
    spent: Spent,
    since: Instant,
    /// When something was kept last.
    kept: Instant,
    /// Of the rows that are priced.
    fisher: Fisher,
}

impl<'m, 'a> Run<'_, 'm, 'a> {
    fn score(mut self) -> Result<Scores, FimError> {
        self.check()?;
        let vocabulary = self.model.vocabulary()?;
        let fits = |state: &State| self.fits(state);
        let kept = self.checkpoint.map(|checkpoint| checkpoint.load(fits)).transpose()?.flatten();
        let mut inputs = self.forward(&vocabulary)?;
        let last = inputs.pop().unwrap_or_default();
        let hidden = last.iter().map(|x| norm(x, &self.model.output_norm)).collect();
        let (losses, mut state) = match kept {
            Some(state) => {
                self.spent.gradients += state.spent.gradients;
                self.spent.pricing += state.spent.pricing;
                (self.known_losses(hidden, &state)?, state)
            }
            None => self.losses(&vocabulary, hidden, last)?,
        };
        inputs.truncate(state.layers_left as usize);
        while let Some(inputs) = inputs.pop() {
            let index = inputs_left(&mut state);
            self.back_through(index, inputs, &mut state)?;
            if index == 0 {
                vocabulary.back_to_rows(&mut state.deltas);
            }
            self.keep(&mut state)?;
        }
        self.embeddings(&vocabulary, &losses, &mut state)?;
        self.keep(&mut state)?;
        let tokens = state.labels.iter().map(|labels| labels.len() as u64).sum();
        Ok(Scores { tokens, nll: state.nll, tensors: state.tensors, spent: self.spent })
    }

    /// What would come out wrong is refused before anything is computed.
    fn check(&self) -> Result<(), FimError> {
        let request = self.request;
        price::check(request.types)?;
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

    fn keep(&mut self, state: &mut State) -> Result<(), FimError> {
        self.spent.gradients += lap(&mut self.since);
        state.spent = self.spent;
        self.kept = self.since;
        self.checkpoint.map_or(Ok(()), |checkpoint| checkpoint.save(state))
    }

    /// Whether what was kept is of this model and these sequences.
    fn fits(&self, state: &State) -> bool {
        let (shape, sequences) = (&self.model.shape, &self.request.sequences);
        let tokens = sequences.first().map_or(0, |sequence| sequence.tokens.len());
        state.fits(shape.layers, sequences.len(), tokens, shape.embedding)
    }

    /// The inputs of all layers, and what comes out of the last; of all sequences each.
    fn forward(&mut self, vocabulary: &Vocabulary<'_, '_>) -> Result<Vec<Vec<Matrix>>, FimError> {
        let embed = |sequence: &crate::request::Sequence| vocabulary.embed(&sequence.tokens);
        let first = self.request.sequences.iter().map(embed).collect::<Result<_, _>>()?;
        let mut inputs: Vec<Vec<Matrix>> = vec![first];
        for index in 0..self.model.shape.layers {
            let layer = self.layer(index, Phase::Forward)?;
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
        last: Vec<Matrix>,
    ) -> Result<(Vec<Loss>, State), FimError> {
        self.stop_if_asked()?;
        let request = self.request;
        let labels = request.sequences.iter().map(|sequence| match request.labels {
            Labels::Sampled => LabelSource::Sampled { seed: request.seed, sequence: sequence.number },
            Labels::Data => LabelSource::Data(&sequence.tokens),
        });
        let labels: Vec<_> = labels.collect();
        // Logits, and their gradient.
        let (work, par) = (2.0 * self.work.vocabulary, self.par);
        let mut passed = |share| self.advance(Phase::Loss, share * work);
        let losses = vocabulary.losses(hidden, &labels, par, &mut passed)?;
        let mut state = State { layers_left: self.model.shape.layers as u64, ..State::default() };
        let mut kept = Vec::new();
        for ((loss, delta), x) in losses.into_iter().zip(last) {
            state.nll += loss.nll;
            state.log_sums.push(loss.log_sums.clone());
            state.labels.push(loss.labels.clone());
            state.deltas.push(norm_back(&x, &self.model.output_norm, &delta).data);
            kept.push(loss);
        }
        Ok((kept, state))
    }

    /// The losses of a score that is gone on with.
    fn known_losses(&mut self, hidden: Vec<Matrix>, state: &State) -> Result<Vec<Loss>, FimError> {
        let layers_done = self.model.shape.layers as f64 - state.layers_left as f64;
        self.advance(Phase::Loss, 2.0 * self.work.vocabulary);
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

    /// The weights of a layer. Whoever watches may let go of what was read.
    fn layer(&mut self, index: usize, phase: Phase) -> Result<Layer, FimError> {
        let model = self.model;
        model.layer(index, &mut || self.advance(phase, 0.0))
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

/// How long ago `since` was, which is now.
fn lap(since: &mut Instant) -> Duration {
    let now = Instant::now();
    now - std::mem::replace(since, now)
}

/// The layer whose turn it is.
fn inputs_left(state: &mut State) -> usize {
    state.layers_left -= 1;
    state.layers_left as usize
}
