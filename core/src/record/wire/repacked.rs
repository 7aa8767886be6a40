//! What came of a repacking.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer of `packbench repack`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repacked {
    /// `packbench.repacked/1`.
    pub schema: String,
    /// The format and its version.
    pub format: String,
    /// The order of the tensors in the new file.
    pub order: String,
    /// What they begin at multiples of; `null` where the format has no alignment.
    pub alignment_bytes: Option<u64>,
    /// How many files the model lay in.
    pub files: u64,
    /// How many tensors it has.
    pub tensors: u64,
    /// Of all tensors, each of which was compared with what was copied.
    pub tensor_bytes: u64,
    /// Of the new file.
    pub file_bytes: u64,
    /// Whether header and padding are those of the file that it was to be like.
    pub restores: bool,
    /// From where the new file was read back to be compared.
    pub read_back: ReadBack,
}

/// From where a new file is read back, to be compared with what was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReadBack {
    /// From memory, as it was written.
    Memory,
    /// From memory, and once more from storage.
    Storage,
}
