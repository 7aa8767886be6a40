//! `eval_results.json`: how far quantized models are from the model they were made of. The keys outside
//! [`Evaluation::packbench`] are those of the published pipeline.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::maps;
use super::{Text, Tool};

/// Models measured on one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// The name of the result that the others are held against.
    pub baseline: String,
    /// The text's own name; several are joined by `+`.
    pub test_file: String,
    /// Tokens of a chunk.
    pub ctx_size: u32,
    /// By the model's name.
    #[serde(deserialize_with = "maps::unique")]
    pub results: BTreeMap<String, EvaluationResult>,
    /// What packbench knows beyond that; absent when it was measured elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packbench: Option<Evaluated>,
}

/// The published columns. Differences are candidate − baseline; `null` or absent for the baseline itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluationResult {
    /// The file's own name.
    pub path: String,
    /// The file's bytes ÷ 2²⁰.
    pub size_mb: f64,
    /// Perplexity.
    pub ppl: f64,
    /// Its standard error.
    pub ppl_stderr: Option<f64>,
    /// In perplexity.
    #[serde(default)]
    pub delta_ppl: Option<f64>,
    /// In percent.
    #[serde(default)]
    pub pct_ppl_change: Option<f64>,
    /// In bytes ÷ 2²⁰.
    #[serde(default)]
    pub size_delta_mb: Option<f64>,
    /// In percent.
    #[serde(default)]
    pub size_pct_change: Option<f64>,
}

/// What was measured, chunk by chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluated {
    /// `packbench.evaluation/1`.
    pub schema: String,
    /// What measured.
    pub tool: Tool,
    /// The model that the others are held against, as [`super::Variant::payload_hash`].
    pub reference_payload_hash: String,
    /// The texts that the chunks were cut from.
    pub texts: Vec<Text>,
    /// How many chunks.
    pub chunks: u32,
    /// Tokens of each chunk that were predicted.
    pub tokens_per_chunk: u32,
    /// Of the bootstrap.
    pub seed: u64,
    /// One for each model, in the order in which they were named.
    pub models: Vec<EvaluatedModel>,
}

/// A model held against the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatedModel {
    /// As in the results.
    pub name: String,
    /// As [`super::Variant::payload_hash`].
    pub payload_hash: String,
    /// Of the whole file.
    pub file_bytes: u64,
    /// Of a weight, the whole file counted; `null` when nobody said.
    #[serde(default)]
    pub bits_per_weight: Option<f64>,
    /// BLAKE3 of the plan that it was made by; `null` when no plan is known.
    pub plan_hash: Option<String>,
    /// What the plan foretold, in nats per token.
    pub predicted_kld_nats: Option<f64>,
    /// Mean over tokens of the KL divergence of the reference's next token from the model's, in nats.
    pub kld_nats: f64,
    /// Where the mean lies, `[low, high]`: 95 %, by a bootstrap over chunks.
    pub kld_interval_nats: (f64, f64),
    /// `[percent, nats]`: so many percent of the tokens have a KL divergence that is not above it.
    pub kld_percentiles: Vec<(f64, f64)>,
    /// The share of tokens for which both models think the same next token likeliest.
    pub top1_agreement: f64,
    /// Per chunk: the mean KL divergence. What was paired with another model is made from these.
    pub kld_by_chunk_nats: Vec<f64>,
    /// Per chunk: the mean negative log likelihood of the text.
    pub nll_by_chunk_nats: Vec<f64>,
    /// The difference to the baseline in mean KL divergence on the same chunks; `null` for the baseline.
    pub against_baseline: Option<KldDifference>,
}

/// Candidate − baseline on the same chunks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KldDifference {
    /// Mean over chunks, in nats per token.
    pub nats: f64,
    /// Where it lies, `[low, high]`: 95 %, by a bootstrap over chunks.
    pub interval_nats: (f64, f64),
}
