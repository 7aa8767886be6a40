//! Scores read back, and held against what they say of themselves.

use super::json::{self, JsonError};
use super::{FimScores, PricedModel, Pricing, Shards, TensorPrices};
use crate::gguf::{Dims, GgmlType};
use crate::unit::Bytes;

/// The schema of [`Pricing`] that this version writes and reads.
pub const SCORES_SCHEMA: &str = "packbench.scores/1";

/// More weights, and more bytes in a header, than any model has: below it no sum of bytes overflows.
const MOST: u64 = 1 << 50;

/// By how much a score may differ from the trace that it was made of: what rounding and a detour over text cost.
const ROUNDING: f64 = 1e-9;

impl Shards {
    /// Which parts aren't in, ascending.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        (1..=self.of).filter(|part| self.held.binary_search(part).is_err())
    }
}

impl FimScores {
    /// Reads scores of packbench's own or of the published form alone.
    ///
    /// # Errors
    /// What is no such file; and what can't be true: negative scores and losses, names that come twice, bytes that
    /// contradict a shape, hashes that are none.
    pub fn read(bytes: &[u8]) -> Result<FimScores, JsonError> {
        let scores: FimScores = json::read(bytes, "fim_scores.json")?;
        scores.check()?;
        Ok(scores)
    }

    fn check(&self) -> Result<(), JsonError> {
        json::at_least_one("num_samples", self.num_samples.into())?;
        json::at_least_one("seq_length", self.seq_length.into())?;
        for (key, map) in [
            ("by_tensor", &self.by_tensor),
            ("by_group", &self.by_group),
            ("by_layer_group", &self.by_layer_group),
        ] {
            for (name, &score) in map {
                json::not_negative(|| format!("{key} of {name:?}"), score)?;
            }
        }
        let Some(pricing) = &self.packbench else { return Ok(()) };
        pricing.check()?;
        pricing.tensors.iter().try_for_each(|tensor| self.check_score(pricing, tensor))
    }

    fn check_score(&self, pricing: &Pricing, tensor: &TensorPrices) -> Result<(), JsonError> {
        let (found, expected) = (self.by_tensor.get(&tensor.name), pricing.score(tensor, self.num_samples));
        let (Some(&found), Some(expected)) = (found, expected) else { return Ok(()) };
        match (found - expected).abs() <= ROUNDING * expected {
            true => Ok(()),
            false => {
                let place = format!("by_tensor of {:?}", tensor.name);
                Err(json::value(place, found, format!("{expected}, which its trace comes to")))
            }
        }
    }
}

impl Pricing {
    /// The published score of a tensor of `num_samples` sequences of equal length.
    ///
    /// ```text
    /// mean over sequences of Σ (∂(mean NLL)/∂w)²  =  trace / (sequences · (tokens of a sequence)²)
    /// ```
    pub fn score(&self, tensor: &TensorPrices, num_samples: u32) -> Option<f64> {
        let tokens_each = self.tokens as f64 / f64::from(num_samples);
        tensor.trace.map(|trace| trace / f64::from(num_samples) / (tokens_each * tokens_each))
    }

    fn check(&self) -> Result<(), JsonError> {
        json::schema(&self.schema, SCORES_SCHEMA)?;
        self.texts.iter().try_for_each(|text| json::hash("hash of a text", &text.hash))?;
        json::at_least_one("tokens", self.tokens)?;
        self.model.check()?;
        self.shards.check()?;
        json::none_repeated("tensor", self.tensors.iter().map(|tensor| tensor.name.as_str()))?;
        self.tensors.iter().try_for_each(TensorPrices::check)?;
        let weights = self.tensors.iter().try_fold(0_u64, |sum, tensor| sum.checked_add(tensor.elements()?));
        if weights.is_none_or(|weights| weights > MOST) {
            return Err(json::value("tensors", "more weights", format!("at most {MOST} in all")));
        }
        json::none_repeated("stock mix", self.stock_mixes.iter().map(|mix| mix.name.as_str()))?;
        self.check_mixes()
    }

    fn check_mixes(&self) -> Result<(), JsonError> {
        let known: std::collections::HashMap<&str, &TensorPrices> =
            self.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        for mix in &self.stock_mixes {
            for (name, &ggml_type) in &mix.types {
                let place = || format!("stock mix {:?}", mix.name);
                let unknown = || json::value(place(), format!("{name:?}"), "tensors that are listed");
                known.get(name.as_str()).ok_or_else(unknown)?.bytes_as(ggml_type)?;
            }
        }
        Ok(())
    }
}

impl PricedModel {
    fn check(&self) -> Result<(), JsonError> {
        json::hash("model.payload_hash", &self.payload_hash)?;
        let (header, alignment) = (self.header_bytes, self.alignment_bytes);
        if !alignment.is_power_of_two() || alignment > u32::MAX.into() {
            return Err(json::value("model.alignment_bytes", alignment, "a power of two"));
        }
        match header <= MOST && header.is_multiple_of(alignment) {
            true => Ok(()),
            false => Err(json::value("model.header_bytes", header, format!("a multiple of {alignment}"))),
        }
    }
}

impl Shards {
    fn check(&self) -> Result<(), JsonError> {
        let within = self.held.iter().all(|&shard| (1..=self.of).contains(&shard));
        match within && !self.held.is_empty() && self.held.is_sorted_by(|one, next| one < next) {
            true => Ok(()),
            false => {
                let found = format!("{:?} of {}", self.held, self.of);
                Err(json::value("shards", found, "some of 1 … of, ascending, each once"))
            }
        }
    }
}

impl TensorPrices {
    /// Its weights; `None` for a shape that is none.
    pub fn elements(&self) -> Option<u64> {
        Dims::new(&self.shape).ok().map(|dims| dims.elements())
    }

    /// The tensor's bytes in another type.
    ///
    /// # Errors
    /// Rows that don't fill whole blocks of it; a shape that is none.
    pub fn bytes_as(&self, ggml_type: GgmlType) -> Result<Bytes, JsonError> {
        let bytes = Dims::new(&self.shape).and_then(|dims| ggml_type.tensor_bytes(dims));
        bytes.map_err(|source| JsonError::Shape { tensor: self.name.clone(), source })
    }

    fn check(&self) -> Result<(), JsonError> {
        self.check_bytes(self.ggml_type, self.bytes)?;
        if let Some(trace) = self.trace {
            json::not_negative(|| format!("trace of {:?}", self.name), trace)?;
        }
        let names: Vec<String> = self.candidates.iter().map(|price| price.ggml_type.to_string()).collect();
        json::none_repeated("a candidate", names.iter().map(String::as_str))?;
        for price in &self.candidates {
            self.check_bytes(price.ggml_type, price.bytes)?;
            let values = [
                Some(price.loss_by_sequence_nats),
                Some(price.loss_by_token_nats),
                Some(price.squared_error),
                price.imatrix_squared_error,
            ];
            for value in values.into_iter().flatten() {
                json::not_negative(|| format!("a price of {:?} as {}", self.name, price.ggml_type), value)?;
            }
        }
        Ok(())
    }

    fn check_bytes(&self, ggml_type: GgmlType, found: u64) -> Result<(), JsonError> {
        let expected = self.bytes_as(ggml_type)?;
        match Bytes(found) == expected {
            true => Ok(()),
            false => {
                let place = format!("tensor {:?} as {ggml_type}", self.name);
                Err(json::value(
                    place,
                    format!("{found} bytes"),
                    format!("{}, which its shape comes to", expected.0),
                ))
            }
        }
    }
}
