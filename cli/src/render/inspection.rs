//! The answer of `packbench inspect`.

use packbench_core::record::{Inspection, TensorFacts, Total};
use packbench_core::unit::Bytes;

use super::table::{or_dash, table};

/// What the file is, its tensors in the order of the file, and sums.
pub fn inspection(inspection: &Inspection) -> String {
    let heading = heading(inspection);
    if inspection.vocabulary_only {
        return heading + "\nA vocabulary and no tensors: there is nothing to measure.\n";
    }
    let rows = inspection.tensors.iter().map(tensor_row);
    let tensors = table(&["offset", "bytes", "type", "tensor", "shape"], 0, rows);
    let sums = [
        sums("type", &inspection.by_type, inspection.tensor_bytes),
        sums("group", &inspection.by_group, inspection.tensor_bytes),
        sums("layer", &inspection.by_layer, inspection.tensor_bytes),
    ];
    format!("{heading}\n{tensors}\n{}", sums.join("\n"))
}

fn tensor_row(tensor: &TensorFacts) -> Vec<String> {
    let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
    vec![
        tensor.offset_bytes.to_string(),
        tensor.bytes.to_string(),
        tensor.ggml_type.clone(),
        tensor.name.clone(),
        shape.join(" × "),
    ]
}

fn heading(inspection: &Inspection) -> String {
    let mut text = format!(
        "{}, {}, {}: {}\n",
        inspection.format,
        or_dash(inspection.architecture.as_ref()),
        or_dash(inspection.name.as_ref()),
        Bytes(inspection.file_bytes)
    );
    if let Some(part) = inspection.part {
        text += &format!("part {} of {} of a split model\n", part.number, part.of);
    }
    text += &format!(
        "{} tensors, {} of data after a header of {}, aligned to {} bytes\n",
        inspection.tensors.len(),
        Bytes(inspection.tensor_bytes),
        Bytes(inspection.header_bytes),
        inspection.alignment_bytes,
    );
    text
}

fn sums(title: &str, totals: &[Total], all: u64) -> String {
    let share = |bytes: u64| format!("{:.1} %", bytes as f64 * 100.0 / all.max(1) as f64);
    let row = |total: &Total| {
        vec![
            total.name.clone(),
            total.tensors.to_string(),
            Bytes(total.bytes).to_string(),
            share(total.bytes),
        ]
    };
    table(&[title, "tensors", "bytes", "share"], 1, totals.iter().map(row))
}
