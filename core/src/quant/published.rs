//! The keys of the published `fim_scores.json`, made from packbench's own.

use std::collections::BTreeMap;

use crate::record::{FimScores, Pricing};

/// What scores are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// The model's name.
    pub model: String,
    /// Sequences that were taken.
    pub num_samples: u32,
    /// Tokens of a sequence.
    pub seq_length: u32,
    /// Of whatever was drawn.
    pub seed: u64,
}

/// Scores in the published form around `pricing`. A group's score is the mean over its tensors with a trace, weights
/// and biases alike.
///
/// ```text
/// z          = (x − mean) / standard deviation over all values of the map; 0 where all are equal
/// percentile = 100 · #{values ≤ x} / #{values}
/// ```
pub fn published(scored: Scored, pricing: Pricing) -> FimScores {
    let Scored { model, num_samples, seq_length, seed } = scored;
    let with_score =
        pricing.tensors.iter().filter_map(|tensor| Some((tensor, pricing.score(tensor, num_samples)?)));
    let by_group = means(with_score.clone().map(|(tensor, score)| (tensor.group.clone(), score)));
    let by_layer_group = means(
        with_score
            .clone()
            .filter_map(|(tensor, score)| Some((format!("{}.{}", tensor.layer?, tensor.group), score))),
    );
    FimScores {
        model,
        num_samples,
        seq_length,
        seed,
        by_tensor: with_score.map(|(tensor, score)| (tensor.name.clone(), score)).collect(),
        by_group_zscore: z_scores(&by_group),
        by_group_percentile: percentiles(&by_group),
        by_group,
        by_layer_group_zscore: z_scores(&by_layer_group),
        by_layer_group_percentile: percentiles(&by_layer_group),
        by_layer_group,
        packbench: Some(pricing),
    }
}

fn means(scores: impl Iterator<Item = (String, f64)>) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    for (name, score) in scores {
        let (sum, count) = sums.entry(name).or_default();
        *sum += score;
        *count += 1;
    }
    sums.into_iter().map(|(name, (sum, count))| (name, sum / f64::from(count))).collect()
}

fn z_scores(values: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let count = values.len() as f64;
    let mean = values.values().sum::<f64>() / count;
    let variance = values.values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let z = |value: f64| if variance > 0.0 { (value - mean) / variance.sqrt() } else { 0.0 };
    values.iter().map(|(name, &value)| (name.clone(), z(value))).collect()
}

fn percentiles(values: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let mut sorted: Vec<f64> = values.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let share =
        |value: f64| 100.0 * sorted.partition_point(|&other| other <= value) as f64 / sorted.len() as f64;
    values.iter().map(|(name, &value)| (name.clone(), share(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_placed_among_each_other() {
        let values = |pairs: &[(&str, f64)]| pairs.iter().map(|&(name, x)| (name.to_owned(), x)).collect();
        let groups =
            means([("a", 1.0), ("b", 3.0), ("a", 2.0)].map(|(name, x)| (name.to_owned(), x)).into_iter());
        assert_eq!(groups, values(&[("a", 1.5), ("b", 3.0)]));
        assert_eq!(z_scores(&groups), values(&[("a", -1.0), ("b", 1.0)]));
        assert_eq!(percentiles(&groups), values(&[("a", 50.0), ("b", 100.0)]));
        assert_eq!(z_scores(&values(&[("a", 2.0)])), values(&[("a", 0.0)]), "no spread, no z");
    }
}
