//! An evaluation read back.

use super::json::{self, JsonError};
use super::{Evaluated, EvaluatedModel, Evaluation};

/// The schema of [`Evaluated`] that this version writes and reads.
pub const EVALUATION_SCHEMA: &str = "packbench.evaluation/1";

/// How far below 0 the divergence of a model from itself may come out: its logits are of single precision.
const ROUNDING: f64 = 1e-6;

impl Evaluation {
    /// Reads an evaluation of packbench's own or of the published form alone.
    ///
    /// # Errors
    /// What is no such file; perplexities and divergences below what they can be, names that come twice or that no
    /// result has, chunks that were not all measured.
    pub fn read(bytes: &[u8]) -> Result<Evaluation, JsonError> {
        let evaluation: Evaluation = json::read(bytes, "eval_results.json")?;
        if !evaluation.results.contains_key(&evaluation.baseline) {
            let names: Vec<&str> = evaluation.results.keys().map(String::as_str).collect();
            let expected = format!("one of the results: {}", names.join(", "));
            return Err(json::value("baseline", format!("{:?}", evaluation.baseline), expected));
        }
        for (name, result) in &evaluation.results {
            json::not_negative(|| format!("ppl of {name:?}"), result.ppl)?;
            json::not_negative(|| format!("size_mb of {name:?}"), result.size_mb)?;
        }
        evaluation.packbench.as_ref().map_or(Ok(()), |own| own.check(&evaluation))?;
        Ok(evaluation)
    }
}

impl Evaluated {
    fn check(&self, evaluation: &Evaluation) -> Result<(), JsonError> {
        json::schema(&self.schema, EVALUATION_SCHEMA)?;
        json::hash("reference_payload_hash", &self.reference_payload_hash)?;
        self.texts.iter().try_for_each(|text| json::hash("hash of a text", &text.hash))?;
        json::at_least_one("chunks", self.chunks.into())?;
        json::at_least_one("tokens_per_chunk", self.tokens_per_chunk.into())?;
        json::none_repeated("model", self.models.iter().map(|model| model.name.as_str()))?;
        self.models.iter().try_for_each(|model| model.check(self.chunks, evaluation))
    }
}

impl EvaluatedModel {
    fn check(&self, chunks: u32, evaluation: &Evaluation) -> Result<(), JsonError> {
        if !evaluation.results.contains_key(&self.name) {
            return Err(json::value("models", format!("{:?}", self.name), "models that have a result"));
        }
        json::hash("payload_hash of a model", &self.payload_hash)?;
        self.plan_hash.iter().try_for_each(|found| json::hash("plan_hash of a model", found))?;
        for (what, values) in [("KL divergences", &self.kld_by_chunk_nats), ("NLLs", &self.nll_by_chunk_nats)]
        {
            if values.len() as u64 != u64::from(chunks) {
                let place = format!("{what} of {:?}", self.name);
                return Err(json::value(place, values.len(), format!("{chunks}, one a chunk")));
            }
        }
        let place = || format!("the KL divergence of {:?}", self.name);
        json::not_negative(place, self.kld_nats + ROUNDING)?;
        json::not_negative(|| format!("top1_agreement of {:?}", self.name), self.top1_agreement)
    }
}
