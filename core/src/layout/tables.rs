//! Which groups a model reads one after the other.
//!
//! The tables follow the graphs of llama.cpp, whose nodes are computed in the order in which
//! `ggml_build_forward_expand` meets them (`src/llama-graph.cpp`, `src/models/`). Traces decide where they differ:
//! `engine/tests/engine/order.rs` holds both against each other.

/// What runs before the layers. The rows of a prompt's tokens are picked from these.
pub(super) const EMBEDDINGS: &[&str] =
    &["token_embedding", "position_embd", "token_types", "token_embd_norm", "per_layer_token_embd"];
pub(super) const INPUTS: &[&str] = &["altup_proj", "per_layer_model_proj", "per_layer_proj_norm"];

/// A layer up to its queries.
pub(super) const BEFORE_ATTENTION: &[&str] = &[
    "altup_router_norm",
    "altup_router",
    "altup_predict_coef",
    "attn_norm",
    "attn_norm_2",
    "attn_q_a",
    "attn_q_a_norm",
    "attn_q_b",
    "attn_qkv",
    "attn_q",
    "attn_q_norm",
];
/// What turns queries by their position is one for all layers: the first reads it.
pub(super) const ROTATION: &[&str] = &["rope_freqs", "rope_factors_long", "rope_factors_short"];
pub(super) const VALUES: &[&str] = &["attn_v"];
pub(super) const KEYS: &[&str] = &["attn_k", "attn_k_norm"];

/// A layer from its attention to its feed-forward; state spaces and convolutions that stand for attention.
pub(super) const ATTENTION: &[&str] = &[
    "attn_k_b",
    "attn_kv_a_mqa",
    "attn_kv_a_norm",
    "attn_kv_b",
    "attn_sinks",
    "attn_v_b",
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
    "laurel_l",
    "laurel_r",
    "laurel_post_norm",
];

pub(super) const FEED_FORWARD: &[&str] = &[
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
];
pub(super) const GATE: &[&str] = &["ffn_gate"];
pub(super) const UP: &[&str] = &["ffn_up"];
pub(super) const DOWN: &[&str] = &[
    "ffn_sub_norm",
    "ffn_down",
    "post_ffw_norm",
    "altup_correct_coef",
    "altup_correct_scale",
    "inp_gate",
    "proj",
    "post_norm",
    "layer_output_norm",
    "layer_output_scale",
];

/// What runs behind the layers.
pub(super) const OUTPUTS: &[&str] = &["altup_unembd_proj", "output_norm", "output"];

/// How an architecture departs from most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// Keys are computed before values, as they are where attention looks back over a window (`build_attn` over
    /// `llm_graph_input_attn_kv_iswa`).
    KeysFirst,
    /// Attention and feed-forward stand side by side, and what they give is summed: the feed-forward's is computed
    /// before attention's is put out.
    FeedForwardFirst,
    /// The feed-forward's other half is computed before its gate.
    UpFirst,
    /// The last norm bears the embedding's name.
    EmbeddingNormLast,
}

/// Architectures by their departures.
pub(super) const DEPARTURES: &[(Departure, &[&str])] = &[
    (
        Departure::KeysFirst,
        &[
            "afmoe",
            "cohere2",
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
    ),
    (Departure::FeedForwardFirst, &["cohere2", "command-r", "falcon", "gptneox", "plamo"]),
    (Departure::UpFirst, &["gemma3n"]),
    (Departure::EmbeddingNormLast, &["lfm2", "lfm2moe"]),
];
