//! `quant_plan.json`: which type each tensor of a model gets. The keys outside [`QuantPlan::packbench`] are those of the
//! published pipeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::Imatrix;
use crate::gguf::GgmlType;

/// A plan for the quantizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuantPlan {
    /// The stock mix that the quantizer starts from, such as `Q3_K_M`.
    pub base_quant: String,
    /// The most precise type among the overrides.
    #[serde(serialize_with = "lower_case")]
    pub upgrade_quant: GgmlType,
    /// Where the plan departs from the base. The first that fits a tensor counts.
    pub overrides: Vec<Override>,
    /// Counts.
    pub stats: PlanStats,
    /// What packbench knows beyond that; absent when the plan was made elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packbench: Option<Planning>,
}

/// Tensors that get one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// Their group, or for tensors outside layers the beginning of their name as a regular expression: `^output\.`.
    pub pattern: String,
    /// Their layers; `null` for all, and for tensors outside layers.
    pub layers: Option<Vec<u32>>,
    /// The type.
    #[serde(serialize_with = "lower_case")]
    pub qtype: GgmlType,
}

/// What the published plan counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStats {
    /// Layers of the model.
    pub total_layers: u32,
    /// Layers in which some tensor has the type `upgrade_quant`.
    pub upgraded_layer_count: u32,
    /// The share of the `ffn_` tensors that have it, in percent.
    pub ffn_top_pct: f64,
    /// The share of the `attn_` tensors that have it, in percent.
    pub attn_top_pct: f64,
}

/// How the plan came about, what it foretells, and each tensor by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planning {
    /// `packbench.plan/1`.
    pub schema: String,
    /// The model that it is for, as [`super::Variant::payload_hash`]; `null` when the scores don't say.
    pub payload_hash: Option<String>,
    /// The strategy, as it was asked for.
    pub strategy: String,
    /// The types among which it could choose.
    pub types: Vec<GgmlType>,
    /// What the file may cost; `null` for a strategy that was given no budget.
    pub budget: Option<PlanBudget>,
    /// What the quantizer must be told of each column's weight, for the prediction to hold.
    pub imatrix: Imatrix,
    /// The noise that must be laid over the weights beforehand, for the same reason.
    pub dither_seed: Option<u64>,
    /// The whole file: header, tensors and what aligns them; `null` when no shapes are known.
    pub file_bytes: Option<u64>,
    /// The KL divergence from the model that was scored, in nats per token; `null` when not every tensor has a price.
    pub predicted_kld_nats: Option<f64>,
    /// No plan within the budget is foretold a smaller one; `null` when nobody proved a bound.
    pub kld_bound_nats: Option<f64>,
    /// What a further MiB would be worth, in nats per token; `null` when nobody asked.
    pub nats_per_mib: Option<f64>,
    /// The matrices, in the order of the file: those whose type was chosen, and those that keep theirs.
    pub tensors: Vec<PlannedTensor>,
    /// How it differs from the stock mix that the budget names, or the one that is nearest in bytes; those that the engine
    /// makes under an importance matrix only are left out where the scores are of none.
    pub against: Option<Against>,
}

/// What was asked, and what that comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanBudget {
    /// As it was asked for: `same-as:Q3_K_M`.
    pub asked: String,
    /// The most bytes that the file may have.
    pub bytes: u64,
}

/// A tensor and its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedTensor {
    /// Its name.
    pub name: String,
    /// The type that it gets.
    #[serde(rename = "type")]
    pub ggml_type: GgmlType,
    /// How long it is then; `null` when its shape isn't known.
    pub bytes: Option<u64>,
    /// What it adds to the KL divergence, in nats per token; `null` when it has no price.
    pub kld_nats: Option<f64>,
}

/// A plan beside a stock mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// The mix.
    pub stock_mix: String,
    /// Of its file.
    pub file_bytes: u64,
    /// Its KL divergence as foretold in the same way; `null` when not every tensor has a price in the mix's type.
    pub predicted_kld_nats: Option<f64>,
    /// Tensors that the plan gives more bytes, the one that gains most first.
    pub raised: Vec<TypeChange>,
    /// Tensors that the plan gives fewer bytes, the one that saves most first.
    pub lowered: Vec<TypeChange>,
    /// Tensors that it gives another type of the same bytes, the one that gains most first.
    #[serde(default)]
    pub exchanged: Vec<TypeChange>,
    /// Layers in which both give a group more than the least that they give it anywhere.
    pub agreed: Vec<AgreedLayers>,
}

/// A tensor whose type differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TypeChange {
    /// Its name.
    pub name: String,
    /// In the mix.
    pub from: GgmlType,
    /// In the plan.
    pub to: GgmlType,
    /// Plan − mix.
    pub bytes: i64,
    /// Plan − mix, in nats per token; `null` when one of them has no price.
    pub kld_nats: Option<f64>,
}

/// A group and layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgreedLayers {
    /// The group.
    pub group: String,
    /// The layers.
    pub layers: Vec<u32>,
}

/// The published files spell types as the quantizer's command line does: `q6_k`. Types are read in either case.
fn lower_case<S: Serializer>(ggml_type: &GgmlType, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&ggml_type.to_string().to_ascii_lowercase())
}
