//! What a model reads for its first token, piece by piece, in order.

use std::collections::HashMap;

use super::forward::{Stage, Tables};
use super::{Experts, Layout, TensorExtent, place};
use crate::record::{WeightRead, WeightTrace};
use crate::unit::{ByteRange, Bytes};

/// A piece of a tensor that is read at one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which of the layout's tensors.
    pub tensor: usize,
    /// What of it, from its start.
    pub within: ByteRange,
}

/// Why a trace doesn't fit a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadsError {
    /// It names what isn't there.
    #[error("the trace reads {tensor:?}, and there is no such tensor: is it of another model?")]
    NoTensor {
        /// What it names.
        tensor: String,
    },
    /// It names rows or experts that aren't there.
    #[error("the trace reads part {part} of {tensor:?}, which has {parts}: is it of another model?")]
    NoPart {
        /// The tensor.
        tensor: String,
        /// The row or expert.
        part: u32,
        /// How many there are.
        parts: u64,
    },
}

/// Of these a prompt's tokens pick rows.
const PICKED: [&str; 4] = ["token_embedding", "position_embd", "token_types", "per_layer_token_embd"];

impl Layout {
    /// What is read for the first token, as a trace has it.
    ///
    /// # Errors
    /// When the trace is of another model.
    pub fn traced(&self, trace: &WeightTrace) -> Result<Vec<Read>, ReadsError> {
        let names = self.tensors.iter().enumerate().map(|(index, tensor)| (&*tensor.name, index));
        let by_name: HashMap<&str, usize> = names.collect();
        let mut reads = Vec::new();
        for read in &trace.reads {
            let missing = || ReadsError::NoTensor { tensor: read.tensor.clone() };
            let index = by_name.get(&*read.tensor).copied().ok_or_else(missing)?;
            for within in pieces(read, &self.tensors[index])? {
                reads.push(Read { tensor: index, within });
            }
        }
        Ok(reads)
    }

    /// What is read for the first token after a prompt of one token, as the names of the tensors let expect. Which row
    /// the token picks, and which experts, nobody knows: the first ones stand for them.
    pub fn derived(&self) -> Vec<Read> {
        let names: Vec<&str> = self.tensors.iter().map(|tensor| &*tensor.name).collect();
        let tables = Tables::of(self.architecture.as_deref(), &names);
        let order = tables.order(&names);
        let group = |index: usize| place(names[index]).group;
        let mut reads: Vec<Read> = Vec::new();
        for &index in &order {
            let Some(within) = expected(&self.tensors[index], group(index), self.experts) else { continue };
            reads.push(Read { tensor: index, within });
        }
        // without a matrix of its own, the output is computed by the embedding, all of it
        let of_output: Vec<&str> = order
            .iter()
            .map(|&index| names[index])
            .filter(|name| tables.stage(name) == Stage::Output)
            .collect();
        let tied = !of_output.is_empty() && !of_output.iter().any(|name| place(name).group == "output");
        let embedding = order.iter().copied().find(|&index| group(index) == "token_embedding");
        if let Some(embedding) = embedding.filter(|_| tied) {
            reads.push(Read { tensor: embedding, within: self.tensors[embedding].whole() });
        }
        reads
    }
}

/// What a read of a trace covers.
fn pieces(read: &WeightRead, tensor: &TensorExtent) -> Result<Vec<ByteRange>, ReadsError> {
    let Some(parts) = read.rows.as_ref().or(read.experts.as_ref()) else { return Ok(vec![tensor.whole()]) };
    let piece = |&part: &u32| {
        let missing = || ReadsError::NoPart { tensor: tensor.name.clone(), part, parts: tensor.parts() };
        tensor.part(part.into()).ok_or_else(missing)
    };
    parts.iter().map(piece).collect()
}

/// What one token reads of a tensor; `None` for experts that it doesn't take.
fn expected(tensor: &TensorExtent, group: &str, experts: Option<Experts>) -> Option<ByteRange> {
    if PICKED.contains(&group) {
        return tensor.part(0);
    }
    match experts.filter(|_| group.ends_with("_exps")) {
        None => Some(tensor.whole()),
        // a stack of all of the layer's experts
        Some(Experts { used, count }) if tensor.parts() == count && tensor.shape.len() > 2 => {
            let last = tensor.part(used - 1)?;
            Some(ByteRange::whole(Bytes(last.end().0)))
        }
        Some(Experts { used, .. }) => (expert(&tensor.name).unwrap_or(0) < used).then_some(tensor.whole()),
    }
}

/// Which expert a tensor belongs to by its name, where each has tensors of its own.
fn expert(name: &str) -> Option<u64> {
    let (_, behind) = name.split_once(".experts.")?;
    behind.split_once('.')?.0.parse().ok()
}
