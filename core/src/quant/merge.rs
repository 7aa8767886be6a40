//! Scores of parts of the sequences, added up.

use super::{Scored, published};
use crate::record::{FimScores, Price, Pricing, Shards, TensorPrices};

/// Why scores don't add up. Files are numbered from 1, as they were named.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum MergeError {
    /// Nothing to add.
    #[error("found no scores, expected at least one file")]
    Nothing,
    /// The published keys are means over unknown numbers of tokens.
    #[error("file {file} holds no sums of packbench's own, so it can't be added up")]
    NoSums {
        /// The file.
        file: usize,
    },
    /// They are of other things.
    #[error("file {file} differs from file 1 in {what}: only parts of one scoring add up")]
    Differs {
        /// The file.
        file: usize,
        /// In what.
        what: String,
    },
    /// A part that is in already.
    #[error("file {file} holds part {shard}, which another file holds, too: each counts once")]
    Overlap {
        /// The file.
        file: usize,
        /// The part.
        shard: u32,
    },
}

/// The sum of `parts`, the same in whatever order they are named.
///
/// # Errors
/// Parts of different scorings, and parts that come twice.
pub fn merge(parts: &[FimScores]) -> Result<FimScores, MergeError> {
    let mut sorted = Vec::with_capacity(parts.len());
    for (index, scores) in parts.iter().enumerate() {
        let pricing = scores.packbench.as_ref().ok_or(MergeError::NoSums { file: index + 1 })?;
        sorted.push((index + 1, scores, pricing));
    }
    let &(_, first, first_pricing) = sorted.first().ok_or(MergeError::Nothing)?;
    for &(file, scores, pricing) in &sorted {
        check((first, first_pricing), (scores, pricing))
            .map_or(Ok(()), |what| Err(MergeError::Differs { file, what }))?;
    }
    let shards = joined(&sorted)?;
    sorted.sort_by_key(|(_, _, pricing)| pricing.shards.held.first().copied());
    let pricings: Vec<&Pricing> = sorted.iter().map(|&(_, _, pricing)| pricing).collect();
    let scored = Scored {
        model: first.model.clone(),
        num_samples: parts.iter().fold(0, |sum, scores| sum.saturating_add(scores.num_samples)),
        seq_length: first.seq_length,
        seed: first.seed,
    };
    Ok(published(scored, sum(&pricings, shards)))
}

/// In what two parts differ that must not.
fn check((one, own): (&FimScores, &Pricing), (other, others): (&FimScores, &Pricing)) -> Option<String> {
    let same = [
        ("the model", own.model == others.model && one.model == other.model),
        ("the tool", own.tool == others.tool),
        ("the length of a sequence", one.seq_length == other.seq_length),
        ("the seed", one.seed == other.seed),
        ("the texts", own.texts == others.texts),
        ("the labels", own.labels == others.labels),
        ("the dither", own.dither_seed == others.dither_seed),
        ("the imatrix", own.imatrix == others.imatrix),
        ("the number of parts", own.shards.of == others.shards.of),
        ("the stock mixes", own.stock_mixes == others.stock_mixes),
        ("the number of tensors", own.tensors.len() == others.tensors.len()),
    ];
    let differs = same.iter().find(|(_, same)| !same).map(|(what, _)| (*what).to_owned());
    let mut tensors = own.tensors.iter().zip(&others.tensors);
    differs.or_else(|| tensors.find_map(|(one, other)| tensor_differs(one, other)))
}

/// What doesn't depend on the sequences must agree; Δ doesn't, unless a part told the quantizers its own activations.
fn tensor_differs(one: &TensorPrices, other: &TensorPrices) -> Option<String> {
    let same = one.name == other.name && one.shape == other.shape && one.ggml_type == other.ggml_type;
    let kinds = |tensor: &TensorPrices| {
        let kind = |price: &Price| (price.ggml_type, price.imatrix_squared_error.is_some());
        (tensor.trace.is_some(), tensor.candidates.iter().map(kind).collect::<Vec<_>>())
    };
    if !same || kinds(one) != kinds(other) {
        return Some(format!("tensor {:?}", one.name));
    }
    let mut prices = one.candidates.iter().zip(&other.candidates);
    let rounded = prices.find(|(one, other)| !near(one.squared_error, other.squared_error));
    rounded.map(|(price, _)| {
        format!("what {} changes in {:?}, as if each had an imatrix of its own", price.ggml_type, one.name)
    })
}

/// Builds for other processors round the same sum otherwise.
fn near(one: f64, other: f64) -> bool {
    const ROUNDING: f64 = 1e-6;
    (one - other).abs() <= ROUNDING * one.abs().max(other.abs())
}

/// All parts that are in.
fn joined(parts: &[(usize, &FimScores, &Pricing)]) -> Result<Shards, MergeError> {
    let (mut held, mut of) = (Vec::new(), 0);
    for (file, _, pricing) in parts {
        of = pricing.shards.of;
        for &shard in &pricing.shards.held {
            if held.contains(&shard) {
                return Err(MergeError::Overlap { file: *file, shard });
            }
            held.push(shard);
        }
    }
    held.sort_unstable();
    Ok(Shards { of, held })
}

fn sum(parts: &[&Pricing], shards: Shards) -> Pricing {
    let tensors = (0..parts[0].tensors.len()).map(|index| {
        let parts: Vec<&TensorPrices> = parts.iter().map(|pricing| &pricing.tensors[index]).collect();
        let trace = parts.iter().map(|tensor| tensor.trace).sum();
        let candidates = (0..parts[0].candidates.len()).map(|index| {
            let prices: Vec<&Price> = parts.iter().map(|tensor| &tensor.candidates[index]).collect();
            sum_prices(&prices)
        });
        TensorPrices { trace, candidates: candidates.collect(), ..parts[0].clone() }
    });
    let tokens = parts.iter().fold(0, |sum: u64, pricing| sum.saturating_add(pricing.tokens));
    Pricing { tensors: tensors.collect(), tokens, shards, cost: None, ..parts[0].clone() }
}

fn sum_prices(parts: &[&Price]) -> Price {
    Price {
        loss_by_sequence_nats: parts.iter().map(|price| price.loss_by_sequence_nats).sum(),
        loss_by_token_nats: parts.iter().map(|price| price.loss_by_token_nats).sum(),
        imatrix_squared_error: parts.iter().map(|price| price.imatrix_squared_error).sum(),
        ..parts[0].clone()
    }
}
