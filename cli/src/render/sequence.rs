//! The order of a file in a few words: `token_embedding, layers 0–1, 10–19, 2, output_norm`.

use packbench_core::record::Inspection;

/// Stretches that are named at the most.
const LONGEST: usize = 24;

/// What stands in the files one after the other: layers that count up one by one as one stretch, what belongs to no layer
/// by its group.
pub fn sequence(model: &Inspection) -> String {
    let stretches = stretches(model);
    let mut text = String::new();
    let mut in_layers = false;
    for stretch in stretches.iter().take(LONGEST) {
        let separator = if text.is_empty() { "" } else { ", " };
        text += &match stretch {
            Stretch::Layers(first, last) => {
                let word = if in_layers { "" } else { "layers " };
                let range = if first == last { first.to_string() } else { format!("{first}–{last}") };
                format!("{separator}{word}{range}")
            }
            Stretch::Outside(group) => format!("{separator}{group}"),
        };
        in_layers = matches!(stretch, Stretch::Layers(..));
    }
    match stretches.len().saturating_sub(LONGEST) {
        0 => text,
        more => format!("{text} and {more} stretches more"),
    }
}

enum Stretch<'a> {
    /// The first and the last.
    Layers(u32, u32),
    /// A group.
    Outside(&'a str),
}

fn stretches(model: &Inspection) -> Vec<Stretch<'_>> {
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    for tensor in &model.tensors {
        match (tensor.layer, stretches.last_mut()) {
            (Some(layer), Some(Stretch::Layers(_, last))) if layer == *last => {}
            (Some(layer), Some(Stretch::Layers(_, last))) if layer == last.saturating_add(1) => *last = layer,
            (Some(layer), _) => stretches.push(Stretch::Layers(layer, layer)),
            (None, Some(Stretch::Outside(group))) if *group == tensor.group => {}
            (None, _) => stretches.push(Stretch::Outside(&tensor.group)),
        }
    }
    stretches
}
