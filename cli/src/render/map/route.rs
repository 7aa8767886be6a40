//! The forward pass through the map: through the tensors in the order in which they are needed.

use packbench_core::record::PlacedRead;

use super::canvas::{Anchor, Area, Canvas, Path};
use super::plot::Plot;

/// A read on the page: from its left to its right end, a little further down.
#[derive(Clone, Copy)]
struct Step {
    start: (f64, f64),
    end: (f64, f64),
    /// The bytes that it covers, on the line that the files make.
    bytes: (u64, u64),
}

/// Draws the route over the bands.
pub fn draw(canvas: &mut Canvas, plot: &Plot<'_>) {
    let steps = steps(plot);
    let (mut runs, mut jumps, mut back) = (Path::default(), Path::default(), Path::default());
    for step in &steps {
        runs.move_to(step.start);
        runs.line_to(step.end);
    }
    let tensors = plot.tensors_on_line();
    for pair in steps.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let path = match leap(from, to, &tensors) {
            Leap::None => &mut runs,
            Leap::Ahead => &mut jumps,
            Leap::Back => &mut back,
        };
        path.move_to(from.end);
        path.line_to(to.start);
    }
    canvas.path("back", &back);
    canvas.path("jump", &jumps);
    canvas.path("under", &runs);
    canvas.path("run", &runs);
    again(canvas, plot);
}

enum Leap {
    None,
    Ahead,
    Back,
}

/// Whether one read goes on where the other ended: no byte of a tensor lies between them. `tensors` are where tensors
/// begin and end, in the order of the file.
fn leap(from: &Step, to: &Step, tensors: &[(u64, u64)]) -> Leap {
    let (end, start) = (from.bytes.1, to.bytes.0);
    if start < end {
        return Leap::Back;
    }
    match tensors.get(tensors.partition_point(|&(_, other)| other <= end)) {
        Some(&(next, _)) if next < start => Leap::Ahead,
        _ => Leap::None,
    }
}

/// Tensors that are needed once more in another band than their own, such as a tied embedding.
fn again(canvas: &mut Canvas, plot: &Plot<'_>) {
    for (read, band) in placed(plot) {
        let tensor = &plot.model.tensors[read.tensor as usize];
        if band != plot.band_of[read.tensor as usize] {
            let (left, width) = plot.across(tensor.file, read.offset_bytes, read.bytes);
            let band = &plot.bands[band];
            let area = Area { left, top: band.top, width, height: band.height };
            canvas.area("again", area, None);
            let text = format!("{} once more", tensor.name);
            if width > 7.0 * text.len() as f64 {
                canvas.text("small soft halo", (area.left + 8.0, area.bottom() - 4.0), Anchor::Start, &text);
            }
        }
    }
}

/// Each read with its band: that of its tensor, or, when the pass has gone on, the last.
fn placed<'a>(plot: &'a Plot<'_>) -> impl Iterator<Item = (&'a PlacedRead, usize)> {
    let mut reached = 0;
    plot.model.forward.reads.iter().map(move |read| {
        let own = plot.band_of[read.tensor as usize];
        reached = reached.max(own);
        let is_outer = plot.model.tensors[read.tensor as usize].layer.is_none();
        (read, if is_outer && own < reached { reached } else { own })
    })
}

fn steps(plot: &Plot<'_>) -> Vec<Step> {
    let mut reads_in = vec![0u32; plot.bands.len()];
    placed(plot).for_each(|(_, band)| reads_in[band] += 1);
    let mut done = vec![0u32; plot.bands.len()];
    let step = |(read, band): (&PlacedRead, usize)| {
        let at = &plot.bands[band];
        let y = |place: u32| at.top + at.height * f64::from(place) / f64::from(reads_in[band].max(1));
        let place = done[band];
        done[band] += 1;
        let file = plot.model.tensors[read.tensor as usize].file;
        let (left, width) = plot.across(file, read.offset_bytes, read.bytes);
        let start = plot.line(file, read.offset_bytes);
        Step {
            start: (left, y(place)),
            end: (left + width, y(place + 1)),
            bytes: (start, start + read.bytes),
        }
    };
    placed(plot).map(step).collect()
}
