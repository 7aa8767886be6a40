//! Figures as data: what is to be drawn, in base units.

use packbench_core::record::Inspections;

use super::quantity::{Quantity, Unit};

/// A figure.
pub enum Figure {
    /// What first tokens are made of.
    Waterfall(Waterfall),
    /// Every sample of each row.
    Samples(Samples),
    /// Samples over chosen sizes.
    Lines(Lines),
    /// Latencies, a heap for each row.
    Bins(Bins),
    /// What happened meanwhile.
    Timeline(Timeline),
    /// Layers across, groups down.
    Grid(Grid),
    /// One number against another.
    Scatter(Scatter),
    /// Layout maps, and what they show in words.
    Layouts { inspections: Inspections, alt: String },
}

/// Bars from the left, in the order of the phases.
pub struct Waterfall {
    pub rows: Vec<WaterfallRow>,
    /// No policy can be sooner.
    pub floor: Option<Quantity>,
    /// Where the axis ends: alike for all that are to be held beside each other, in ns.
    pub longest: f64,
}

/// One policy.
pub struct WaterfallRow {
    pub label: String,
    pub total: Quantity,
    pub segments: Vec<Segment>,
    /// First tokens, block by block.
    pub samples: Vec<f64>,
}

/// A phase, in ns.
pub struct Segment {
    pub phase: String,
    /// All of it, in ns.
    pub whole: f64,
    /// What of it is waiting for storage, in ns; `None` where nothing was measured warm.
    pub waiting: Option<f64>,
}

/// A line for each row, a dot for each sample.
pub struct Samples {
    pub unit: Unit,
    pub strips: Vec<Strip>,
}

/// Samples of one case, in the order of blocks.
pub struct Strip {
    pub label: String,
    pub samples: Vec<f64>,
    pub median: f64,
}

/// Series over categories.
pub struct Lines {
    pub unit: Unit,
    /// What is chosen along the axis, and its values.
    pub across: String,
    pub categories: Vec<String>,
    pub series: Vec<Series>,
}

/// Samples by category; empty where there are none.
pub struct Series {
    pub name: String,
    pub samples: Vec<Vec<f64>>,
}

/// Histograms over the same logarithmic bins.
pub struct Bins {
    pub unit: Unit,
    /// The first bin's lower and the last bin's upper end.
    pub ends: (f64, f64),
    pub heaps: Vec<Heap>,
}

/// One histogram.
pub struct Heap {
    pub label: String,
    /// How many fell into each bin.
    pub counts: Vec<u64>,
    pub median: Quantity,
    pub p99: Quantity,
}

/// Conditions over the session.
pub struct Timeline {
    /// How long all of it is, in ns.
    pub length: f64,
    pub tracks: Vec<Track>,
    pub events: Vec<Event>,
}

/// One condition: `(ns since the session began, value)`.
pub struct Track {
    pub label: String,
    pub unit: Unit,
    pub points: Vec<(f64, f64)>,
}

/// Something that happened.
pub struct Event {
    pub kind: EventKind,
    pub from: f64,
    pub until: f64,
    pub words: String,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum EventKind {
    /// The phone was left to cool down.
    Waited,
    /// A run was thrown away.
    Redone,
    /// A run failed or was killed.
    Failed,
    /// The session was resumed.
    Resumed,
}

/// Rows and columns of numbers on a logarithmic scale of shades.
pub struct Grid {
    pub unit: Unit,
    pub columns: Vec<String>,
    pub rows: Vec<(String, Vec<Option<GridCell>>)>,
}

/// A tensor.
pub struct GridCell {
    pub value: f64,
    /// The type that it got, where a plan is given.
    pub word: Option<String>,
}

/// Points.
pub struct Scatter {
    pub across: Axis,
    pub up: Axis,
    pub points: Vec<Point>,
}

/// What an axis is.
pub struct Axis {
    pub label: String,
    pub unit: Unit,
    pub logarithmic: bool,
}

/// A point.
pub struct Point {
    pub name: String,
    pub kind: PointKind,
    pub at: (f64, f64),
    /// Where it lies upwards with 95 %.
    pub interval: Option<(f64, f64)>,
}

/// What a point stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum PointKind {
    /// One of the best plans: joined by a line.
    Plan,
    /// A recipe of the engine's.
    Stock,
    /// A model that was measured.
    Measured,
    /// One that another beats in all that is shown.
    Dominated,
}
