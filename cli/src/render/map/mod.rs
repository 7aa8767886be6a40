//! A map of where a model's tensors lie and in which order they are needed, as SVG: the file across, the forward pass
//! down. A file in forward order is a staircase, and the line through it never jumps.

mod bands;
mod canvas;
mod closeup;
mod family;
mod joins;
mod plot;
mod route;
mod scale;

use packbench_core::record::{Forward, ForwardSource, Inspection, Inspections, PageFacts};
use packbench_core::unit::Bytes;

use super::moves::title;
use canvas::{Anchor, Area, Canvas};
use family::Family;
use plot::{Plot, Strip};
use scale::Scale;

#[cfg(test)]
mod tests;

const WIDTH: f64 = 1280.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = 28.0;
const STYLE: &str = include_str!("map.css");

/// A map of one model, or of two one above the other with what moved between them.
pub fn map(inspections: &Inspections) -> String {
    let longest = inspections.models.iter().map(|model| model.file_bytes).max().unwrap_or(0);
    let scale = Scale { left: LEFT, width: WIDTH - LEFT - RIGHT, bytes: longest };
    let mut canvas = Canvas::default();
    let (height, named) = match &inspections.models[..] {
        [base, other] => (
            two(&mut canvas, scale, base, other, inspections),
            format!("{} and {}", title(base), title(other)),
        ),
        [model, ..] => (one(&mut canvas, scale, model), title(model).to_owned()),
        [] => (0.0, String::new()),
    };
    canvas.finish(WIDTH, height, &format!("Layout of {named}"), STYLE)
}

fn one(canvas: &mut Canvas, scale: Scale, model: &Inspection) -> f64 {
    let top = heading(canvas, 0.0, model);
    let top = legend(canvas, top, &[model]);
    let plot = Plot::new(model, scale, top + 18.0, Strip::Above);
    plot.draw(canvas);
    route::draw(canvas, &plot);
    let bottom = how_to_read(canvas, plot.bottom() + 20.0);
    closeup::draw(canvas, model, bottom + 10.0)
}

fn two(canvas: &mut Canvas, scale: Scale, base: &Inspection, other: &Inspection, all: &Inspections) -> f64 {
    let top = heading(canvas, 0.0, base);
    let top = legend(canvas, top, &[base, other]);
    let upper = Plot::new(base, scale, top + 18.0, Strip::Below);
    let lower = Plot::new(other, scale, upper.bottom() + joins::HEIGHT, Strip::Above);
    for plot in [&upper, &lower] {
        plot.draw(canvas);
        route::draw(canvas, plot);
    }
    if let Some(moves) = all.moves.first() {
        joins::draw(canvas, &upper, &lower, moves);
    }
    let bottom = heading(canvas, lower.bottom() + 4.0, other);
    how_to_read(canvas, bottom + 12.0) + 8.0
}

/// The file's name, what it is, and the figures. Answers where it ends.
fn heading(canvas: &mut Canvas, top: f64, model: &Inspection) -> f64 {
    let files = match model.files.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    canvas.text("h1", (LEFT, top + 34.0), Anchor::Start, &format!("{}{files}", title(model)));
    for (line, text) in [what(model), figures(model)].iter().enumerate() {
        canvas.text("soft", (LEFT, top + 55.0 + 18.0 * line as f64), Anchor::Start, text);
    }
    top + 84.0
}

fn what(model: &Inspection) -> String {
    let names = [Some(&model.format), model.architecture.as_ref(), model.name.as_ref()];
    let mut facts: Vec<String> = names.into_iter().flatten().cloned().collect();
    facts.push(Bytes(model.file_bytes).to_string());
    facts.push(format!("{} tensors", model.tensors.len()));
    if let Some(part) = model.part {
        facts.push(format!("part {} of {}", part.number, part.of));
    }
    if model.weights > 0 {
        facts.push(format!("{:.2} bits a weight", model.tensor_bytes as f64 * 8.0 / model.weights as f64));
    }
    facts.push(format!("aligned to {}", Bytes(model.aligned_to_bytes).exact()));
    facts.push(format!("{} of gaps", Bytes(model.gaps.bytes)));
    facts.join(" · ")
}

fn figures(model: &Inspection) -> String {
    let Forward { source, needed_bytes, in_file, at_best, .. } = &model.forward;
    let known = match source {
        ForwardSource::Traced => "traced",
        ForwardSource::Derived => "derived from names",
    };
    let mut facts = vec![
        format!("forward order ({known}): {} breaks, {} at best", in_file.breaks, at_best.breaks),
        format!("{} of seeks", Bytes(in_file.seek_bytes)),
        format!("first token needs {}", Bytes(*needed_bytes)),
    ];
    facts.extend(model.pages.iter().map(straddles));
    facts.join(" · ")
}

fn straddles(pages: &PageFacts) -> String {
    format!("{} tensors straddle {} pages", pages.straddling_tensors, Bytes(pages.page_bytes).exact())
}

/// Which colour is which family, and how much of the files each is. Answers where it ends.
fn legend(canvas: &mut Canvas, top: f64, models: &[&Inspection]) -> f64 {
    const STEP: f64 = 20.0;
    let all: u64 = models.iter().map(|model| model.file_bytes).sum();
    let sum = |of: fn(&Inspection) -> u64| models.iter().map(|model| of(model)).sum::<u64>();
    let family = |family: &Family| {
        let groups = models.iter().flat_map(|model| &model.by_group);
        let bytes = groups.filter(|total| Family::of(&total.name) == *family).map(|total| total.bytes).sum();
        (family.to_string(), family.label(), bytes)
    };
    let rest = [
        ("header".to_owned(), "header", sum(|model| model.header_bytes)),
        ("gap".to_owned(), "gaps", sum(|model| model.gaps.bytes)),
    ];
    let (mut x, mut y) = (LEFT, top);
    for (class, label, bytes) in Family::all().iter().map(family).chain(rest).filter(|(.., bytes)| *bytes > 0)
    {
        let text = format!("{label} {:.1} %", bytes as f64 * 100.0 / all.max(1) as f64);
        let width = 16.0 + 7.0 * text.chars().count() as f64 + 8.0;
        if x + width > WIDTH - RIGHT {
            (x, y) = (LEFT, y + STEP);
        }
        canvas.area(&class, Area { left: x, top: y, width: 11.0, height: 11.0 }, None);
        canvas.text("", (x + 16.0, y + 10.0), Anchor::Start, &text);
        x += width;
    }
    y + STEP + 4.0
}

fn how_to_read(canvas: &mut Canvas, top: f64) -> f64 {
    let text = "Across: the place in the file. Down: the forward pass. The line goes through the tensors in the order in \
                which the first token needs them: thick while it reads on, thin where it jumps ahead, red where it goes back.";
    canvas.text("soft small", (LEFT, top), Anchor::Start, text);
    top + 14.0
}
