//! What is asked of a score, and what is answered.

use packbench_core::gguf::GgmlType;
use packbench_core::quant::ColumnWeights;
use packbench_core::quant::checkpoint::{Spent, TensorScore};
use packbench_core::record::Labels;

/// What to score a model on.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// The sequences, all of one length.
    pub sequences: Vec<Sequence>,
    /// Where labels come from.
    pub labels: Labels,
    /// Of the draws.
    pub seed: u64,
    /// The types to price.
    pub types: &'r [GgmlType],
    /// What the quantizers are told of the columns.
    pub columns: Columns<'r>,
    /// Threads that compute.
    pub threads: usize,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Its number among all, in whichever shard it is: labels are drawn by it.
    pub number: u64,
    /// Its tokens.
    pub tokens: Vec<u32>,
}

/// What a quantizer is told of the columns.
#[derive(Clone, Copy, Debug)]
pub enum Columns<'r> {
    /// Nothing.
    None,
    /// The mean squares of the inputs that these very sequences come to.
    Activations,
    /// Weights of tensors, by their names.
    Given(&'r ColumnWeights),
}

/// What a score came to. Sums over sequences and tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Labels.
    pub tokens: u64,
    /// Σ of their −log p, in nats.
    pub nll: f64,
    /// The matrices, in the order in which their gradients were taken.
    pub tensors: Vec<TensorScore>,
    /// What it took.
    pub spent: Spent,
}

/// How far a score is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// The share of all work that is done.
    pub done: f64,
}

/// What a score is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Phase {
    /// From layer to layer.
    Forward,
    /// Logits and labels.
    Loss,
    /// Back from layer to layer.
    Backward,
    /// Embeddings and output.
    Vocabulary,
}
