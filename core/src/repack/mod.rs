//! The same tensors in another order: a new file, put together from those that a model lies in.

mod apply;
mod plan;

pub use apply::{Apply, ApplyError, ReadBack, Source};
pub use plan::{Plan, Relocation, SafetensorsError, Section, gguf, safetensors};
