//! How this device brings pages in: reads by size, and touches by policy.

use packbench_core::job::{CacheState, Field, ProbeKind};
use packbench_core::record::{Metrics, Report};

use super::figure::{Lines, Samples, Series, Strip};
use super::{Captioned, Cell, Figure, Section, Table, Unit};
use crate::measured::{Count, Measured, speed, waits};

type Value = fn(&Metrics) -> Option<f64>;

/// Throughput against the size of a read, in order and at random.
pub fn reads(report: &Report) -> Option<Section> {
    let all = Measured::all(report, ProbeKind::Reads);
    if all.is_empty() {
        return None;
    }
    let mut figures = Vec::new();
    for cache in [CacheState::Cold, CacheState::Warm] {
        for variant in &report.variants {
            let own = |one: &&Measured<'_>| one.case.cache == cache && one.case.variant == variant.name;
            let own: Vec<&Measured<'_>> = all.iter().filter(own).collect();
            if !own.is_empty() {
                let title = format!("Reads, {cache}, {}", variant.name);
                figures.push(Captioned { title, figure: Figure::Lines(lines(&own)) });
            }
        }
    }
    let fields = [Field::Cache, Field::Pattern, Field::IoSize, Field::Io, Field::Threads];
    let place = |one: &Measured<'_>| vec![Cell::word(&one.case.variant), Cell::word(one.told(&fields))];
    let rows =
        all.iter().map(|one| [place(one), vec![Cell::number(Unit::Speed, one.median(speed))]].concat());
    let medians =
        Table::new("Reads, medians over blocks", &["model", "reads", "throughput"], 2, rows.collect());
    let every = every_sample("Reads, block by block", Unit::Speed, &all, &place, speed);
    Some(Section {
        title: "Throughput against the size of a read".to_owned(),
        lede: "Larger reads cost fewer requests. Where the curve bends, requests stop being what limits this device. \
               Every block is a dot; lines go through medians."
            .to_owned(),
        figures,
        tables: vec![medians, every],
        summary: None,
    })
}

fn lines(all: &[&Measured<'_>]) -> Lines {
    let mut sizes: Vec<_> = all.iter().filter_map(|one| one.case.io_size()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let name = |one: &Measured<'_>| one.told(&[Field::Pattern, Field::Io, Field::Threads]);
    let mut series: Vec<Series> = Vec::new();
    for one in all {
        let name = name(one);
        let place = series.iter().position(|known| known.name == name).unwrap_or_else(|| {
            series.push(Series { name, samples: vec![Vec::new(); sizes.len()] });
            series.len() - 1
        });
        if let Some(size) = one.case.io_size().and_then(|size| sizes.binary_search(&size).ok()) {
            series[place].samples[size] = one.samples(speed);
        }
    }
    let categories = sizes.iter().map(|size| size.exact()).collect();
    Lines { unit: Unit::Speed, across: "bytes per read".to_owned(), categories, series }
}

/// What touching a mapping costs, policy by policy: time, faults, bytes.
pub fn faults(report: &Report) -> Option<Section> {
    let touched = Measured::all(report, ProbeKind::Faults);
    let replayed = Measured::all(report, ProbeKind::Replay);
    // Without a probe of its own, what first tokens count says as much.
    let tokens = Measured::all(report, ProbeKind::FirstToken);
    let all: Vec<Measured<'_>> = if touched.is_empty() && replayed.is_empty() {
        tokens
    } else {
        [touched, replayed].into_iter().flatten().collect()
    };
    let cold: Vec<&Measured<'_>> = all.iter().filter(|one| one.case.cache == CacheState::Cold).collect();
    if cold.is_empty() {
        return None;
    }
    let (waits, waited) = waits(report);
    let values: [(&str, Unit, Count); 3] = [
        ("time", Unit::Nanos, |metrics| Some(metrics.wall_ns)),
        (waits, Unit::Count, waited),
        ("bytes fetched from storage", Unit::Bytes, |metrics| metrics.bytes_fetched),
    ];
    let prompts = report.job().prompts.len();
    let is_time_shown = ProbeKind::from(&cold[0].case.probe) == ProbeKind::FirstToken;
    let figures = values.iter().skip(usize::from(is_time_shown)).map(|&(what, unit, value)| {
        let figure = Figure::Samples(strips(&cold, prompts, unit, value));
        Captioned { title: format!("Cold: {what}"), figure }
    });
    Some(Section {
        title: "Faults and bytes".to_owned(),
        lede: "What each policy makes of the same pages. A policy that asks ahead waits less often; one that asks for too \
               much fetches bytes that nobody needs. A fault that waits for a read under way counts as minor, and waits all \
               the same."
            .to_owned(),
        figures: figures.collect(),
        tables: vec![costs(report, &all, prompts)],
        summary: None,
    })
}

/// Prompts are told where there are several.
fn label(one: &Measured<'_>, prompts: usize) -> String {
    let fields = [Field::Policy, Field::Pattern, Field::Timing, Field::Way, Field::Threads, Field::Prompt];
    let fields = &fields[..fields.len() - usize::from(prompts < 2)];
    let probe = match ProbeKind::from(&one.case.probe) {
        ProbeKind::Replay => "replay, ",
        _ => "",
    };
    format!("{probe}{}", one.told(fields))
}

fn strips(all: &[&Measured<'_>], prompts: usize, unit: Unit, value: Count) -> Samples {
    let several = all.iter().any(|one| one.case.variant != all[0].case.variant);
    let label = |one: &Measured<'_>| {
        let label = label(one, prompts);
        if several { format!("{}, {label}", one.case.variant) } else { label }
    };
    let strip = |one: &&Measured<'_>| {
        let samples = one.samples(|metrics| value(metrics).map(|count| count as f64));
        Some(Strip { label: label(one), samples, median: one.number(value)? })
    };
    Samples { unit, strips: all.iter().filter_map(strip).collect() }
}

fn costs(report: &Report, all: &[Measured<'_>], prompts: usize) -> Table {
    let (waits, waited) = waits(report);
    let head = ["model", "what", "cache", "wall", "cpu", waits, "minor faults", "fetched"];
    let row = |one: &Measured<'_>| {
        vec![
            Cell::word(&one.case.variant),
            Cell::word(label(one, prompts)),
            Cell::word(one.case.cache),
            Cell::number(Unit::Nanos, one.number(|metrics| Some(metrics.wall_ns))),
            Cell::number(Unit::Nanos, one.number(|metrics| metrics.cpu_ns)),
            Cell::number(Unit::Count, one.number(waited)),
            Cell::number(Unit::Count, one.number(|metrics| metrics.minor_faults)),
            Cell::number(Unit::Bytes, one.number(|metrics| metrics.bytes_fetched)),
        ]
    };
    Table::new("Faults and bytes, medians over blocks", &head, 3, all.iter().map(row).collect())
}

/// A row for each case, a column for each block.
pub fn every_sample<'a>(
    title: &str,
    unit: Unit,
    all: &[Measured<'a>],
    place: &dyn Fn(&Measured<'a>) -> Vec<Cell>,
    value: Value,
) -> Table {
    let blocks = all.iter().flat_map(|one| one.runs.iter().map(|run| run.block + 1)).max().unwrap_or(0);
    let words = all.first().map_or(0, |one| place(one).len());
    let mut head = vec!["".to_owned(); words];
    head.extend((0..blocks).map(|block| format!("block {block}")));
    let row = |one: &Measured<'a>| {
        let mut row = place(one);
        row.extend((0..blocks).map(|block| {
            let run = one.runs.iter().find(|run| run.block == block);
            Cell::number(unit, run.and_then(|run| value(run.metrics.as_ref()?)))
        }));
        row
    };
    Table { title: title.to_owned(), head, words, rows: all.iter().map(row).collect() }
}
