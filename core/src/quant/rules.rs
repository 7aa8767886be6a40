//! The published strategies: from scores alone to overrides of a stock mix.

use std::collections::BTreeMap;

use super::{PlanError, Strategy};
use crate::gguf::GgmlType;
use crate::record::{FimScores, Override};

/// The group whose layers `top-layers` ranks and raises.
const TOP_LAYERS_GROUP: &str = "ffn_down";

/// Above which share of the highest group score which type is called for; the last one for all others.
const THRESHOLDS: [(f64, GgmlType); 4] = [
    (0.85, GgmlType::Q6_K),
    (0.70, GgmlType::Q5_K),
    (0.50, GgmlType::Q4_K),
    (f64::NEG_INFINITY, GgmlType::Q3_K),
];

/// What a published strategy changes; `None` for one that isn't.
///
/// # Errors
/// Scores that don't rank what the strategy chooses among.
pub(super) fn overrides(
    strategy: &Strategy,
    scores: &FimScores,
    upgrade: GgmlType,
) -> Option<Result<Vec<Override>, PlanError>> {
    match *strategy {
        Strategy::TopLayers(layers) => Some(top_layers(scores, layers as usize, upgrade)),
        Strategy::TopPercent(percent) => Some(top_percent(scores, percent, upgrade)),
        Strategy::Groups(groups) => Some(top_groups(scores, groups as usize, upgrade)),
        Strategy::Thresholds => Some(thresholds(scores)),
        _ => None,
    }
}

fn top_layers(scores: &FimScores, layers: usize, upgrade: GgmlType) -> Result<Vec<Override>, PlanError> {
    let ranking = rankings(scores).remove(TOP_LAYERS_GROUP);
    let ranking = ranking.ok_or(PlanError::NoScore { what: "by_layer_group of ffn_down" })?;
    Ok(vec![raised(TOP_LAYERS_GROUP, &ranking, layers, upgrade)])
}

fn top_percent(scores: &FimScores, percent: f64, upgrade: GgmlType) -> Result<Vec<Override>, PlanError> {
    let mut rankings = rankings(scores);
    rankings.retain(|group, _| group.starts_with("ffn_") || group.starts_with("attn_"));
    if rankings.is_empty() {
        return Err(PlanError::NoScore { what: "by_layer_group of an ffn_ or attn_ group" });
    }
    let count = |ranking: &[u32]| (ranking.len() as f64 * percent / 100.0).ceil() as usize;
    let raised = |(group, ranking): (&String, &Vec<u32>)| raised(group, ranking, count(ranking), upgrade);
    Ok(rankings
        .iter()
        .map(raised)
        .filter(|one| one.layers.as_ref().is_some_and(|some| !some.is_empty()))
        .collect())
}

fn top_groups(scores: &FimScores, groups: usize, upgrade: GgmlType) -> Result<Vec<Override>, PlanError> {
    let mut ranking: Vec<(&String, f64)> =
        scores.by_group.iter().map(|(group, &score)| (group, score)).collect();
    ranking.sort_by(|one, other| other.1.total_cmp(&one.1));
    if ranking.is_empty() {
        return Err(PlanError::NoScore { what: "by_group" });
    }
    let all =
        |&(group, _): &(&String, f64)| Override { pattern: pattern(group), layers: None, qtype: upgrade };
    Ok(ranking.iter().take(groups).map(all).collect())
}

fn thresholds(scores: &FimScores) -> Result<Vec<Override>, PlanError> {
    let highest = scores.by_group.values().copied().fold(0.0, f64::max);
    if highest == 0.0 {
        return Err(PlanError::NoScore { what: "by_group above 0" });
    }
    let called_for = |score: f64| THRESHOLDS.iter().find(|(above, _)| score / highest > *above);
    let of_group = |(group, &score): (&String, &f64)| {
        let &(_, qtype) = called_for(score)?;
        Some(Override { pattern: pattern(group), layers: None, qtype })
    };
    Ok(scores.by_group.iter().filter_map(of_group).collect())
}

/// Of each group: its layers, the one with the highest score first.
fn rankings(scores: &FimScores) -> BTreeMap<String, Vec<u32>> {
    let mut scored: BTreeMap<String, Vec<(u32, f64)>> = BTreeMap::new();
    for (name, &score) in &scores.by_layer_group {
        let Some((layer, group)) = name.split_once('.') else { continue };
        let Ok(layer) = layer.parse() else { continue };
        scored.entry(group.to_owned()).or_default().push((layer, score));
    }
    let ranking = |mut layers: Vec<(u32, f64)>| {
        layers.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        layers.into_iter().map(|(layer, _)| layer).collect()
    };
    scored.into_iter().map(|(group, layers)| (group, ranking(layers))).collect()
}

fn raised(group: &str, ranking: &[u32], count: usize, qtype: GgmlType) -> Override {
    let mut layers: Vec<u32> = ranking.iter().take(count).copied().collect();
    layers.sort_unstable();
    Override { pattern: pattern(group), layers: Some(layers), qtype }
}

/// What names a group in an override. Outside layers the name's beginning does: `output` alone would fit `attn_output`,
/// too.
pub(super) fn pattern(group: &str) -> String {
    match group {
        "token_embedding" => r"^token_embd\.".to_owned(),
        "output" => r"^output\.".to_owned(),
        _ => group.to_owned(),
    }
}

/// Whether an override is about a tensor of that group and layer.
pub(super) fn concerns(one: &Override, group: &str, layer: Option<u32>) -> bool {
    let in_layers = |layers: &Vec<u32>| layer.is_some_and(|layer| layers.contains(&layer));
    one.pattern == pattern(group) && one.layers.as_ref().is_none_or(in_layers)
}
