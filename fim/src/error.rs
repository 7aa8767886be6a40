//! Why a model can't be scored.

use packbench_core::gguf::{self, GgmlType};
use packbench_core::os::OsError;
use packbench_engine::rows::RowError;

use crate::architecture;

/// Why a model can't be scored.
#[derive(Debug, thiserror::Error)]
pub enum FimError {
    /// The file isn't a GGUF, or holds values of other types than its keys have.
    #[error(transparent)]
    Gguf(#[from] gguf::Error),
    /// An architecture that isn't in the table.
    #[error(
        "found architecture {found:?}, expected one of {}: CONTRIBUTING says how to add one",
        architecture::names()
    )]
    Architecture {
        /// `general.architecture`.
        found: String,
    },
    /// A value that a model of this architecture has is missing, or makes no model.
    #[error("metadata value {key}: {found}, expected {expected}")]
    Metadata {
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// Something of the model that isn't computed here.
    #[error("{what} is not computed here: its gradients would be wrong")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// A tensor that a model of this architecture has is missing, or has another shape.
    #[error("tensor {name:?}: {found}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A tensor's rows can't be read.
    #[error("tensor {name:?}")]
    Rows {
        /// Its name.
        name: String,
        /// Why.
        source: RowError,
    },
    /// A tensor lies on the grid of types that it should be priced in.
    #[error(
        "tensor {name:?} is {found} already: its errors in {} would come out too small. Add --dither, which \
         lays noise over it within its cells, or take an original in F16 or F32",
        list(types)
    )]
    OnGrid {
        /// Its name.
        name: String,
        /// How it is stored.
        found: GgmlType,
        /// The types.
        types: Vec<GgmlType>,
    },
    /// A type that can't be dithered.
    #[error("tensor {name:?} is {found}, whose cells are not known here: score an original in F16 or F32")]
    Undithered {
        /// Its name.
        name: String,
        /// How it is stored.
        found: GgmlType,
    },
    /// A type that nothing can be priced in.
    #[error("the engine can't write {ggml_type}: leave it out")]
    Type {
        /// The type.
        ggml_type: GgmlType,
    },
    /// A text that is too short.
    #[error(
        "the texts have {found} tokens, expected at least {expected}, {sequences} sequences of {length}: give more text, or ask for fewer"
    )]
    TextTooShort {
        /// How many tokens there are.
        found: usize,
        /// How many there should be.
        expected: usize,
        /// Sequences that were asked for.
        sequences: u32,
        /// Tokens of each.
        length: u32,
    },
    /// Sequences that there is nothing to learn from.
    #[error("found {found}, expected {expected}")]
    Request {
        /// What was asked for.
        found: String,
        /// What can be.
        expected: &'static str,
    },
    /// Something that is no number, where it was found first.
    #[error("{what} holds values that are no numbers: the model's weights are damaged, or overflow")]
    NotFinite {
        /// What.
        what: String,
    },
    /// What was kept of an earlier run can't be gone on with.
    #[error("{path}: {problem}: remove it to begin anew")]
    Checkpoint {
        /// Where it lies.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What there is can't be kept.
    #[error("writing {path}")]
    Keep {
        /// Where.
        path: String,
        /// What the system said.
        source: OsError,
    },
    /// It was asked to stop.
    #[error("it was asked to stop")]
    Cancelled,
}

fn list(types: &[GgmlType]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
