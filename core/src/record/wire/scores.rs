//! `fim_scores.json`: how much a model minds errors in each of its tensors. The keys outside [`FimScores::packbench`]
//! are those of the published pipeline; what stands inside is packbench's own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::maps;
use super::{Imatrix, Labels, Tool};
use crate::gguf::GgmlType;

/// Scores of a model. A score is the mean over sequences of the sum over weights of (∂L/∂w)², L the mean negative
/// log likelihood of the sequence's tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FimScores {
    /// The model's name.
    pub model: String,
    /// Sequences that were taken.
    pub num_samples: u32,
    /// Tokens of a sequence.
    pub seq_length: u32,
    /// Of whatever was drawn.
    pub seed: u64,
    /// The score of each tensor, by name.
    #[serde(deserialize_with = "maps::unique")]
    pub by_tensor: BTreeMap<String, f64>,
    /// The mean over a group's tensors, by group.
    #[serde(deserialize_with = "maps::unique")]
    pub by_group: BTreeMap<String, f64>,
    /// (x − mean) / standard deviation over groups.
    #[serde(default, deserialize_with = "maps::unique")]
    pub by_group_zscore: BTreeMap<String, f64>,
    /// The share of groups whose score is not above it, in percent.
    #[serde(default, deserialize_with = "maps::unique")]
    pub by_group_percentile: BTreeMap<String, f64>,
    /// The score of a group in a layer, by `12.ffn_down`.
    #[serde(deserialize_with = "maps::unique")]
    pub by_layer_group: BTreeMap<String, f64>,
    /// As of groups, over all of them.
    #[serde(default, deserialize_with = "maps::unique")]
    pub by_layer_group_zscore: BTreeMap<String, f64>,
    /// As of groups, over all of them.
    #[serde(default, deserialize_with = "maps::unique")]
    pub by_layer_group_percentile: BTreeMap<String, f64>,
    /// What packbench knows beyond that; absent when the scores were made elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packbench: Option<Pricing>,
}

/// What each tensor would cost, in bytes and in loss, in each type that its rows allow. Sums over sequences and
/// tokens, so that parts that were made apart add up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pricing {
    /// `packbench.scores/1`.
    pub schema: String,
    /// What scored.
    pub tool: Tool,
    /// What was scored.
    pub model: PricedModel,
    /// The texts that the sequences were cut from, in order.
    pub texts: Vec<Text>,
    /// Where the labels of the loss come from.
    pub labels: Labels,
    /// Labels that the sums run over: tokens that were predicted.
    pub tokens: u64,
    /// Which part of the sequences this is.
    pub shards: Shards,
    /// The seed of the noise that was laid over the weights within the cells of their own type; `null` without.
    pub dither_seed: Option<u64>,
    /// What the quantizers were told of each column's weight.
    pub imatrix: Imatrix,
    /// All tensors of the file, in its order.
    pub tensors: Vec<TensorPrices>,
    /// What the engine's own recipes make of this file.
    pub stock_mixes: Vec<StockMix>,
    /// What making it took; absent in sums of parts, and in files of versions that didn't keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<ScoreCost>,
}

/// What it took to make scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreCost {
    /// Threads that computed.
    pub threads: u64,
    /// Forward, backward and squares; of a score that was stopped, what was done again as well.
    pub gradients_ns: u64,
    /// The quantization of all candidates, and their losses.
    pub pricing_ns: u64,
    /// The most memory that the process had, with the pages of files that it had mapped; `null` where the system
    /// doesn't tell.
    pub peak_memory_bytes: Option<u64>,
    /// The weights of the largest layer, in f32.
    pub largest_layer_bytes: u64,
    /// The inputs of all layers, in f32, of all sequences.
    pub activations_bytes: u64,
}

/// The model that was scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PricedModel {
    /// As [`super::Variant::payload_hash`].
    pub payload_hash: String,
    /// `general.architecture`.
    pub architecture: String,
    /// Of the file that was scored.
    pub file_bytes: u64,
    /// From the start of a file that the quantizer makes of it to the first tensor's data.
    pub header_bytes: u64,
    /// Tensors of such a file begin at multiples of this.
    pub alignment_bytes: u64,
}

/// A text, known by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// The file's own name.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// BLAKE3 of the bytes.
    pub hash: String,
}

/// Which parts of the sequences were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shards {
    /// How many parts there are.
    pub of: u32,
    /// Which of them are in, from 1, ascending.
    pub held: Vec<u32>,
}

/// A tensor and what it would cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TensorPrices {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub group: String,
    /// Its layer; `null` for tensors that belong to none.
    pub layer: Option<u32>,
    /// Its dimensions, the length of a row first.
    pub shape: Vec<u64>,
    /// How it is stored.
    #[serde(rename = "type")]
    pub ggml_type: GgmlType,
    /// How long it is.
    pub bytes: u64,
    /// Σ over sequences, Σ over weights of (∂(sum of NLL)/∂w)², in nats²; `null` where no gradient was taken.
    pub trace: Option<f64>,
    /// The types that it could have; empty for a tensor that is always kept as it is.
    pub candidates: Vec<Price>,
}

/// A tensor in one type. `Δ` is what the type's rounding changes in a weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// The type.
    #[serde(rename = "type")]
    pub ggml_type: GgmlType,
    /// How long the tensor is then.
    pub bytes: u64,
    /// ½ Σ F·Δ², F = Σ over sequences of (∂(sum of NLL)/∂w)². Divided by the tokens it is nats per token.
    pub loss_by_sequence_nats: f64,
    /// The same with F = Σ over tokens of δ²·x²: gradient at the output of the matrix, input of the matrix.
    pub loss_by_token_nats: f64,
    /// Σ Δ².
    pub squared_error: f64,
    /// Σ over tokens of Σ x²·Δ², x the input of the matrix; `null` where no input was seen.
    pub imatrix_squared_error: Option<f64>,
}

/// A recipe of the engine's for a whole file, such as `Q4_K_M`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockMix {
    /// The engine's name for it.
    pub name: String,
    /// The type that it gives each tensor, by name.
    #[serde(deserialize_with = "maps::unique")]
    pub types: BTreeMap<String, GgmlType>,
}
