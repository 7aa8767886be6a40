//! What a score came to, as `fim_scores.json`.

use std::collections::BTreeMap;
use std::path::Path;

use packbench_core::gguf::{Gguf, Tensor};
use packbench_core::layout::{Place, place};
use packbench_core::quant::checkpoint::TensorScore;
use packbench_core::quant::{ColumnWeights, Scored, cost, published};
use packbench_core::record::{
    FimScores, Imatrix, Labels, PricedModel, Pricing, SCORES_SCHEMA, ScoreCost, Shards, StockMix,
    TensorPrices, Text, Variant,
};
use packbench_engine::{LlamaCpp, Mix, QuantizeError, Recipe};
use packbench_fim::Scores;
use strum::VariantArray;

/// What a score was of.
pub struct Circumstances<'c> {
    /// The model.
    pub variant: &'c Variant,
    /// The texts.
    pub texts: Vec<Text>,
    /// Where labels came from.
    pub labels: Labels,
    /// Of the draws.
    pub seed: u64,
    /// Which part of the sequences.
    pub shards: Shards,
    /// How many sequences were taken, and the tokens of each.
    pub sequences: (u32, u32),
    /// Of the noise.
    pub dither_seed: Option<u64>,
    /// What the quantizers were told.
    pub imatrix: Imatrix,
    /// What the engine makes of the file.
    pub stock_mixes: Vec<StockMix>,
    /// What it took.
    pub cost: ScoreCost,
}

/// The whole file.
pub fn assemble(gguf: &Gguf<'_>, scores: &Scores, of: Circumstances<'_>) -> anyhow::Result<FimScores> {
    let scored: BTreeMap<&str, &TensorScore> =
        scores.tensors.iter().map(|score| (score.name.as_str(), score)).collect();
    let mut tensors: Vec<&Tensor<'_>> = gguf.tensors.iter().collect();
    tensors.sort_by_key(|tensor| tensor.data.start.0);
    let pricing = Pricing {
        schema: SCORES_SCHEMA.to_owned(),
        tool: packbench_agent::tool(),
        model: PricedModel {
            payload_hash: of.variant.payload_hash.clone(),
            architecture: of.variant.architecture.clone().unwrap_or_default(),
            file_bytes: of.variant.file_bytes,
            header_bytes: cost::quantized_header(gguf, of.dither_seed)?.0,
            alignment_bytes: cost::ALIGNMENT.into(),
        },
        texts: of.texts,
        labels: of.labels,
        tokens: scores.tokens,
        shards: of.shards,
        dither_seed: of.dither_seed,
        imatrix: of.imatrix,
        tensors: tensors.iter().map(|tensor| prices(tensor, scored.get(tensor.name).copied())).collect(),
        stock_mixes: of.stock_mixes,
        cost: Some(of.cost),
    };
    let (num_samples, seq_length) = of.sequences;
    let scored = Scored { model: of.variant.name.clone(), num_samples, seq_length, seed: of.seed };
    Ok(published(scored, pricing))
}

fn prices(tensor: &Tensor<'_>, score: Option<&TensorScore>) -> TensorPrices {
    let Place { group, layer } = place(tensor.name);
    TensorPrices {
        name: tensor.name.to_owned(),
        group: group.to_owned(),
        layer,
        shape: tensor.dims.as_slice().to_vec(),
        ggml_type: tensor.ggml_type,
        bytes: tensor.data.len.0,
        trace: score.map(|score| score.trace),
        candidates: score.map_or_else(Vec::new, |score| score.prices.clone()),
    }
}

/// What the engine's own recipes make of a file under `weights`, by which some of them choose; and those that it can't make
/// of this one, with its reasons.
pub fn stock_mixes(
    engine: &LlamaCpp,
    path: &Path,
    weights: &ColumnWeights,
) -> (Vec<StockMix>, Vec<(Mix, QuantizeError)>) {
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    for mix in Mix::VARIANTS.iter().filter(|mix| !matches!(mix, Mix::F32 | Mix::F16 | Mix::BF16)) {
        let recipe = Recipe { mix: *mix, types: &[], weights, notes: &[], threads: 1 };
        match engine.effective_types(path, &recipe) {
            Ok(types) => made.push(StockMix { name: mix.to_string(), types: types.into_iter().collect() }),
            Err(error) => refused.push((*mix, error)),
        }
    }
    (made, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_that_cannot_be_made_are_told_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no-model.gguf");
        std::fs::write(&path, b"GGUF, or not").unwrap();
        let (made, refused) = stock_mixes(&LlamaCpp::new().unwrap(), &path, &ColumnWeights::new());
        assert_eq!((made.len(), refused.len()), (0, Mix::VARIANTS.len() - 3), "all that quantize");
        assert!(refused[0].1.to_string().contains("quantizing"), "{}", refused[0].1);
    }
}
