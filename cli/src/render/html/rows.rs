//! Figures that are rows: a label, a plot, a number. Plots take whatever width there is: places across are percentages,
//! so that letters and dots keep their size on a phone.

use maud::{Markup, html};

use super::scale::{Scale, share, tick, told};
use crate::page::{Bins, Samples, Timeline, Track, Unit, Waterfall, WaterfallRow};

const BAR: f64 = 24.0;
const DOTS: f64 = 18.0;
const STRIP: f64 = 32.0;
const HEAP: f64 = 46.0;
const TRACK: f64 = 52.0;

pub fn waterfall(figure: &Waterfall) -> Markup {
    let scale = Scale::from_zero([figure.longest].into_iter().chain(figure.floor.map(|floor| floor.value)));
    let mut segments = figure.rows.iter().flat_map(|row| &row.segments);
    let told_apart = segments.any(|segment| segment.waiting.is_some());
    html! {
        ul.legend {
            li { span.key.load {} "load" }
            li { span.key.context {} "context" }
            li { span.key.prefill {} "prefill" }
            li { span.key.decode {} "next token" }
            @if told_apart { li { span.key.waiting {} "waiting for storage" } }
            @if let Some(floor) = figure.floor { li { span.key.floor {} "floor " (floor) } }
        }
        div.rows {
            @for row in &figure.rows { (bar(row, figure, &scale)) }
            (axis(Unit::Nanos, &scale))
        }
    }
}

fn bar(row: &WaterfallRow, figure: &Waterfall, scale: &Scale) -> Markup {
    let starts = row.segments.iter().scan(0.0, |at, segment| {
        let start = *at;
        *at += segment.whole;
        Some(start)
    });
    let parts: Vec<_> = row.segments.iter().zip(starts).collect();
    let words: Vec<String> = row
        .segments
        .iter()
        .map(|segment| {
            let whole = format!("{} {}", segment.phase, Unit::Nanos.of(segment.whole));
            match segment.waiting {
                Some(waiting) => format!("{whole}, of it waiting {}", Unit::Nanos.of(waiting)),
                None => whole,
            }
        })
        .collect();
    html! {
        (row_of(&row.label, row.total.to_string(), svg(BAR + DOTS, &words.join("; "), html! {
            (gridlines(scale))
            @for (segment, start) in &parts {
                (block(&segment.phase, *start, segment.whole, scale))
                @if let Some(waiting) = segment.waiting.filter(|waiting| *waiting > 0.0) {
                    (block("waiting", start + segment.whole - waiting, waiting, scale))
                }
            }
            (dots(&row.samples, BAR + DOTS / 2.0, scale))
            @if let Some(floor) = figure.floor {
                line.floor x1=(share(scale.percent(floor.value))) x2=(share(scale.percent(floor.value))) y1="0" y2="100%" {}
            }
        })))
    }
}

fn block(class: &str, start: f64, length: f64, scale: &Scale) -> Markup {
    let (from, until) = (scale.percent(start), scale.percent(start + length));
    html! { rect class=(class) x=(share(from)) width=(share(until - from)) y="2" height=(BAR - 4.0) {} }
}

pub fn samples(figure: &Samples) -> Markup {
    let scale = Scale::fitting(figure.strips.iter().flat_map(|strip| strip.samples.iter().copied()));
    html! {
        div.rows {
            @for strip in &figure.strips {
                @let median = figure.unit.of(strip.median);
                (row_of(&strip.label, median.to_string(), svg(STRIP, &told(figure.unit, &strip.samples, median), html! {
                    (gridlines(&scale))
                    (dots(&strip.samples, STRIP / 2.0, &scale))
                    (mark(strip.median, STRIP, "median", &scale))
                })))
            }
            (axis(figure.unit, &scale))
        }
    }
}

pub fn bins(figure: &Bins) -> Markup {
    let scale = Scale::between(figure.ends.0, figure.ends.1);
    html! {
        div.rows {
            @for heap in &figure.heaps {
                @let most = heap.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
                @let width = 100.0 / heap.counts.len().max(1) as f64;
                (row_of(&heap.label, heap.median.to_string(), svg(HEAP, &format!("median {}, 99 of 100 below {}", heap.median, heap.p99), html! {
                    (gridlines(&scale))
                    @for (index, count) in heap.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                        // Square roots: what happens once in a thousand reads is still to be seen.
                        @let height = (HEAP - 6.0) * (*count as f64 / most).sqrt().max(0.04);
                        rect.heap x=(share(index as f64 * width)) width=(share(width * 0.86)) y=(format!("{:.1}", HEAP - height)) height=(format!("{height:.1}")) {}
                    }
                    (mark(heap.median.value, HEAP, "median", &scale))
                    (mark(heap.p99.value, HEAP, "p99", &scale))
                })))
            }
            (axis(figure.unit, &scale))
        }
    }
}

pub fn timeline(figure: &Timeline) -> Markup {
    let across = Scale::from_zero(std::iter::once(figure.length));
    html! {
        div.rows {
            @for track in &figure.tracks { (condition(track, figure, &across)) }
            (axis(Unit::Nanos, &across))
        }
        @if !figure.events.is_empty() {
            ul.events {
                @for event in &figure.events {
                    li { b class=(event.kind) { (event.kind) } " after " (Unit::Nanos.of(event.from)) ": " bdi { (event.words) } }
                }
            }
        }
    }
}

fn condition(track: &Track, figure: &Timeline, across: &Scale) -> Markup {
    let values = || track.points.iter().map(|(_, value)| *value);
    let up = Scale::around(values());
    let height = |value: f64| format!("{:.1}", TRACK - TRACK * up.percent(value) / 100.0);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let range = format!("{} – {}", track.unit.of(low), track.unit.of(high));
    html! {
        (row_of(&track.label, range, svg(TRACK, &format!("from {} to {}", track.unit.of(low), track.unit.of(high)), html! {
            (gridlines(across))
            @for event in &figure.events {
                @let (from, until) = (across.percent(event.from), across.percent(event.until));
                rect class=(format!("event {}", event.kind)) x=(share(from)) width=(share((until - from).max(0.3))) y="0" height="100%" {}
            }
            @for pair in track.points.windows(2) {
                line.trace x1=(share(across.percent(pair[0].0))) y1=(height(pair[0].1)) x2=(share(across.percent(pair[1].0))) y2=(height(pair[1].1)) {}
            }
        })))
    }
}

fn row_of(label: &str, number: String, plot: Markup) -> Markup {
    html! { div.row { div.label { bdi { (label) } } (plot) div.number { (number) } } }
}

/// A plot as high as it says and as wide as there is room; `words` are what it shows.
fn svg(height: f64, words: &str, content: Markup) -> Markup {
    html! { div.plot { svg role="img" aria-label=(words) height=(height) { (content) } } }
}

fn dots(samples: &[f64], middle: f64, scale: &Scale) -> Markup {
    html! { g.dots { @for sample in samples { circle cx=(share(scale.percent(*sample))) cy=(middle) r="3" {} } } }
}

fn mark(value: f64, height: f64, class: &str, scale: &Scale) -> Markup {
    let at = share(scale.percent(value));
    html! { line class=(class) x1=(at) x2=(at) y1="3" y2=(height - 3.0) {} }
}

fn gridlines(scale: &Scale) -> Markup {
    html! {
        @for tick in scale.ticks(4.0) {
            @let at = share(scale.percent(tick));
            line.grid x1=(at) x2=(at) y1="0" y2="100%" {}
        }
    }
}

fn axis(unit: Unit, scale: &Scale) -> Markup {
    html! {
        div.row { div.plot { svg.axis aria-hidden="true" height="20" {
            @for value in scale.ticks(4.0) {
                @let at = scale.percent(value);
                @let anchor = if at < 6.0 { "start" } else if at > 94.0 { "end" } else { "middle" };
                text x=(share(at)) y="14" text-anchor=(anchor) { (tick(unit, value)) }
            }
        } } }
    }
}
