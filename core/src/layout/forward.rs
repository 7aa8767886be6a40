//! The order in which a model runs, derived from the names of its tensors: for files that no engine at hand can run, and
//! before one has.

use super::tables::*;
use super::{Place, place};

/// Where a tensor stands in the forward pass: compared from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    stage: Stage,
    layer: u32,
    group: usize,
    suffix: u8,
}

/// A part of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Input,
    Layers,
    Output,
    Unknown,
}

/// The tables of one model.
pub(super) struct Tables {
    embedding_norm_last: bool,
    layer: Vec<&'static [&'static str]>,
}

impl Tables {
    /// Those of a model with these tensors. Checkpoints, which have other names than llama.cpp's, are run by other
    /// engines, line by line as their models' code is written: queries, keys, values.
    pub(super) fn of(architecture: Option<&str>, names: &[&str]) -> Self {
        let checkpoint = !names.iter().any(|name| name.starts_with("blk."));
        let departs = |how: Departure| {
            let listed = |(other, names): &(Departure, &[&str])| {
                *other == how && architecture.is_some_and(|name| names.contains(&name))
            };
            !checkpoint && DEPARTURES.iter().any(listed)
        };
        let [second, third] =
            if checkpoint || departs(Departure::KeysFirst) { [KEYS, VALUES] } else { [VALUES, KEYS] };
        let [gate, up] = if departs(Departure::UpFirst) { [UP, GATE] } else { [GATE, UP] };
        let attention = [BEFORE_ATTENTION, ROTATION, second, third];
        let rest = match departs(Departure::FeedForwardFirst) {
            true => [FEED_FORWARD, gate, up, DOWN, ATTENTION],
            false => [ATTENTION, FEED_FORWARD, gate, up, DOWN],
        };
        let embedding_norm_last = departs(Departure::EmbeddingNormLast);
        Tables { embedding_norm_last, layer: [&attention[..], &rest].concat() }
    }

    /// The numbers of `names` in the order in which the model reads them first. Groups that no table names come last in
    /// their layer, tensors that belong to no layer and to no table last of all, both as they stand in `names`.
    pub(super) fn order(&self, names: &[&str]) -> Vec<usize> {
        let ranks: Vec<Rank> = names.iter().map(|name| self.rank(name)).collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&index| ranks[index]);
        order
    }

    /// The part of the forward pass that a tensor belongs to.
    pub(super) fn stage(&self, name: &str) -> Stage {
        self.rank(name).stage
    }

    fn rank(&self, name: &str) -> Rank {
        let Place { group, layer } = place(name);
        let (stage, group) = match layer {
            Some(_) => (Stage::Layers, position(&self.layer, group).unwrap_or(usize::MAX)),
            None => self.outside(group),
        };
        // a bias is added to what its weight gave
        let suffix = if name.ends_with(".weight") { 0 } else { 1 };
        Rank { stage, layer: layer.unwrap_or(0), group, suffix }
    }

    fn outside(&self, group: &str) -> (Stage, usize) {
        let input = || position(&[EMBEDDINGS, INPUTS], group);
        if self.embedding_norm_last && group == "token_embd_norm" {
            return (Stage::Output, 0);
        }
        None.or_else(|| input().map(|position| (Stage::Input, position)))
            .or_else(|| position(&self.layer, group).map(|position| (Stage::Layers, position)))
            .or_else(|| position(&[OUTPUTS], group).map(|position| (Stage::Output, position)))
            .unwrap_or((Stage::Unknown, 0))
    }
}

fn position(lists: &[&[&str]], group: &str) -> Option<usize> {
    lists.iter().copied().flatten().position(|known| *known == group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered<'a>(architecture: Option<&str>, names: &[&'a str]) -> Vec<&'a str> {
        Tables::of(architecture, names).order(names).into_iter().map(|index| names[index]).collect()
    }

    #[test]
    fn a_file_of_the_wild_is_put_in_order() {
        let names = [
            "output.weight",
            "token_embd.weight",
            "rope_freqs.weight",
            "blk.0.attn_k.bias",
            "blk.0.attn_k.weight",
            "blk.0.attn_norm.weight",
            "blk.0.attn_q.weight",
            "blk.0.attn_v.weight",
            "blk.0.novelty.weight",
            "blk.0.ffn_norm.weight",
            "blk.10.attn_q.weight",
            "blk.2.attn_q.weight",
            "novelty.weight",
            "output_norm.weight",
        ];
        insta::assert_snapshot!(ordered(None, &names).join("\n"), @r"
        token_embd.weight
        blk.0.attn_norm.weight
        blk.0.attn_q.weight
        rope_freqs.weight
        blk.0.attn_v.weight
        blk.0.attn_k.weight
        blk.0.attn_k.bias
        blk.0.ffn_norm.weight
        blk.0.novelty.weight
        blk.2.attn_q.weight
        blk.10.attn_q.weight
        output_norm.weight
        output.weight
        novelty.weight
        ");
        let checkpoint =
            ["q_proj", "v_proj", "k_proj"].map(|part| format!("model.layers.0.self_attn.{part}.weight"));
        let checkpoint = checkpoint.each_ref().map(String::as_str);
        assert_eq!(ordered(Some("llama"), &checkpoint), [checkpoint[0], checkpoint[2], checkpoint[1]]);
        let gemma = ordered(Some("gemma3"), &names);
        assert_eq!(gemma[4..7], ["blk.0.attn_k.weight", "blk.0.attn_k.bias", "blk.0.attn_v.weight"]);
    }
}
