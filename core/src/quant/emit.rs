//! A plan for llama.cpp's own tool.

use super::rules;
use crate::gguf::GgmlType;
use crate::layout::{Place, place};
use crate::record::{Override, QuantPlan};

/// A line of the tool's tensor-type file: the tensors that `pattern` finds get the type. The first that fits counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorType {
    /// A regular expression that is searched for in tensors' names.
    pub pattern: String,
    /// The type.
    pub ggml_type: GgmlType,
}

impl std::fmt::Display for TensorType {
    /// `^blk\.12\.ffn_down\.weight$=q6_k`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.pattern, self.ggml_type.to_string().to_ascii_lowercase())
    }
}

/// One anchored pattern a tensor where the plan lists its tensors, else one a group and layer of the published form.
pub fn tensor_types(plan: &QuantPlan) -> Vec<TensorType> {
    match &plan.packbench {
        Some(planning) => {
            let line = |name: &str| format!("^{}$", name.replace('.', r"\."));
            let tensors = planning.tensors.iter();
            tensors
                .map(|tensor| TensorType { pattern: line(&tensor.name), ggml_type: tensor.ggml_type })
                .collect()
        }
        None => plan.overrides.iter().flat_map(of_override).collect(),
    }
}

/// The type that the overrides of a plan ask for, by the group that they name; `None` for a tensor that none is about.
pub fn asked_type(plan: &QuantPlan, tensor: &str) -> Option<GgmlType> {
    let Place { group, layer } = place(tensor);
    let one = plan.overrides.iter().find(|one| rules::concerns(one, group, layer));
    one.filter(|_| tensor.ends_with(".weight")).map(|one| one.qtype)
}

fn of_override(one: &Override) -> Vec<TensorType> {
    let line = |pattern: String| TensorType { pattern, ggml_type: one.qtype };
    match &one.layers {
        Some(layers) => {
            layers.iter().map(|layer| line(format!(r"^blk\.{layer}\.{}\.weight$", one.pattern))).collect()
        }
        None if one.pattern.starts_with('^') => vec![line(one.pattern.clone())],
        None => vec![line(format!(r"^blk\.[0-9]+\.{}\.weight$", one.pattern))],
    }
}
