//! One model's part of the map: a strip that is the file, and a band for each layer.

use packbench_core::record::{Inspection, TensorFacts};
use packbench_core::unit::Bytes;

use super::bands::{Band, bands};
use super::canvas::{Anchor, Area, Canvas, Path};
use super::family::Family;
use super::scale::{Scale, round_label};

/// Where the strip lies: a joined map has its strips face each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    Above,
    Below,
}

/// A model laid out on the page.
pub struct Plot<'a> {
    pub model: &'a Inspection,
    pub bands: Vec<Band>,
    /// Which band holds each tensor.
    pub band_of: Vec<usize>,
    pub strip: Area,
    scale: Scale,
    /// Where each file begins on the line that they make.
    files: Vec<u64>,
    bottom: f64,
}

const STRIP: f64 = 18.0;

impl<'a> Plot<'a> {
    pub fn new(model: &'a Inspection, scale: Scale, top: f64, strip: Strip) -> Self {
        let mut sum = 0;
        let files = model.files.iter().map(|file| {
            let start = sum;
            sum += file.file_bytes;
            start
        });
        let files = files.collect();
        let first_band = if strip == Strip::Above { top + STRIP + 8.0 } else { top };
        let bands = bands(model, first_band);
        let end = bands.last().map_or(first_band, |band| band.top + band.height);
        let mut band_of = vec![0; model.tensors.len()];
        for (number, band) in bands.iter().enumerate() {
            band.tensors.iter().for_each(|&tensor| band_of[tensor] = number);
        }
        let strip_top = if strip == Strip::Above { top } else { end + 8.0 };
        let strip = Area { left: scale.left, top: strip_top, width: scale.width, height: STRIP };
        Plot { model, bands, band_of, strip, scale, files, bottom: end.max(strip.bottom()) }
    }

    pub fn bottom(&self) -> f64 {
        self.bottom
    }

    /// Where bytes of a file lie across the page: left edge and width.
    pub fn across(&self, file: u32, offset: u64, bytes: u64) -> (f64, f64) {
        self.scale.across(self.line(file, offset), bytes)
    }

    /// Where an offset lies on the line that the files make.
    pub fn line(&self, file: u32, offset: u64) -> u64 {
        self.files[file as usize].saturating_add(offset)
    }

    /// Where each tensor begins and ends on that line, in order.
    pub fn tensors_on_line(&self) -> Vec<(u64, u64)> {
        let range = |tensor: &TensorFacts| {
            let start = self.line(tensor.file, tensor.offset_bytes);
            (start, start + tensor.bytes)
        };
        self.model.tensors.iter().filter(|tensor| tensor.bytes > 0).map(range).collect()
    }

    /// Where a tensor lies on the strip.
    pub fn on_strip(&self, tensor: &TensorFacts) -> Area {
        let (left, width) = self.across(tensor.file, tensor.offset_bytes, tensor.bytes);
        Area { left, width, ..self.strip }
    }

    pub fn draw(&self, canvas: &mut Canvas) {
        self.draw_ground(canvas);
        self.draw_ticks(canvas);
        for tensor in &self.model.tensors {
            canvas.area(&class(tensor), self.on_strip(tensor), None);
        }
        for band in &self.bands {
            for &index in &band.tensors {
                let tensor = &self.model.tensors[index];
                let (left, width) = self.across(tensor.file, tensor.offset_bytes, tensor.bytes);
                let area = Area { left, top: band.top, width, height: band.height };
                canvas.area(&class(tensor), area, Some(&tooltip(tensor)));
            }
        }
    }

    fn draw_ground(&self, canvas: &mut Canvas) {
        let every = self.bands.iter().map(|band| band.height).fold(f64::MAX, f64::min);
        let mut last = f64::MIN;
        for band in &self.bands {
            let (left, width) = self.scale.across(0, self.model.file_bytes);
            canvas.area("band", Area { left, top: band.top, width, height: band.height }, None);
            let baseline = band.top + band.height / 2.0 + 3.5;
            if every >= 10.0 || baseline - last >= 12.0 {
                canvas.text("small soft", (self.scale.left - 8.0, baseline), Anchor::End, &band.label);
                last = baseline;
            }
        }
        canvas.area("gap", Area { width: self.scale.across(0, self.model.file_bytes).1, ..self.strip }, None);
        canvas.text("small soft", (self.scale.left - 8.0, self.strip.top + 12.5), Anchor::End, "file");
        for (number, file) in self.model.files.iter().enumerate() {
            let (left, width) = self.across(number as u32, 0, file.header_bytes);
            canvas.area(
                "header",
                Area { left, width, ..self.strip },
                Some(&format!("header of {}", file.name)),
            );
        }
    }

    /// Round numbers of bytes, and where one file ends and the next begins.
    fn draw_ticks(&self, canvas: &mut Canvas) {
        let (top, bottom) = (self.bands.first().map_or(self.strip.top, |band| band.top), self.bottom);
        let mut lines = Path::default();
        let step = self.scale.round_step();
        let above = self.strip.top < top;
        for tick in (0..=self.model.file_bytes / step).map(|tick| tick * step) {
            let x = self.scale.at(tick);
            lines.move_to((x, top));
            lines.line_to((x, bottom));
            let y = if above { self.strip.top - 5.0 } else { top - 5.0 };
            let label = if tick == 0 { "0".to_owned() } else { round_label(tick) };
            canvas.text("small soft", (x, y), Anchor::Middle, &label);
        }
        canvas.path("tick", &lines);
        let mut edges = Path::default();
        for &start in self.files.iter().skip(1) {
            edges.move_to((self.scale.at(start), top));
            edges.line_to((self.scale.at(start), bottom));
        }
        canvas.path("edge", &edges);
    }
}

fn class(tensor: &TensorFacts) -> String {
    let family = Family::of(&tensor.group);
    if tensor.forward.is_some() { family.to_string() } else { format!("{family} unread") }
}

fn tooltip(tensor: &TensorFacts) -> String {
    let read = match tensor.forward {
        Some(place) => format!("number {} in forward order", place + 1),
        None => "not needed for the first token".to_owned(),
    };
    let TensorFacts { name, kind, offset_bytes, bytes, .. } = tensor;
    format!("{name}: {kind}, {} at {offset_bytes}, {read}", Bytes(*bytes))
}
