//! Figures with two axes, and the map of layers.

use maud::{Markup, html};

use super::super::labels::places;
use super::scale::{Scale, share, tick};
use crate::page::{Axis, Grid, Lines, Point, PointKind, Scatter, Unit};

const HEIGHT: f64 = 260.0;
const FOOT: f64 = 22.0;
/// As wide as a figure is on most screens, in pixels: names keep apart there.
const USUAL_WIDTH: f64 = 900.0;
/// From the top of a name to the line that it stands on, in pixels.
const BASELINE: i32 = 10;

/// From the top of the plot, in pixels.
fn down(scale: &Scale, value: f64) -> f64 {
    HEIGHT - (HEIGHT - 18.0) * scale.percent(value) / 100.0
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

pub fn lines(figure: &Lines) -> Markup {
    let values = || figure.series.iter().flat_map(|series| series.samples.iter().flatten().copied());
    let up = Scale::logarithmic(values()).unwrap_or_else(|| Scale::from_zero(values()));
    let across = |index: usize| 8.0 + 86.0 * (index as f64 + 0.5) / figure.categories.len().max(1) as f64;
    let medians: Vec<Vec<(f64, f64)>> = figure
        .series
        .iter()
        .map(|series| {
            let median = |samples: &Vec<f64>| packbench_core::stats::Summary::of(samples.iter().copied());
            let points = series.samples.iter().enumerate();
            points.filter_map(|(index, samples)| Some((across(index), median(samples)?.median))).collect()
        })
        .collect();
    let words: Vec<String> = figure
        .series
        .iter()
        .zip(&medians)
        .map(|(series, medians)| {
            let values: Vec<String> =
                medians.iter().map(|(_, value)| figure.unit.of(*value).to_string()).collect();
            format!("{}: {}", series.name, values.join(", "))
        })
        .collect();
    html! {
        ul.legend { @for (index, series) in figure.series.iter().enumerate() {
            li { span class=(format!("key line series-{}", index % 4)) {} bdi { (series.name) } }
        } }
        svg.field role="img" aria-label=(words.join("; ")) height=(HEIGHT + FOOT) {
            (levels(figure.unit, &up))
            @for (index, (series, medians)) in figure.series.iter().zip(&medians).enumerate() {
                g class=(format!("series-{}", index % 4)) {
                    @for pair in medians.windows(2) {
                        line x1=(share(pair[0].0)) y1=(px(down(&up, pair[0].1))) x2=(share(pair[1].0)) y2=(px(down(&up, pair[1].1))) {}
                    }
                    @for (place, samples) in series.samples.iter().enumerate() {
                        @for sample in samples { circle cx=(share(across(place))) cy=(px(down(&up, *sample))) r="3" {} }
                    }
                }
            }
            @for (index, category) in figure.categories.iter().enumerate() {
                text x=(share(across(index))) y=(HEIGHT + 16.0) text-anchor="middle" { (category) }
            }
        }
        p.axis-label { (figure.across) }
    }
}

/// Lines across, their values above their left ends.
fn levels(unit: Unit, up: &Scale) -> Markup {
    html! { @for value in up.ticks(4.0) {
        @let y = down(up, value);
        line.grid x1="0" x2="100%" y1=(px(y)) y2=(px(y)) {}
        text.level x="0" y=(px(y - 4.0)) { (tick(unit, value)) }
    } }
}

fn scale(axis: &Axis, values: impl Iterator<Item = f64> + Clone) -> Scale {
    match axis.logarithmic {
        true => Scale::logarithmic(values.clone()).unwrap_or_else(|| Scale::around(values)),
        false => Scale::around(values),
    }
}

pub fn scatter(figure: &Scatter) -> Markup {
    let across = scale(&figure.across, figure.points.iter().map(|point| point.at.0));
    let ends =
        figure.points.iter().flat_map(|point| point.interval.into_iter().flat_map(|(low, high)| [low, high]));
    let ups: Vec<f64> = figure.points.iter().map(|point| point.at.1).chain(ends).collect();
    let up = scale(&figure.up, ups.iter().copied());
    let x = |value: f64| share(6.0 + 0.84 * across.percent(value));
    let y = |value: f64| px(down(&up, value));
    let (plans, named): (Vec<&Point>, Vec<&Point>) =
        figure.points.iter().partition(|point| point.kind == PointKind::Plan);
    let on_page = |point: &&Point| -> (i32, i32) {
        let percent = 6.0 + 0.84 * across.percent(point.at.0);
        ((percent / 100.0 * USUAL_WIDTH) as i32, down(&up, point.at.1) as i32)
    };
    let on_page: Vec<_> = named.iter().map(|point| (point.name.as_str(), on_page(point))).collect();
    let names = places(&on_page);
    html! {
        p.axis-label { (figure.up.label) }
        svg.field role="img" aria-label=(format!("{} against {}; the numbers stand in the table", figure.up.label, figure.across.label)) height=(HEIGHT + FOOT) {
            (levels(figure.up.unit, &up))
            @for pair in plans.windows(2) {
                line.curve x1=(x(pair[0].at.0)) y1=(y(pair[0].at.1)) x2=(x(pair[1].at.0)) y2=(y(pair[1].at.1)) {}
            }
            @for (point, (right, below)) in named.iter().zip(&names) {
                g class=(point.kind) {
                    @if let Some((low, high)) = point.interval {
                        line x1=(x(point.at.0)) x2=(x(point.at.0)) y1=(y(low)) y2=(y(high)) {}
                    }
                    circle cx=(x(point.at.0)) cy=(y(point.at.1)) r="4.5" {
                        title { (point.name) ": " (figure.across.unit.of(point.at.0)) ", " (figure.up.unit.of(point.at.1)) }
                    }
                    text x=(x(point.at.0)) dx=(right) y=(y(point.at.1)) dy=(below + BASELINE) { (point.name) }
                }
            }
            @for value in across.ticks(4.0) {
                text x=(x(value)) y=(HEIGHT + 16.0) text-anchor="middle" { (tick(figure.across.unit, value)) }
            }
        }
        p.axis-label { (figure.across.label) }
    }
}

/// A table whose cells are shaded: readable without colours, too.
pub fn grid(title: &str, figure: &Grid) -> Markup {
    let values: Vec<f64> =
        figure.rows.iter().flat_map(|(_, cells)| cells.iter().flatten().map(|cell| cell.value)).collect();
    let scale = Scale::logarithmic(values.iter().copied().filter(|value| *value > 0.0));
    let shade =
        |value: f64| scale.filter(|_| value > 0.0).map_or(0.0, |scale| 4.0 + 0.56 * scale.percent(value));
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table.shades {
                thead { tr { th scope="col" { "layer" } @for column in &figure.columns { th scope="col" { bdi { (column) } } } } }
                tbody { @for (row, cells) in &figure.rows {
                    tr { th scope="row" { (row) }
                        @for cell in cells {
                            @if let Some(cell) = cell {
                                td style=(format!("--shade:{:.0}%", shade(cell.value))) title=(figure.unit.of(cell.value)) {
                                    @if let Some(word) = &cell.word { (word) " " }
                                    data value=(cell.value) { (format!("{:.1e}", cell.value)) }
                                }
                            } @else { td {} }
                        }
                    }
                } }
            }
        }
    }
}
