//! The published ranking of groups, and how a ranking agrees with it.

use packbench_core::record::FimScores;

/// The published ranking of groups, the largest score being 1.
const PUBLISHED: [(&str, f64); 8] = [
    ("ffn_down", 1.00),
    ("ffn_gate", 0.85),
    ("ffn_up", 0.82),
    ("attn_v", 0.78),
    ("attn_output", 0.65),
    ("attn_q", 0.55),
    ("attn_k", 0.45),
    ("token_embedding", 0.25),
];

/// A group's place in the published ranking, from 0, and its score there.
pub fn published_rank(group: &str) -> Option<(usize, f64)> {
    let place = PUBLISHED.iter().position(|(name, _)| *name == group)?;
    Some((place, PUBLISHED[place].1))
}

/// Spearman's, of the groups that both have; `None` for fewer than two. No two scores are taken to be equal.
///
/// ```text
/// 1 − 6 Σ d² / (n (n² − 1)),  d the difference of a group's ranks
/// ```
pub fn rank_correlation(scores: &FimScores) -> Option<f64> {
    let mut here: Vec<(usize, f64)> =
        scores.by_group.iter().filter_map(|(name, score)| Some((published_rank(name)?.0, *score))).collect();
    here.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut published: Vec<usize> = here.iter().map(|(place, _)| *place).collect();
    published.sort_unstable();
    let count = here.len() as f64;
    let apart = here.iter().enumerate().map(|(rank, (place, _))| {
        let there = published.iter().position(|other| other == place).unwrap_or(rank);
        (rank as f64 - there as f64).powi(2)
    });
    (here.len() > 1).then(|| 1.0 - 6.0 * apart.sum::<f64>() / (count * (count * count - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(groups: &[(&str, f64)]) -> FimScores {
        let by_group = groups.iter().map(|(name, score)| ((*name).to_owned(), *score)).collect();
        FimScores {
            model: String::new(),
            num_samples: 1,
            seq_length: 1,
            seed: 0,
            by_tensor: Default::default(),
            by_group,
            by_group_zscore: Default::default(),
            by_group_percentile: Default::default(),
            by_layer_group: Default::default(),
            by_layer_group_zscore: Default::default(),
            by_layer_group_percentile: Default::default(),
            packbench: None,
        }
    }

    #[test]
    fn the_same_order_correlates_fully_and_the_reverse_not_at_all() {
        let same = scored(&[("ffn_down", 9.0), ("attn_v", 5.0), ("attn_k", 1.0), ("unheard_of", 99.0)]);
        assert_eq!(rank_correlation(&same), Some(1.0));
        let reverse = scored(&[("ffn_down", 1.0), ("attn_v", 5.0), ("attn_k", 9.0)]);
        assert_eq!(rank_correlation(&reverse), Some(-1.0));
        assert_eq!(rank_correlation(&scored(&[("ffn_down", 1.0)])), None);
    }
}
