//! Groups of tensors by what they do: so many colours can be told apart, so many families there are.

use strum::VariantArray;

/// A family of groups, named as the style sheet names its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Family {
    Embedding,
    Query,
    Key,
    Value,
    Mix,
    Gate,
    Up,
    Down,
    Norm,
    State,
    Other,
    Output,
}

impl Family {
    /// The family of a group.
    pub fn of(group: &str) -> Self {
        match group {
            "token_embedding" | "position_embd" | "token_types" | "per_layer_token_embd" => Family::Embedding,
            "output" => Family::Output,
            "attn_output" => Family::Mix,
            _ if group.contains("norm") => Family::Norm,
            _ if group.starts_with("attn_q") => Family::Query,
            _ if group.starts_with("attn_k") => Family::Key,
            _ if group.starts_with("attn_v") => Family::Value,
            _ if group.starts_with("ffn_gate_inp") => Family::Other,
            _ if group.starts_with("ffn_gate") => Family::Gate,
            _ if group.starts_with("ffn_up") => Family::Up,
            _ if group.starts_with("ffn_down") => Family::Down,
            _ if ["ssm_", "shortconv.", "time_mix", "channel_mix"]
                .iter()
                .any(|kind| group.starts_with(kind)) =>
            {
                Family::State
            }
            _ => Family::Other,
        }
    }

    /// All, in the order of the legend: that of the forward pass.
    pub fn all() -> &'static [Family] {
        Family::VARIANTS
    }

    /// What the legend calls it.
    pub fn label(self) -> &'static str {
        match self {
            Family::Embedding => "token embedding",
            Family::Query => "query",
            Family::Key => "key",
            Family::Value => "value",
            Family::Mix => "attention output",
            Family::Gate => "gate",
            Family::Up => "up",
            Family::Down => "down",
            Family::Norm => "norms",
            Family::State => "state space",
            Family::Other => "other",
            Family::Output => "output",
        }
    }
}
