//! The rows of a map, in the order of the forward pass.

use std::collections::BTreeMap;

use packbench_core::record::{Inspection, TensorFacts};

/// A band outside the layers.
const OUTER: f64 = 15.0;
/// A layer of a model with few.
const TALLEST: f64 = 18.0;
/// That the layers together don't exceed.
const LAYERS: f64 = 640.0;

/// A row of the map: the tensors of one layer, or those that belong to none.
pub struct Band {
    pub label: String,
    pub top: f64,
    pub height: f64,
    /// Positions in `Inspection::tensors`.
    pub tensors: Vec<usize>,
}

/// What comes before the layers, the layers by number, and what comes behind them or nowhere.
pub fn bands(model: &Inspection, top: f64) -> Vec<Band> {
    let mut rows: BTreeMap<(u8, u32), Vec<usize>> = BTreeMap::new();
    for (index, row) in rows_of(model).into_iter().enumerate() {
        rows.entry(row).or_default().push(index);
    }
    let layers = rows.keys().filter(|(kind, _)| *kind == 1).count().max(1);
    let height = (LAYERS / layers as f64).min(TALLEST);
    let gap = if height > 8.0 { 2.0 } else { height / 10.0 };
    let mut next = top;
    rows.into_iter()
        .map(|((kind, layer), tensors)| {
            let (label, height) = match kind {
                0 => ("embedding".to_owned(), OUTER),
                1 => (format!("layer {layer}"), height - gap),
                _ => ("output".to_owned(), OUTER),
            };
            let band = Band { label, top: next, height, tensors };
            next += height + gap;
            band
        })
        .collect()
}

const BEFORE: (u8, u32) = (0, 0);
const BEHIND: (u8, u32) = (2, 0);

/// Which row each tensor belongs to: that of its layer, or where the forward pass comes to it.
fn rows_of(model: &Inspection) -> Vec<(u8, u32)> {
    let mut rows = vec![BEHIND; model.tensors.len()];
    let mut order: Vec<usize> = (0..model.tensors.len()).collect();
    // what isn't needed comes last
    order.sort_by_key(|&index| model.tensors[index].forward.unwrap_or(u32::MAX));
    let last = order.iter().rposition(|&index| is_read_in_layer(&model.tensors[index]));
    let mut row = BEFORE;
    for (place, index) in order.into_iter().enumerate() {
        let tensor = &model.tensors[index];
        if tensor.forward.is_none() || last.is_some_and(|last| place > last) {
            row = BEHIND;
        }
        if let Some(layer) = tensor.layer {
            row = (1, layer);
        }
        rows[index] = row;
    }
    rows
}

fn is_read_in_layer(tensor: &TensorFacts) -> bool {
    tensor.layer.is_some() && tensor.forward.is_some()
}
