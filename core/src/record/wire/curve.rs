//! Loss against bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What bytes buy of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// `packbench.curve/1`.
    pub schema: String,
    /// The model's name.
    pub model: String,
    /// As [`super::Variant::payload_hash`].
    pub payload_hash: String,
    /// The least lossy plans, the smallest first.
    pub plans: Vec<CurvePoint>,
    /// What the engine's own recipes come to, those that it makes as the scores were made, and of which each tensor has a
    /// price.
    pub stock_mixes: Vec<CurvePoint>,
    /// The engine's recipes that it makes under an importance matrix only, where the scores are of none.
    #[serde(default)]
    pub imatrix_mixes: Vec<String>,
    /// The engine's other recipes: they hold types in which some tensor has no price.
    pub unpriced_mixes: Vec<String>,
}

/// A file that could be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Of a stock mix; `null` for a plan.
    pub name: Option<String>,
    /// The whole file.
    pub file_bytes: u64,
    /// The KL divergence that is foretold, in nats per token.
    pub predicted_kld_nats: f64,
}
