//! What a tensor is for, told by its name: llama.cpp's names and those of Hugging Face's checkpoints.

/// A tensor's group and layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// `attn_q`, `ffn_down`, `token_embedding` …: the name without layer and suffix, in llama.cpp's words where it has
    /// one for it.
    pub group: &'a str,
    /// The layer; `None` for tensors that belong to none.
    pub layer: Option<u32>,
}

/// What stands behind a tensor's own name.
const SUFFIXES: [&str; 9] = [
    "weight",
    "bias",
    "qweight",
    "qzeros",
    "scales",
    "g_idx",
    "weight_packed",
    "weight_scale",
    "weight_shape",
];

/// What Hugging Face's checkpoints call the list of layers.
const LISTS: [&str; 5] = ["layers", "h", "blocks", "block", "layer"];

/// Names of checkpoints and llama.cpp's word for the same (`gguf-py/gguf/tensor_mapping.py`).
const CHECKPOINT: &[(&str, &str)] = &[
    ("embed_tokens", "token_embedding"),
    ("wte", "token_embedding"),
    ("word_embeddings", "token_embedding"),
    ("embed_in", "token_embedding"),
    ("wpe", "position_embd"),
    ("norm", "output_norm"),
    ("ln_f", "output_norm"),
    ("final_layer_norm", "output_norm"),
    ("final_layernorm", "output_norm"),
    ("lm_head", "output"),
    ("embed_out", "output"),
    ("input_layernorm", "attn_norm"),
    ("ln_1", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("self_attn.sinks", "attn_sinks"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.q_a_proj", "attn_q_a"),
    ("self_attn.q_a_layernorm", "attn_q_a_norm"),
    ("self_attn.q_b_proj", "attn_q_b"),
    ("self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"),
    ("self_attn.kv_a_layernorm", "attn_kv_a_norm"),
    ("self_attn.kv_b_proj", "attn_kv_b"),
    ("self_attn.dense", "attn_output"),
    ("attn.c_attn", "attn_qkv"),
    ("attn.c_proj", "attn_output"),
    ("attention.query_key_value", "attn_qkv"),
    ("attention.dense", "attn_output"),
    // llama's norm before the feed-forward and gemma's behind the attention: which one, only its neighbours tell
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
    ("ln_2", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.c_fc", "ffn_up"),
    ("mlp.c_proj", "ffn_down"),
    ("mlp.fc1", "ffn_up"),
    ("mlp.fc2", "ffn_down"),
    ("mlp.dense_h_to_4h", "ffn_up"),
    ("mlp.dense_4h_to_h", "ffn_down"),
    ("mlp.gate", "ffn_gate_inp"),
    ("mlp.router", "ffn_gate_inp"),
    ("mlp.gate.e_score_correction_bias", "exp_probs_b"),
    ("mlp.experts.gate_proj", "ffn_gate_exps"),
    ("mlp.experts.up_proj", "ffn_up_exps"),
    ("mlp.experts.down_proj", "ffn_down_exps"),
    ("mlp.shared_expert.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_expert.up_proj", "ffn_up_shexp"),
    ("mlp.shared_expert.down_proj", "ffn_down_shexp"),
    ("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
    ("mlp.shared_experts.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_experts.up_proj", "ffn_up_shexp"),
    ("mlp.shared_experts.down_proj", "ffn_down_shexp"),
    ("block_sparse_moe.gate", "ffn_gate_inp"),
    ("block_sparse_moe.experts.w1", "ffn_gate_exps"),
    ("block_sparse_moe.experts.w3", "ffn_up_exps"),
    ("block_sparse_moe.experts.w2", "ffn_down_exps"),
];

/// Tells the group and the layer of `blk.12.ffn_down.weight`: `ffn_down`, 12.
pub fn place(name: &str) -> Place<'_> {
    let stem =
        SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.')).unwrap_or(name);
    llama_cpp(stem).or_else(|| checkpoint(stem)).unwrap_or(Place { group: stem, layer: None })
}

fn llama_cpp(stem: &str) -> Option<Place<'_>> {
    if stem == "token_embd" {
        return Some(Place { group: "token_embedding", layer: None });
    }
    let (layer, group) = stem.strip_prefix("blk.")?.split_once('.')?;
    Some(Place { group, layer: Some(layer.parse().ok()?) })
}

fn checkpoint(stem: &str) -> Option<Place<'_>> {
    match in_list(stem) {
        Some((layer, rest)) => {
            Some(Place { group: known(rest).or_else(|| expert(rest)).unwrap_or(rest), layer: Some(layer) })
        }
        None => {
            let last = stem.rsplit_once('.').map_or(stem, |(_, last)| last);
            let plain = ["model", "transformer", "gpt_neox", "language_model"];
            let outside = stem.split('.').rev().skip(1).all(|part| plain.contains(&part));
            Some(Place { group: known(last).filter(|_| outside)?, layer: None })
        }
    }
}

/// The layer and the rest of `model.layers.12.mlp.up_proj`. A tower beside the language model has layers of its own.
fn in_list(stem: &str) -> Option<(u32, &str)> {
    let mut before = "";
    let mut rest = stem;
    while let Some((part, behind)) = rest.split_once('.') {
        if LISTS.contains(&before) {
            let (layer, group) = (part.parse().ok()?, behind);
            return Some((layer, group));
        }
        if ["vision", "visual", "audio"].iter().any(|tower| part.contains(tower)) {
            return None;
        }
        (before, rest) = (part, behind);
    }
    None
}

fn known(checkpoint: &str) -> Option<&'static str> {
    CHECKPOINT.iter().find(|(name, _)| *name == checkpoint).map(|&(_, group)| group)
}

/// `mlp.experts.7.up_proj` is of the group of `mlp.experts.up_proj`.
fn expert(rest: &str) -> Option<&'static str> {
    let (before, numbered) = rest.split_once(".experts.")?;
    let (number, behind) = numbered.split_once('.')?;
    number.parse::<u32>().ok()?;
    let matches = |name: &str| name.split_once(".experts.") == Some((before, behind));
    CHECKPOINT.iter().find(|(name, _)| matches(name)).map(|&(_, group)| group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> (&str, Option<u32>) {
        let Place { group, layer } = place(name);
        (group, layer)
    }

    #[test]
    fn names_tell_group_and_layer() {
        assert_eq!(told("blk.12.ffn_down.weight"), ("ffn_down", Some(12)));
        assert_eq!(told("blk.0.attn_q.bias"), ("attn_q", Some(0)));
        assert_eq!(told("token_embd.weight"), ("token_embedding", None));
        assert_eq!(told("output.weight"), ("output", None));
        assert_eq!(told("blk.x.odd"), ("blk.x.odd", None));
        assert_eq!(told(""), ("", None));
    }

    #[test]
    fn checkpoints_are_told_in_the_same_words() {
        assert_eq!(told("model.layers.12.mlp.down_proj.weight"), ("ffn_down", Some(12)));
        assert_eq!(told("model.layers.3.self_attn.q_proj.bias"), ("attn_q", Some(3)));
        assert_eq!(told("model.layers.3.self_attn.q_proj.qweight"), ("attn_q", Some(3)));
        assert_eq!(told("transformer.h.0.attn.c_attn.weight"), ("attn_qkv", Some(0)));
        assert_eq!(
            told("model.language_model.layers.1.mlp.experts.31.up_proj.weight"),
            ("ffn_up_exps", Some(1))
        );
        assert_eq!(told("model.layers.1.block_sparse_moe.experts.7.w2.weight"), ("ffn_down_exps", Some(1)));
        assert_eq!(told("model.layers.1.novelty.weight"), ("novelty", Some(1)));
        assert_eq!(told("model.embed_tokens.weight"), ("token_embedding", None));
        assert_eq!(told("model.norm.weight"), ("output_norm", None));
        assert_eq!(told("lm_head.weight"), ("output", None));
        let tower = "model.vision_tower.encoder.layers.1.norm";
        assert_eq!(place(&format!("{tower}.weight")), Place { group: tower, layer: None });
    }
}
