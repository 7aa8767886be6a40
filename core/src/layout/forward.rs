//! The order in which a model runs, derived from the names of its tensors: for files that no engine at hand can run, and
//! before one has.
//!
//! The tables follow the graphs of llama.cpp, whose nodes are computed in the order in which
//! `ggml_build_forward_expand` meets them (`src/llama-graph.cpp`, `src/models/`). Traces decide where they differ:
//! `engine/tests/engine/order.rs` holds both against each other.

use super::{Place, place};

/// What runs before the layers. The rows of a prompt's tokens are picked from these.
const EMBEDDINGS: &[&str] =
    &["token_embedding", "position_embd", "token_types", "token_embd_norm", "per_layer_token_embd"];
const PER_LAYER_INPUTS: &[&str] = &["per_layer_model_proj", "per_layer_proj_norm"];

/// A layer up to its queries.
const BEFORE_ATTENTION: &[&str] = &[
    "attn_norm",
    "attn_norm_2",
    "attn_q_a",
    "attn_q_a_norm",
    "attn_q_b",
    "attn_kv_a_mqa",
    "attn_kv_a_norm",
    "attn_k_b",
    "attn_kv_b",
    "attn_v_b",
    "attn_qkv",
];

/// Queries, keys, values. What turns queries by their position (`rope_*`) is one for all layers: the first reads it.
const QUERY_VALUE_KEY: &[&str] = &[
    "attn_q",
    "attn_q_norm",
    "rope_freqs",
    "rope_factors_long",
    "rope_factors_short",
    "attn_v",
    "attn_k",
    "attn_k_norm",
];
const QUERY_KEY_VALUE: &[&str] = &[
    "attn_q",
    "attn_q_norm",
    "rope_freqs",
    "rope_factors_long",
    "rope_factors_short",
    "attn_k",
    "attn_k_norm",
    "attn_v",
];

/// A layer from its attention on.
const AFTER_ATTENTION: &[&str] = &[
    "attn_sinks",
    "attn_gate",
    "shortconv.in_proj",
    "shortconv.conv",
    "shortconv.out_proj",
    "ssm_in",
    "ssm_conv1d",
    "ssm_x",
    "ssm_dt_norm",
    "ssm_dt",
    "ssm_b_norm",
    "ssm_c_norm",
    "ssm_a",
    "ssm_d",
    "ssm_norm",
    "ssm_out",
    "attn_sub_norm",
    "attn_output",
    "attn_output_norm",
    "post_attention_norm",
    "ffn_norm",
    "ffn_gate_inp",
    "exp_probs_b",
    "ffn_gate_exps",
    "ffn_up_exps",
    "ffn_gate_up_exps",
    "ffn_down_exps",
    "ffn_gate_shexp",
    "ffn_up_shexp",
    "ffn_down_shexp",
    "ffn_gate_inp_shexp",
    "ffn_gate",
    "ffn_up",
    "ffn_sub_norm",
    "ffn_down",
    "post_ffw_norm",
    "layer_output_norm",
    "layer_output_scale",
];

/// What runs behind the layers.
const OUTPUTS: &[&str] = &["output_norm", "output"];

/// How an architecture departs from most: whose attention looks back over a window (llama.cpp's `build_attn` over
/// `llm_graph_input_attn_kv_iswa`) computes keys before values.
const ATTENTION: &[(&[&str], &[&str])] = &[(
    &[
        "afmoe",
        "cohere2",
        "exaone-moe",
        "exaone4",
        "gemma2",
        "gemma3",
        "gemma3n",
        "gemma4",
        "gpt-oss",
        "llama4",
        "plamo3",
        "smallthinker",
        "step35",
    ],
    QUERY_KEY_VALUE,
)];

/// Where a tensor stands in the forward pass: compared from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    stage: Stage,
    layer: u32,
    group: usize,
    suffix: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Input,
    Layers,
    Output,
    Unknown,
}

/// The numbers of `names` in the order in which the model reads them first. Groups that no table names come last in
/// their layer, tensors that belong to no layer and to no table last of all, both as they stand in `names`.
pub(super) fn forward(architecture: Option<&str>, names: &[&str]) -> Vec<usize> {
    let attention = attention(architecture);
    let ranks: Vec<Rank> = names.iter().map(|name| rank(name, attention)).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&index| ranks[index]);
    order
}

fn attention(architecture: Option<&str>) -> &'static [&'static str] {
    let own = architecture.and_then(|name| ATTENTION.iter().find(|(names, _)| names.contains(&name)));
    own.map_or(QUERY_VALUE_KEY, |(_, order)| order)
}

fn rank(name: &str, attention: &[&str]) -> Rank {
    let Place { group, layer } = place(name);
    let position = |lists: &[&[&str]]| lists.iter().copied().flatten().position(|known| *known == group);
    let in_layer = || position(&[BEFORE_ATTENTION, attention, AFTER_ATTENTION]);
    let (stage, group) = match layer {
        Some(_) => (Stage::Layers, in_layer().unwrap_or(usize::MAX)),
        None => position(&[EMBEDDINGS, PER_LAYER_INPUTS])
            .map(|position| (Stage::Input, position))
            .or_else(|| in_layer().map(|position| (Stage::Layers, position)))
            .or_else(|| position(&[OUTPUTS]).map(|position| (Stage::Output, position)))
            .unwrap_or((Stage::Unknown, 0)),
    };
    // a bias is added to what its weight gave
    let suffix = if name.ends_with(".weight") { 0 } else { 1 };
    Rank { stage, layer: layer.unwrap_or(0), group, suffix }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered<'a>(architecture: Option<&str>, names: &[&'a str]) -> Vec<&'a str> {
        forward(architecture, names).into_iter().map(|index| names[index]).collect()
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
        let gemma = ordered(Some("gemma3"), &names);
        assert_eq!(gemma[4..7], ["blk.0.attn_k.weight", "blk.0.attn_k.bias", "blk.0.attn_v.weight"]);
    }
}
