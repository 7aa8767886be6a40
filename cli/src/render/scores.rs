//! Scores beside the published ones.

use std::collections::BTreeMap;

use packbench_core::record::{FimScores, ScoreCost, TensorPrices};
use packbench_core::unit::{Bytes, Nanos};

use super::quant_plan::numbers;
use super::table::table;
use crate::measured::ranking::published_rank;
use crate::words::or_dash;

/// What was published of layers, for a model of 28: those that lead, and those that a recipe of llama.cpp's raises already.
const LAYERS: &str = "published for a model of 28 layers: 1, 2, 26, 27
and raised by Q4_K_M already: 0, 1, 2, 5, 8, 11, 14, 17, 20, 23–27";

/// How many layers are named of each group.
const TOP: usize = 4;

/// Rankings of groups and layers.
pub fn scores(scores: &FimScores) -> String {
    let heading = format!(
        "{}: {} sequences of {} tokens, seed {}\n",
        scores.model, scores.num_samples, scores.seq_length, scores.seed
    );
    let most = scores.by_group.values().copied().fold(0.0, f64::max);
    let mut groups: Vec<(&str, f64)> =
        scores.by_group.iter().map(|(name, score)| (name.as_str(), *score)).collect();
    groups.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let layers = by_group(scores);
    let row = |(rank, (group, score)): (usize, &(&str, f64))| {
        let published = published_rank(group);
        vec![
            (*group).to_owned(),
            format!("{score:.3e}"),
            format!("{:.2}", score / most),
            (rank + 1).to_string(),
            or_dash(published.map(|(_, score)| format!("{score:.2}"))),
            or_dash(published.map(|(place, _)| place + 1)),
            layers.get(group).map(|layers| top(layers)).unwrap_or_default(),
        ]
    };
    let header = ["group", "score", "of the largest", "rank", "published", "its rank", "largest in layers"];
    let table = table(&header, 1, groups.iter().enumerate().map(row));
    let cost = scores.packbench.as_ref().and_then(|pricing| pricing.cost).map(cost).unwrap_or_default();
    let raised =
        raised(scores).map(|layers| format!("here by Q4_K_M: {}\n", numbers(&layers))).unwrap_or_default();
    format!("{heading}\n{table}\nlayers by ffn_down, {LAYERS}\n{raised}{cost}")
}

/// The layers whose `ffn_down` llama.cpp's Q4_K_M gives more bits than the least that it gives one.
fn raised(scores: &FimScores) -> Option<Vec<u32>> {
    let pricing = scores.packbench.as_ref()?;
    let mix = pricing.stock_mixes.iter().find(|mix| mix.name == "Q4_K_M")?;
    let downs = pricing.tensors.iter().filter(|tensor| tensor.group == "ffn_down");
    let bits = |tensor: &TensorPrices| Some((tensor.layer?, mix.types.get(&tensor.name)?.bits_per_weight()));
    let bits: Vec<(u32, f64)> = downs.filter_map(bits).collect();
    let least = bits.iter().map(|(_, bits)| *bits).fold(f64::INFINITY, f64::min);
    let raised: Vec<u32> = bits.iter().filter(|(_, bits)| *bits > least).map(|(layer, _)| *layer).collect();
    (!raised.is_empty()).then_some(raised)
}

fn cost(cost: ScoreCost) -> String {
    let (gradients, pricing) = (Nanos(cost.gradients_ns), Nanos(cost.pricing_ns));
    let peak = or_dash(cost.peak_memory_bytes.map(Bytes));
    let (layer, activations) = (Bytes(cost.largest_layer_bytes), Bytes(cost.activations_bytes));
    format!(
        "{} threads: gradients {gradients}, prices {pricing}\n\
         peak memory {peak}; the largest layer in f32 has {layer}, the inputs of all layers {activations}\n",
        cost.threads
    )
}

/// Layers with their scores, of each group.
fn by_group(scores: &FimScores) -> BTreeMap<&str, Vec<(u32, f64)>> {
    let mut groups: BTreeMap<&str, Vec<(u32, f64)>> = BTreeMap::new();
    for (name, score) in &scores.by_layer_group {
        if let Some((layer, group)) = name.split_once('.')
            && let Ok(layer) = layer.parse()
        {
            groups.entry(group).or_default().push((layer, *score));
        }
    }
    groups
}

fn top(layers: &[(u32, f64)]) -> String {
    let mut layers = layers.to_vec();
    layers.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    layers.iter().take(TOP).map(|(layer, _)| layer.to_string()).collect::<Vec<_>>().join(", ")
}
