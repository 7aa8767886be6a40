//! A new header, read as any file's, held against what it was made for.

use std::collections::HashMap;

use super::{Plan, Relocation};
use crate::gguf::Gguf;
use crate::layout::{Format, Layout, TensorExtent};
use crate::safetensors::{Config, Safetensors};
use crate::unit::Bytes;

/// Whether `bytes`, a new file that has only its header, describes the tensors of `old`: each under its name, with its
/// shape and type, and where `plan` is going to copy it.
pub(super) fn describes(bytes: &[u8], format: Format, old: &Layout, plan: &Plan) -> bool {
    let Some(new) = layout(bytes, format) else { return false };
    let old: HashMap<&str, &TensorExtent> =
        old.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let planned: HashMap<_, &Relocation> =
        plan.data.iter().map(|relocation| (relocation.at, relocation)).collect();
    let fits = |new: &TensorExtent| {
        let Some(old) = old.get(new.name.as_str()) else { return false };
        let expected = Relocation { source: old.file, range: old.data, at: new.data.start };
        let same = (old.kind, &old.shape, old.data.len) == (new.kind, &new.shape, new.data.len);
        same && (old.data.len == Bytes(0) || planned.get(&new.data.start) == Some(&&expected))
    };
    new.tensors.len() == old.len() && new.tensors.iter().all(fits)
}

fn layout(bytes: &[u8], format: Format) -> Option<Layout> {
    let names = [""];
    match format {
        Format::Gguf => Layout::of_gguf(&[Gguf::parse(bytes).ok()?], &names).ok(),
        Format::Safetensors => {
            Some(Layout::of_safetensors(&[Safetensors::parse(bytes).ok()?], &names, &Config::default()))
        }
    }
}
