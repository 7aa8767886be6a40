//! The published form of a plan: a stock mix, and where the plan departs from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::assign::{Assignment, mix};
use super::rules::pattern;
use super::table::Table;
use super::{Question, Strategy};
use crate::gguf::GgmlType;
use crate::record::{Override, PlanStats, Planning, QuantPlan};

/// A tensor by what its name says, and its type where the plan says one.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub group: String,
    pub layer: Option<u32>,
    pub ggml_type: Option<GgmlType>,
}

/// The mix that the published form starts from: the one asked for, the one that the plan is held against, or else the
/// mix of the most frequent type.
pub(super) fn base(question: &Question, planning: &Planning, tensors: &[Named]) -> String {
    match &question.strategy {
        Strategy::Stock(mix) => mix.clone(),
        Strategy::Least(_) | Strategy::Trace | Strategy::Random(_) | Strategy::Uniform(_) => {
            let against = planning.against.as_ref().map(|against| against.stock_mix.clone());
            against.unwrap_or_else(|| most_frequent(tensors))
        }
        _ => question.base.clone(),
    }
}

/// Each names a mix of llama.cpp's that quantizes: others take no types for single tensors.
fn most_frequent(tensors: &[Named]) -> String {
    let mut counts: HashMap<GgmlType, u32> = HashMap::new();
    tensors
        .iter()
        .filter_map(|tensor| tensor.ggml_type)
        .for_each(|found| *counts.entry(found).or_default() += 1);
    let most = counts.into_iter().max_by_key(|&(ggml_type, count)| (count, ggml_type));
    most.map_or_else(|| GgmlType::Q8_0.to_string(), |(ggml_type, _)| mix_of(ggml_type))
}

fn mix_of(ggml_type: GgmlType) -> String {
    use GgmlType::*;
    match ggml_type {
        Q3_K | Q4_K | Q5_K => format!("{ggml_type}_S"),
        Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q2_K | Q6_K | IQ2_XXS | IQ2_XS | IQ2_S | IQ3_XXS | IQ3_S | IQ4_NL
        | IQ4_XS => ggml_type.to_string(),
        _ => Q8_0.to_string(),
    }
}

/// Where the assignment departs from the mix named `base`: from all of it when there is none.
pub(super) fn departures(table: &Table<'_>, assignment: &Assignment<'_>, base: &str) -> Vec<Override> {
    let stock = mix(table.pricing(), base).map(Assignment::stock).ok();
    let mut layers: BTreeMap<(String, GgmlType), BTreeSet<u32>> = BTreeMap::new();
    let mut of_group: HashMap<&str, BTreeSet<u32>> = HashMap::new();
    for tensor in table.matrices() {
        let ggml_type = assignment.of(tensor);
        of_group.entry(&tensor.group).or_default().extend(tensor.layer);
        if stock.as_ref().is_none_or(|stock| stock.of(tensor) != ggml_type) {
            layers.entry((tensor.group.clone(), ggml_type)).or_default().extend(tensor.layer);
        }
    }
    let departure = |((group, qtype), layers): ((String, GgmlType), BTreeSet<u32>)| {
        let some = of_group.get(group.as_str()).is_none_or(|all| *all != layers);
        Override { pattern: pattern(&group), layers: some.then(|| layers.into_iter().collect()), qtype }
    };
    layers.into_iter().map(departure).collect()
}

/// The published keys around `planning`.
pub(super) fn published(
    base: &str,
    overrides: Vec<Override>,
    upgrade: GgmlType,
    tensors: &[Named],
    planning: Option<Planning>,
) -> QuantPlan {
    let overridden = overrides.iter().map(|one| one.qtype);
    let upgrade_quant = overridden
        .max_by(|one, other| one.bits_per_weight().total_cmp(&other.bits_per_weight()))
        .unwrap_or(upgrade);
    QuantPlan {
        base_quant: base.to_owned(),
        upgrade_quant,
        stats: stats(tensors, upgrade_quant),
        overrides,
        packbench: planning,
    }
}

fn stats(tensors: &[Named], upgrade: GgmlType) -> PlanStats {
    let upgraded = |tensor: &&Named| tensor.ggml_type == Some(upgrade);
    let layers: BTreeSet<u32> = tensors.iter().filter_map(|tensor| tensor.layer).collect();
    let raised: BTreeSet<u32> = tensors.iter().filter(upgraded).filter_map(|tensor| tensor.layer).collect();
    let share = |kind: &str| {
        let of_kind = || tensors.iter().filter(|tensor| tensor.group.starts_with(kind));
        100.0 * of_kind().filter(upgraded).count() as f64 / of_kind().count().max(1) as f64
    };
    PlanStats {
        total_layers: layers.len() as u32,
        upgraded_layer_count: raised.len() as u32,
        ffn_top_pct: share("ffn_"),
        attn_top_pct: share("attn_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_mix_that_takes_types_of_tensors() {
        let base = |types: &[GgmlType]| {
            let named = |&ggml_type| Named { group: String::new(), layer: None, ggml_type: Some(ggml_type) };
            most_frequent(&types.iter().map(named).collect::<Vec<_>>())
        };
        assert_eq!(base(&[GgmlType::Q4_K, GgmlType::Q4_K, GgmlType::Q6_K]), "Q4_K_S");
        assert_eq!(base(&[GgmlType::Q6_K]), "Q6_K");
        for other in [GgmlType::F16, GgmlType::F32, GgmlType::IQ1_S, GgmlType::MXFP4, GgmlType::TQ1_0] {
            assert_eq!(base(&[other]), "Q8_0");
        }
        assert_eq!(base(&[]), "Q8_0");
    }
}
