//! The architectures whose gradients are known: a table. An entry says what a model's metadata don't; a model whose
//! layers are put together otherwise gets a block function of its own beside [`crate::block`].

use crate::ops::{Activation, Pairing};

/// What is the same in all models of an architecture.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    /// As `general.architecture` spells it.
    pub name: &'static str,
    /// Which elements of a head turn together.
    pub pairing: Pairing,
    /// How gates open.
    pub activation: Activation,
    /// Whether embeddings are multiplied by the root of their length.
    pub scales_embedding: bool,
    /// One in so many layers looks back to the first token, the last of each run, unless the file says otherwise;
    /// `None` when all do.
    pub window_pattern: Option<usize>,
    /// With so many layers scores are scaled by the root of embedding ÷ heads, not of the length of a key.
    pub scaled_by_share_with: Option<usize>,
}

const TABLE: [Architecture; 3] = [
    Architecture {
        name: "llama",
        pairing: Pairing::Neighbours,
        activation: Activation::Silu,
        scales_embedding: false,
        window_pattern: None,
        scaled_by_share_with: None,
    },
    Architecture {
        name: "qwen2",
        pairing: Pairing::Halves,
        activation: Activation::Silu,
        scales_embedding: false,
        window_pattern: None,
        scaled_by_share_with: None,
    },
    Architecture {
        name: "gemma3",
        pairing: Pairing::Halves,
        activation: Activation::GeluTanh,
        scales_embedding: true,
        window_pattern: Some(6),
        // its largest model
        scaled_by_share_with: Some(62),
    },
];

/// The entry of that name.
pub fn find(name: &str) -> Option<Architecture> {
    TABLE.into_iter().find(|architecture| architecture.name == name)
}

/// All names.
pub fn names() -> String {
    TABLE.map(|architecture| architecture.name).join(", ")
}
