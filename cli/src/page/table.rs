//! Tables of a page.

use std::fmt;

use packbench_core::job::ProbeKind;
use packbench_core::record::Report;

use super::Source;
use super::answer::{answer, plain};
use super::quantity::{Quantity, Unit};
use crate::measured::Measured;

/// A table whose first `words` columns are words and whose others are numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub title: String,
    pub head: Vec<String>,
    pub words: usize,
    pub rows: Vec<Vec<Cell>>,
}

/// What stands in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Word(String),
    Number(Quantity),
    /// An interval.
    Range(Quantity, Quantity),
    /// Nothing to say.
    Missing,
}

impl Cell {
    pub fn word(text: impl ToString) -> Cell {
        Cell::Word(text.to_string())
    }

    pub fn number(unit: Unit, value: Option<f64>) -> Cell {
        value.map_or(Cell::Missing, |value| Cell::Number(unit.of(value)))
    }

    pub fn range(unit: Unit, ends: Option<(f64, f64)>) -> Cell {
        ends.map_or(Cell::Missing, |(low, high)| Cell::Range(unit.of(low), unit.of(high)))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Word(text) => f.pad(text),
            Cell::Number(quantity) => quantity.fmt(f),
            Cell::Range(low, high) => f.pad(&format!("{low} – {high}")),
            Cell::Missing => f.pad("–"),
        }
    }
}

impl Table {
    pub fn new(title: impl Into<String>, head: &[&str], words: usize, rows: Vec<Vec<Cell>>) -> Table {
        Table { title: title.into(), head: head.iter().map(|&title| title.to_owned()).collect(), words, rows }
    }
}

/// Devices beside each other: what each answers, and its first tokens by policy.
pub fn beside(sources: &[Source]) -> Table {
    let mut policies: Vec<String> = Vec::new();
    let of_each: Vec<Vec<(String, f64)>> =
        sources.iter().map(|source| first_tokens(&source.report)).collect();
    for (policy, _) in of_each.iter().flatten() {
        if !policies.contains(policy) {
            policies.push(policy.clone());
        }
    }
    let rows = sources.iter().zip(&of_each).map(|(source, tokens)| {
        let names: Vec<&str> = source.report.variants.iter().map(|variant| variant.name.as_str()).collect();
        let told = |policy: &String| tokens.iter().find(|(name, _)| name == policy).map(|(_, wall)| *wall);
        let mut row = vec![
            Cell::word(super::device(&source.report)),
            Cell::word(&source.name),
            Cell::word(names.join(", ")),
            Cell::word(plain(&answer(&source.report).headline)),
        ];
        row.extend(policies.iter().map(|policy| Cell::number(Unit::Nanos, told(policy))));
        row
    });
    let mut head = ["device", "report", "model", "answer"].map(str::to_owned).to_vec();
    let rows = rows.collect();
    head.extend(policies);
    let title = "Cold first tokens, medians over blocks".to_owned();
    Table { title, head, words: 4, rows }
}

/// Cold first tokens of the first prompt and model, by policy.
fn first_tokens(report: &Report) -> Vec<(String, f64)> {
    let cases = Measured::all(report, ProbeKind::FirstToken);
    let cold = cases.iter().filter(|one| one.case.cache == packbench_core::job::CacheState::Cold);
    let first = cold.clone().next().map(|one| (one.case.variant.clone(), one.case.prompt().cloned()));
    let own = cold.filter(|one| Some((one.case.variant.clone(), one.case.prompt().cloned())) == first);
    own.filter_map(|one| {
        Some((one.case.policy()?.to_string(), one.median(|metrics| Some(metrics.wall_ns as f64))?))
    })
    .collect()
}
