//! Weights that lie on a grid already.

use packbench_core::gguf::{GgmlType, Tensor};

use crate::FimError;
use crate::price;

/// Refuses the types whose grid is as fine as that of the tensor, or finer: its weights would lie on it, or near it.
pub fn on_grid(tensor: &Tensor<'_>, types: &[GgmlType]) -> Option<FimError> {
    let row = tensor.dims.row() as usize;
    let fine = price::allowed(types, tensor.name, row, true)
        .into_iter()
        .filter(|kind| kind.bits_per_weight() >= tensor.ggml_type.bits_per_weight());
    let types: Vec<GgmlType> = fine.filter(|kind| kind.block_elements() > 1).collect();
    (!types.is_empty()).then(|| FimError::OnGrid {
        name: tensor.name.to_owned(),
        found: tensor.ggml_type,
        types,
    })
}
