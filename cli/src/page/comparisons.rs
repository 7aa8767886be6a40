//! Every pair of arms: what `packbench compare` says of a report.

use packbench_core::compare::{Allowed, Incomparable, Question, compare};
use packbench_core::job::Field;
use packbench_core::record::{Comparison, Metric, Report};

use super::{Cell, Section, Table, Unit};
use crate::measured::place;

/// What is said of each pair of arms, here and in a terminal.
pub const COMPARED: [&str; 10] = [
    "where",
    "base",
    "candidate",
    "verdict",
    "ratio",
    "95 % interval",
    "could have seen",
    "base median",
    "candidate median",
    "blocks",
];

/// Time by policy and, where there are several files, by file. Other weights are no reason not to say which comes sooner.
pub fn section(report: &Report) -> Option<Section> {
    let tables: Vec<Table> =
        [Field::Policy, Field::Variant].iter().filter_map(|&by| table(report, by)).collect();
    (!tables.is_empty()).then(|| Section {
        title: "Arm against arm".to_owned(),
        lede: "Pairs within blocks: a ratio below 1 is sooner than the base. The smallest effect that could have been seen \
               would have been, more likely than not. Drift takes nothing from a ratio, and much from a median."
            .to_owned(),
        figures: Vec::new(),
        tables,
        summary: None,
    })
}

fn table(report: &Report, by: Field) -> Option<Table> {
    let allow = vec![Allowed::Incomparable(Incomparable::Payload)];
    let (metric, threshold) = (Metric::WallNs, super::THRESHOLD);
    let answer = compare(report, &Question { by: vec![by], metric, base: None, threshold, allow }).ok()?;
    let rows = answer.comparisons.iter().map(row).collect();
    let head = [&COMPARED[..], &["drift", "cost of running second"]].concat();
    Some(Table::new(format!("Time by {by}"), &head, 4, rows))
}

fn row(one: &Comparison) -> Vec<Cell> {
    vec![
        Cell::word(place(one)),
        Cell::word(&one.base),
        Cell::word(&one.candidate),
        Cell::word(one.verdict),
        Cell::number(Unit::Times, one.ratio),
        Cell::range(Unit::Times, one.interval),
        Cell::number(Unit::Share, one.smallest_effect),
        Cell::number(Unit::Nanos, one.base_median),
        Cell::number(Unit::Nanos, one.candidate_median),
        Cell::number(Unit::Count, Some(f64::from(one.blocks))),
        Cell::number(Unit::Share, one.drift.map(|drift| drift.change)),
        Cell::number(Unit::Share, one.order_effect.map(|order| order.cost)),
    ]
}
