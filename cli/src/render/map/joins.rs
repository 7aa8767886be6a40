//! From the tensors of one map to the same ones in the map below it.

use std::collections::{HashMap, HashSet};

use packbench_core::record::{Moves, TensorFacts};
use packbench_core::unit::Bytes;

use super::canvas::{Anchor, Canvas, Path};
use super::family::Family;
use super::plot::Plot;

/// Between two maps.
pub const HEIGHT: f64 = 210.0;

pub fn draw(canvas: &mut Canvas, upper: &Plot<'_>, lower: &Plot<'_>, moves: &Moves) {
    let moved: HashSet<&str> = moves.moved.iter().map(|moved| moved.name.as_str()).collect();
    let by_name: HashMap<&str, &TensorFacts> =
        upper.model.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut stays = Path::default();
    let mut joins: Vec<(Family, Path)> = Vec::new();
    for tensor in &lower.model.tensors {
        let Some(before) = by_name.get(tensor.name.as_str()) else { continue };
        let (from, to) = (upper.on_strip(before), lower.on_strip(tensor));
        let (top, bottom) = (from.bottom() + 2.0, to.top - 14.0);
        let middle = (top + bottom) / 2.0;
        if moved.contains(tensor.name.as_str()) {
            let mut path = Path::default();
            path.move_to((from.middle(), top));
            path.curve_to((from.middle(), middle), (to.middle(), middle), (to.middle(), bottom));
            joins.push((Family::of(&tensor.group), path));
        } else {
            stays.move_to((from.left, top));
            stays.curve_to((from.left, middle), (to.left, middle), (to.left, bottom));
            stays.line_to((to.left + to.width, bottom));
            let (left, right) = (to.left + to.width, from.left + from.width);
            stays.curve_to((left, middle), (right, middle), (right, top));
            stays.close();
        }
    }
    canvas.path("stays", &stays);
    for (family, path) in &joins {
        canvas.path(&format!("join to_{family}"), path);
    }
    let bytes: Bytes = moves.moved.iter().map(|moved| Bytes(moved.bytes)).sum();
    let middle = (upper.strip.bottom() + lower.strip.top) / 2.0;
    let lines =
        [format!("{} of {}", moves.moved.len(), moves.common), "tensors moved".to_owned(), bytes.to_string()];
    for (line, text) in lines.iter().enumerate() {
        canvas.text(
            "small soft",
            (upper.strip.left - 8.0, middle + 14.0 * line as f64 - 14.0),
            Anchor::End,
            text,
        );
    }
}
