//! What differs between layouts.

use packbench_core::record::{Inspection, Inspections, Move, Moves};
use packbench_core::unit::Bytes;

use super::table::table;

/// Tensors that are listed at the most; `--json` holds all.
const LONGEST_LIST: usize = 20;

/// A paragraph for each model that is held against the first.
pub fn moves(inspections: &Inspections) -> String {
    let [base, others @ ..] = &inspections.models[..] else { return String::new() };
    let pairs = others.iter().zip(&inspections.moves);
    let paragraphs: Vec<String> = pairs.map(|(other, moves)| paragraph(base, other, moves)).collect();
    paragraphs.join("\n")
}

fn paragraph(base: &Inspection, other: &Inspection, moves: &Moves) -> String {
    let (from, to) = (title(base), title(other));
    let bytes: Bytes = moves.moved.iter().map(|moved| Bytes(moved.bytes)).sum();
    let mut text = match moves.moved.len() {
        0 => format!("From {from} to {to}: {} tensors in the same order.\n", moves.common),
        moved => format!("From {from} to {to}: {moved} of {} tensors moved, {bytes}.\n", moves.common),
    };
    for (names, what) in [
        (&moves.changed, "of another type, shape or length"),
        (&moves.only_in_base, "only in the first"),
        (&moves.only_in_other, "only in the other"),
    ] {
        if !names.is_empty() {
            text += &format!("{} {what}: {}\n", names.len(), shortened(names));
        }
    }
    if !moves.moved.is_empty() {
        text += &("\n".to_owned() + &moved_table(&moves.moved));
    }
    text
}

/// The largest, in the order of the other.
fn moved_table(moved: &[Move]) -> String {
    let mut largest: Vec<&Move> = moved.iter().collect();
    largest.sort_by_key(|moved| (std::cmp::Reverse(moved.bytes), moved.to));
    largest.truncate(LONGEST_LIST);
    largest.sort_by_key(|moved| moved.to);
    let row = |moved: &&Move| {
        vec![
            moved.name.clone(),
            (moved.from + 1).to_string(),
            (moved.to + 1).to_string(),
            Bytes(moved.bytes).to_string(),
        ]
    };
    let listed = table(&["moved", "from", "to", "bytes"], 1, largest.iter().map(row));
    match moved.len().saturating_sub(LONGEST_LIST) {
        0 => listed,
        more => format!("{listed}and {more} smaller ones; --json lists all\n"),
    }
}

fn shortened(names: &[String]) -> String {
    const LISTED: usize = 5;
    let listed = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// What a model is called here: by its file, or by the first of them.
pub fn title(inspection: &Inspection) -> &str {
    inspection.files.first().map_or("–", |file| &file.name)
}
