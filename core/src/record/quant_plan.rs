//! A quantization plan read back.

use super::json::{self, JsonError};
use super::{Against, Planning, QuantPlan};

/// The schema of [`Planning`] that this version writes and reads.
pub const PLAN_SCHEMA: &str = "packbench.plan/1";

impl QuantPlan {
    /// Reads a plan of packbench's own or of the published form alone.
    ///
    /// # Errors
    /// What is no such file; negative losses, tensors that come twice, a hash that is none.
    pub fn read(bytes: &[u8]) -> Result<QuantPlan, JsonError> {
        let plan: QuantPlan = json::read(bytes, "quant_plan.json")?;
        json::not_negative(|| "stats.ffn_top_pct".to_owned(), plan.stats.ffn_top_pct)?;
        json::not_negative(|| "stats.attn_top_pct".to_owned(), plan.stats.attn_top_pct)?;
        plan.packbench.as_ref().map_or(Ok(()), Planning::check)?;
        Ok(plan)
    }
}

impl Planning {
    /// Whether the plan was made for the model of that payload hash.
    ///
    /// # Errors
    /// When it was made for another one.
    pub fn check_model(&self, payload_hash: &str) -> Result<(), JsonError> {
        match &self.payload_hash {
            Some(found) if found != payload_hash => {
                let expected = format!("{payload_hash}, this model's: make a plan from its own scores");
                Err(json::value("payload_hash of the plan", found, expected))
            }
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), JsonError> {
        json::schema(&self.schema, PLAN_SCHEMA)?;
        self.payload_hash.iter().try_for_each(|found| json::hash("payload_hash", found))?;
        json::none_repeated("tensor", self.tensors.iter().map(|tensor| tensor.name.as_str()))?;
        let losses = self.tensors.iter().filter_map(|tensor| Some((tensor.name.as_str(), tensor.kld_nats?)));
        let whole = self.predicted_kld_nats.into_iter().chain(self.kld_bound_nats).chain(self.nats_per_mib);
        for (name, nats) in whole.map(|nats| ("the whole file", nats)).chain(losses) {
            json::not_negative(|| format!("the loss of {name}"), nats)?;
        }
        self.against.as_ref().map_or(Ok(()), Against::check)
    }
}

impl Against {
    fn check(&self) -> Result<(), JsonError> {
        let changed = || self.raised.iter().chain(&self.lowered).chain(&self.exchanged);
        json::none_repeated("a changed tensor", changed().map(|change| change.name.as_str()))?;
        let place = || format!("the loss of {}", self.stock_mix);
        self.predicted_kld_nats.map_or(Ok(()), |nats| json::not_negative(place, nats))
    }
}
