//! What a model file holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer of `packbench inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inspection {
    /// The format and its version.
    pub format: String,
    /// `general.architecture`.
    pub architecture: Option<String>,
    /// `general.name`.
    pub name: Option<String>,
    /// Which part of a split model this is; `null` for a whole one.
    pub part: Option<Part>,
    /// Whether the file holds a vocabulary and no tensors.
    pub vocabulary_only: bool,
    /// Of the whole file.
    pub file_bytes: u64,
    /// From the start of the file to the first tensor's data.
    pub header_bytes: u64,
    /// Of all tensors, without the gaps between them.
    pub tensor_bytes: u64,
    /// Tensors begin at multiples of this.
    pub alignment_bytes: u64,
    /// Per quantization type.
    pub by_type: Vec<Total>,
    /// Per group.
    pub by_group: Vec<Total>,
    /// Per layer.
    pub by_layer: Vec<Total>,
    /// In the order of the file.
    pub tensors: Vec<TensorFacts>,
}

/// A part of a model that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which one, from 1.
    pub number: u64,
    /// Of how many.
    pub of: u64,
}

/// A sum over tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Total {
    /// What they have in common.
    pub name: String,
    /// How many.
    pub tensors: u32,
    /// How many bytes.
    pub bytes: u64,
}

/// One tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TensorFacts {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub group: String,
    /// Its layer.
    pub layer: Option<u32>,
    /// How it is stored.
    #[serde(rename = "type")]
    pub ggml_type: String,
    /// Its dimensions, the length of a row first.
    pub shape: Vec<u64>,
    /// Where it begins in the file.
    pub offset_bytes: u64,
    /// How long it is.
    pub bytes: u64,
}
