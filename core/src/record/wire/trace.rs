//! In which order an engine reads the weights of a model: a JSON file of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The weights in the order in which an engine first reads them for one prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeightTrace {
    /// `packbench.trace/1`.
    pub schema: String,
    /// The model that was traced, as [`super::Variant::payload_hash`]; `null` when nobody asked.
    pub payload_hash: Option<String>,
    /// The engine and its version.
    pub engine: String,
    /// The prompt: the rows of the token embedding and the experts depend on it.
    pub prompt_tokens: Vec<u32>,
    /// What is read, in order. A tensor that was read in part comes again when more of it is read.
    pub reads: Vec<WeightRead>,
}

/// A tensor, or a part of it, read for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeightRead {
    /// The tensor's name.
    pub tensor: String,
    /// What it is for.
    pub group: String,
    /// Its layer; `null` for tensors that belong to none.
    pub layer: Option<u32>,
    /// The engine's name for the operation that reads it.
    pub operation: String,
    /// How many bytes it reads that were not read before.
    pub bytes: u64,
    /// The rows that are read and were not before; `null` when whole rows aren't picked.
    pub rows: Option<Vec<u32>>,
    /// The experts that are read and were not before; `null` when experts aren't picked.
    pub experts: Option<Vec<u32>>,
}
