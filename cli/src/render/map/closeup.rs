//! One layer at a size at which its tensors can be told apart: in the order of the file, with arcs along the forward
//! pass.

use packbench_core::record::{Inspection, TensorFacts};
use packbench_core::unit::Bytes;

use super::canvas::{Anchor, Area, Canvas, Path};
use super::family::Family;
use super::{LEFT, RIGHT, WIDTH};

const BOX: f64 = 34.0;
const ARCS: f64 = 74.0;
const LABELS: f64 = 118.0;
/// What the last label needs to the right of its box.
const LAST_LABEL: f64 = 110.0;
const BETWEEN: f64 = 3.0;
/// Between tensors that the file holds others between.
const APART: f64 = 16.0;
const NARROWEST: f64 = 26.0;
/// More tensors than this can't be told apart at any size that fits.
const MOST: usize = 34;

/// Draws the first layer that the file holds below `top`. Answers where the picture ends.
pub fn draw(canvas: &mut Canvas, model: &Inspection, top: f64) -> f64 {
    let first = model.tensors.iter().filter_map(|tensor| tensor.layer).min();
    let numbered = model.tensors.iter().enumerate();
    let tensors: Vec<(usize, &TensorFacts)> =
        numbered.filter(|(_, tensor)| tensor.layer == first && first.is_some()).collect();
    let Some(layer) = first.filter(|_| (2..=MOST).contains(&tensors.len())) else { return top };
    let title = format!("Layer {layer}, as it stands in the file");
    canvas.text("h2", (LEFT, top + 22.0), Anchor::Start, &title);
    let note = "The numbers are the forward order; arcs lead to what is needed next where that is no neighbour to the \
                right, red ones go back. Small tensors are drawn wider than they are.";
    canvas.text("soft small", (LEFT, top + 40.0), Anchor::Start, note);
    let row = top + 58.0 + ARCS;
    let boxes = boxes(&tensors, row);
    let mut order: Vec<usize> = (0..tensors.len()).filter(|&at| tensors[at].1.forward.is_some()).collect();
    order.sort_by_key(|&at| tensors[at].1.forward);
    for ((_, tensor), area) in tensors.iter().zip(&boxes) {
        let text = format!("{}, {}", short(tensor), Bytes(tensor.bytes));
        canvas.area(&Family::of(&tensor.group).to_string(), *area, None);
        canvas.slanted("small", (area.middle() - 4.0, area.bottom() + 14.0), &text);
    }
    for pair in boxes.windows(2).filter(|pair| pair[1].left - (pair[0].left + pair[0].width) > APART / 2.0) {
        canvas.text("soft", (pair[1].left - APART / 2.0, row + BOX / 2.0 + 4.0), Anchor::Middle, "⋯");
    }
    arcs(canvas, &order, &boxes);
    for (number, &at) in order.iter().enumerate() {
        canvas.text(
            "number",
            (boxes[at].middle(), row + BOX / 2.0 + 4.5),
            Anchor::Middle,
            &(number + 1).to_string(),
        );
    }
    row + BOX + LABELS
}

/// Widths by bytes, but wide enough for a number; apart where the file holds something between.
fn boxes(tensors: &[(usize, &TensorFacts)], top: f64) -> Vec<Area> {
    let count = tensors.len() as f64;
    let apart: f64 = tensors.windows(2).map(|pair| space(pair[0].0, pair[1].0)).sum();
    let room = WIDTH - LEFT - RIGHT - LAST_LABEL - apart - count * NARROWEST;
    let all: u64 = tensors.iter().map(|(_, tensor)| tensor.bytes).sum();
    let (mut left, mut before) = (LEFT, None);
    let place = |&(number, tensor): &(usize, &TensorFacts)| {
        left += before.map_or(0.0, |before| space(before, number));
        let width = NARROWEST + room * tensor.bytes as f64 / all.max(1) as f64;
        let area = Area { left, top, width, height: BOX };
        left += width;
        before = Some(number);
        area
    };
    tensors.iter().map(place).collect()
}

/// Between two tensors of the layer, by their numbers in the file.
fn space(before: usize, after: usize) -> f64 {
    if after == before + 1 { BETWEEN } else { APART }
}

/// Arcs to what is needed next, where that isn't the neighbour to the right. `order` are positions among the boxes.
fn arcs(canvas: &mut Canvas, order: &[usize], boxes: &[Area]) {
    let (mut ahead, mut back) = (Path::default(), Path::default());
    for pair in order.windows(2) {
        let (from, to) = (boxes[pair[0]], boxes[pair[1]]);
        let forward = pair[1] > pair[0];
        if forward && to.left - (from.left + from.width) < APART / 2.0 {
            continue;
        }
        let (path, aside) = if forward { (&mut ahead, 3.0) } else { (&mut back, -3.0) };
        let height = ((to.middle() - from.middle()).abs() * 0.36).clamp(18.0, ARCS * 1.3);
        let (start, end) = ((from.middle() + aside, from.top - 2.0), (to.middle() - aside, to.top - 2.0));
        path.move_to(start);
        path.curve_to((start.0, start.1 - height), (end.0, end.1 - height), end);
        path.move_to((end.0 - 3.0, end.1 - 6.0));
        path.line_to(end);
        path.line_to((end.0 + 3.0, end.1 - 6.0));
    }
    canvas.path("back", &back);
    canvas.path("arc", &ahead);
}

/// The name without the layer.
fn short(tensor: &TensorFacts) -> String {
    let bias = if tensor.name.ends_with(".bias") { " bias" } else { "" };
    format!("{}{bias}", tensor.group)
}
