//! What was measured of models on chunks of text, as `eval_results.json`.

use std::collections::BTreeMap;

use packbench_core::record::{
    EVALUATION_SCHEMA, Evaluated, EvaluatedModel, Evaluation, EvaluationResult, KldDifference,
};
use packbench_core::stats::bootstrap::mean_interval;

use super::divergence::Held;
use super::{ModelFile, Texts};
use crate::measured::joined::bits_per_weight;

/// Percentiles that are told.
const PERCENTILES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

/// A model's tokens, chunk by chunk.
pub struct Measured<'m> {
    /// The model.
    pub file: &'m ModelFile,
    /// Of each chunk, what each foretold token came to.
    pub chunks: Vec<Vec<Held>>,
}

/// What the models were measured on.
pub struct Circumstances<'c> {
    /// The result that others are held against.
    pub baseline: String,
    /// The texts.
    pub texts: &'c Texts,
    /// Tokens of a chunk.
    pub length: u32,
    /// Of the bootstrap.
    pub seed: u64,
}

/// The whole file. The first of `models` is the reference.
pub fn assemble(models: &[Measured<'_>], of: &Circumstances<'_>) -> Evaluation {
    let baseline = models.iter().find(|model| model.name() == of.baseline);
    let results = models.iter().map(|model| (model.name().to_owned(), model.result(baseline)));
    let evaluated = models.iter().map(|model| model.evaluated(baseline, of.seed));
    let (first, chunks) = (&models[0], models[0].chunks.len());
    Evaluation {
        baseline: of.baseline.clone(),
        test_file: of.texts.names(),
        ctx_size: of.length,
        results: results.collect::<BTreeMap<_, _>>(),
        packbench: Some(Evaluated {
            schema: EVALUATION_SCHEMA.to_owned(),
            tool: packbench_agent::tool(),
            reference_payload_hash: first.file.variant.payload_hash.clone(),
            texts: of.texts.facts.clone(),
            chunks: chunks as u32,
            tokens_per_chunk: first.chunks.first().map_or(0, |chunk| chunk.len() as u32),
            seed: of.seed,
            models: evaluated.collect(),
        }),
    }
}

impl Measured<'_> {
    fn name(&self) -> &str {
        &self.file.variant.name
    }

    /// The mean of something over the tokens of each chunk.
    fn by_chunk(&self, of: impl Fn(&Held) -> f64) -> Vec<f64> {
        let chunk = |chunk: &Vec<Held>| chunk.iter().map(&of).sum::<f64>() / chunk.len().max(1) as f64;
        self.chunks.iter().map(chunk).collect()
    }

    fn perplexity(&self) -> f64 {
        mean(&self.by_chunk(|held| held.nll)).exp()
    }

    fn size_mb(&self) -> f64 {
        self.file.variant.file_bytes as f64 / f64::from(1 << 20)
    }

    fn result(&self, baseline: Option<&Measured<'_>>) -> EvaluationResult {
        let ppl = self.perplexity();
        let other = baseline.filter(|other| other.name() != self.name());
        let (ppl_of, size_of) = (other.map(Measured::perplexity), other.map(Measured::size_mb));
        EvaluationResult {
            path: self.name().to_owned(),
            size_mb: self.size_mb(),
            ppl,
            ppl_stderr: standard_error(&self.by_chunk(|held| held.nll)).map(|error| error * ppl),
            delta_ppl: ppl_of.map(|other| ppl - other),
            pct_ppl_change: ppl_of.map(|other| (ppl / other - 1.0) * 100.0),
            size_delta_mb: size_of.map(|other| self.size_mb() - other),
            size_pct_change: size_of.map(|other| (self.size_mb() / other - 1.0) * 100.0),
        }
    }

    fn evaluated(&self, baseline: Option<&Measured<'_>>, seed: u64) -> EvaluatedModel {
        let by_chunk = self.by_chunk(|held| held.kld);
        let mut klds: Vec<f64> = self.chunks.iter().flatten().map(|held| held.kld).collect();
        klds.sort_by(f64::total_cmp);
        let kld = mean(&by_chunk);
        let other = baseline.filter(|other| other.name() != self.name());
        let plan = self.file.variant.plan.as_ref();
        EvaluatedModel {
            name: self.name().to_owned(),
            payload_hash: self.file.variant.payload_hash.clone(),
            file_bytes: self.file.variant.file_bytes,
            bits_per_weight: bits_per_weight(&self.file.variant),
            plan_hash: plan.map(|plan| plan.hash.clone()),
            predicted_kld_nats: plan.and_then(|plan| plan.predicted_kld_nats),
            kld_nats: kld,
            // A mean of divergences is not below 0, whatever a spread of few chunks says.
            kld_interval_nats: mean_interval(&by_chunk, seed)
                .map_or((kld, kld), |(low, high)| (low.max(0.0), high.max(0.0))),
            kld_percentiles: PERCENTILES.map(|percent| (percent, percentile(&klds, percent))).to_vec(),
            top1_agreement: mean(&self.by_chunk(|held| f64::from(u8::from(held.same_best)))),
            nll_by_chunk_nats: self.by_chunk(|held| held.nll),
            against_baseline: other
                .map(|other| difference(&by_chunk, &other.by_chunk(|held| held.kld), seed)),
            kld_by_chunk_nats: by_chunk,
        }
    }
}

fn difference(candidate: &[f64], baseline: &[f64], seed: u64) -> KldDifference {
    let pairs: Vec<f64> = candidate.iter().zip(baseline).map(|(a, b)| a - b).collect();
    let nats = mean(&pairs);
    KldDifference { nats, interval_nats: mean_interval(&pairs, seed).unwrap_or((nats, nats)) }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Of the mean, over chunks.
fn standard_error(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt())
}

/// The smallest value that so many percent of them are not above.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    // multiplied first: 99.9 % of 1,000 is 999
    let rank = (percent * sorted.len() as f64 / 100.0).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_among_tokens_and_errors_of_means() {
        let sorted: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!(
            PERCENTILES.map(|percent| percentile(&sorted, percent)),
            [500.0, 900.0, 950.0, 990.0, 999.0]
        );
        assert_eq!(percentile(&[], 50.0), 0.0);
        assert_eq!(standard_error(&[1.0, 3.0]), Some(1.0));
        assert_eq!(standard_error(&[1.0]), None);
        let difference = difference(&[3.0, 5.0, 4.0], &[2.0, 4.0, 3.0], 1);
        assert_eq!((difference.nats, difference.interval_nats), (1.0, (1.0, 1.0)), "pairs, not arms");
    }
}
