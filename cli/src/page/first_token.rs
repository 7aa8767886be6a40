//! What a first token is made of, and how far it is from what storage allows.

use packbench_core::compare::floors;
use packbench_core::job::{CacheState, Field, ProbeKind};
use packbench_core::record::{Floored, PhaseName, Report, Run};
use packbench_core::stats::Summary;

use super::figure::{Samples, Segment, Strip, Waterfall, WaterfallRow};
use super::{Captioned, Cell, Figure, Section, Table, Unit};
use crate::measured::{Measured, prompt, waits};
use crate::words::obstacle;

/// In order. What lies between them is small and belongs to none.
const PHASES: [PhaseName; 4] = [PhaseName::Load, PhaseName::Context, PhaseName::Prefill, PhaseName::Decode];

const LEDE: &str = "Each bar is a median over blocks, taken apart into phases: load (opening the file is part of it), \
    context, prefill, and after the first token the decode of the next. The lighter part is what a phase takes beyond the \
    same phase with everything in memory: waiting for storage; without warm runs it isn't told apart. Dots are single blocks. The line is the floor: the same \
    bytes read past the page cache; no policy can bring them in sooner.";

pub fn section(report: &Report) -> Option<Section> {
    let all = Measured::all(report, ProbeKind::FirstToken);
    if all.is_empty() {
        return None;
    }
    let floors = floors(report);
    let mut figures = Vec::new();
    let groups = groups(&all);
    let longest = groups.iter().flatten().map(|one| extent(one)).fold(0.0, f64::max);
    for group in &groups {
        let figure = Figure::Waterfall(waterfall(group, &all, &floors, longest));
        figures.push(Captioned { title: title(group[0]), figure });
    }
    let warm: Vec<&Measured<'_>> = all.iter().filter(|one| one.case.cache == CacheState::Warm).collect();
    if !warm.is_empty() {
        let title = "With everything in memory: what compute alone takes".to_owned();
        figures.push(Captioned { title, figure: Figure::Samples(strips(&warm)) });
    }
    let medians = medians(report, &all);
    let mut tables = vec![medians.clone()];
    tables.extend(floored(&floors));
    tables.push(samples(&all));
    Some(Section {
        title: "The first token".to_owned(),
        lede: LEDE.to_owned(),
        figures,
        tables,
        summary: Some(medians),
    })
}

/// Cold first tokens of one model and prompt.
fn groups<'m, 'a>(all: &'m [Measured<'a>]) -> Vec<Vec<&'m Measured<'a>>> {
    let mut groups: Vec<Vec<&Measured<'_>>> = Vec::new();
    for one in all.iter().filter(|one| one.case.cache == CacheState::Cold) {
        let alike = |group: &&mut Vec<&Measured<'_>>| {
            (&group[0].case.variant, group[0].case.prompt()) == (&one.case.variant, one.case.prompt())
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

fn title(one: &Measured<'_>) -> String {
    format!("Cold, {}, prompt {}", one.case.variant, prompt(&one.case))
}

fn label(one: &Measured<'_>) -> String {
    one.told(&[Field::Policy, Field::Threads, Field::Way])
}

fn waterfall(group: &[&Measured<'_>], all: &[Measured<'_>], floors: &[Floored], longest: f64) -> Waterfall {
    let rows = group.iter().filter_map(|one| {
        let total = one.median(wall)?;
        let warm = warm(one, all);
        let segments = PHASES.iter().filter_map(|&phase| segment(one, warm, phase)).collect();
        Some(WaterfallRow {
            label: label(one),
            total: Unit::Nanos.of(total),
            segments,
            samples: one.samples(wall),
        })
    });
    let floor = floors.iter().find(|floored| floored.case == group[0].case);
    let floor = floor.map(|floored| Unit::Nanos.of(floored.floor_ns as f64));
    Waterfall { rows: rows.collect(), floor, longest }
}

/// How far to the right a row goes.
fn extent(one: &Measured<'_>) -> f64 {
    let phases: f64 = PHASES.iter().filter_map(|&phase| phase_median(&one.runs, phase)).sum();
    one.samples(wall).into_iter().fold(phases, f64::max)
}

fn wall(metrics: &packbench_core::record::Metrics) -> Option<f64> {
    Some(metrics.wall_ns as f64)
}

/// The same with everything in memory, under this policy or else under the first that was measured so.
fn warm<'m, 'a>(one: &Measured<'_>, all: &'m [Measured<'a>]) -> Option<&'m Measured<'a>> {
    let same = |other: &&Measured<'_>| {
        let fields = |case: &packbench_core::job::Case| {
            (case.variant.clone(), case.prompt().cloned(), case.way(), case.threads())
        };
        other.case.cache == CacheState::Warm && fields(&other.case) == fields(&one.case)
    };
    let mut alike = all.iter().filter(same);
    alike.clone().find(|other| other.case.policy() == one.case.policy()).or_else(|| alike.next())
}

fn segment(one: &Measured<'_>, warm: Option<&Measured<'_>>, phase: PhaseName) -> Option<Segment> {
    let whole = phase_median(&one.runs, phase)?;
    let warm = warm.and_then(|warm| phase_median(&warm.runs, phase));
    let waiting = warm.map(|warm| (whole - warm).max(0.0));
    Some(Segment { phase: phase.to_string(), whole, waiting })
}

fn phase_median(runs: &[&Run], phase: PhaseName) -> Option<f64> {
    let told = runs.iter().filter_map(|run| run.first_token.as_ref());
    let costs = told.flat_map(|told| told.phases.iter().filter(|cost| cost.phase == phase));
    Summary::of(costs.map(|cost| cost.wall_ns as f64)).map(|summary| summary.median)
}

fn strips(all: &[&Measured<'_>]) -> Samples {
    let strip = |one: &&Measured<'_>| {
        let label = format!("{}, prompt {}", label(one), prompt(&one.case));
        Some(Strip { label, samples: one.samples(wall), median: one.median(wall)? })
    };
    Samples { unit: Unit::Nanos, strips: all.iter().filter_map(strip).collect() }
}

fn place(one: &Measured<'_>) -> Vec<Cell> {
    vec![
        Cell::word(&one.case.variant),
        Cell::word(one.case.cache),
        Cell::word(prompt(&one.case)),
        Cell::word(label(one)),
    ]
}

fn medians(report: &Report, all: &[Measured<'_>]) -> Table {
    let (waits, count) = waits(report);
    let head = [
        "model",
        "cache",
        "prompt",
        "policy",
        "first token",
        "load",
        "context",
        "prefill",
        "next token",
        waits,
        "fetched",
    ];
    let row = |one: &Measured<'_>| {
        let mut row = place(one);
        row.push(Cell::number(Unit::Nanos, one.median(wall)));
        row.extend(PHASES.map(|phase| Cell::number(Unit::Nanos, phase_median(&one.runs, phase))));
        row.push(Cell::number(Unit::Count, one.number(count)));
        row.push(Cell::number(Unit::Bytes, one.number(|metrics| metrics.bytes_fetched)));
        row
    };
    Table::new("First tokens, medians over blocks", &head, 4, all.iter().map(row).collect())
}

fn floored(floors: &[Floored]) -> Option<Table> {
    let head =
        ["model", "prompt", "policy", "in between", "floor", "first token", "× floor", "95 % interval"];
    let row = |one: &Floored| {
        let between: Vec<String> = one.obstacles.iter().map(obstacle).collect();
        vec![
            Cell::word(&one.case.variant),
            Cell::word(prompt(&one.case)),
            Cell::word(one.case.told(Field::Policy).unwrap_or_default()),
            Cell::word(between.join("; ")),
            Cell::number(Unit::Nanos, Some(one.floor_ns as f64)),
            Cell::number(Unit::Nanos, Some(one.first_token_ns as f64)),
            Cell::number(Unit::Times, one.ratio),
            Cell::range(Unit::Times, one.interval),
        ]
    };
    let rows: Vec<Vec<Cell>> = floors.iter().map(row).collect();
    (!rows.is_empty()).then(|| Table::new("Cold first tokens against their floors", &head, 4, rows))
}

fn samples(all: &[Measured<'_>]) -> Table {
    super::pages::every_sample("First tokens, block by block", Unit::Nanos, all, &place, wall)
}
