//! How long single reads and touches take.

use packbench_core::job::{CacheState, Field};
use packbench_core::record::{Latency, Report};

use super::figure::{Bins, Heap};
use super::{Captioned, Cell, Figure, Section, Table, Unit};
use crate::measured::Measured;

/// Bins of one figure.
const BINS: usize = 72;
const SHARES: [(f64, &str); 5] =
    [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (1.0, "all")];

/// One case, all blocks together.
struct Timed {
    case: packbench_core::job::Case,
    label: String,
    latency: Latency,
}

pub fn section(report: &Report) -> Option<Section> {
    let timed = timed(report);
    if timed.is_empty() {
        return None;
    }
    let figures = [CacheState::Cold, CacheState::Warm].into_iter().filter_map(|cache| {
        let own: Vec<&Timed> = timed.iter().filter(|one| one.case.cache == cache).collect();
        let figure = Figure::Bins(bins(&own)?);
        Some(Captioned { title: format!("Latencies, {cache}"), figure })
    });
    Some(Section {
        title: "Latencies".to_owned(),
        lede: "How long single reads or touches take, all blocks together, on a logarithmic scale. The mark is the median, \
               the lighter one what 99 of 100 stay below. Two humps are two ways in which a read is answered."
            .to_owned(),
        figures: figures.collect(),
        tables: vec![shares(&timed)],
        summary: None,
    })
}

fn timed(report: &Report) -> Vec<Timed> {
    let label = |one: &Measured<'_>| {
        let fields = [Field::Probe, Field::Policy, Field::Pattern, Field::IoSize, Field::Io, Field::Threads];
        let variant =
            if report.variants.len() > 1 { format!("{}, ", one.case.variant) } else { String::new() };
        format!("{variant}{}", one.told(&fields))
    };
    let timed = report.cases().into_iter().filter_map(|case| {
        let one = Measured::of(report, case);
        let parts: Vec<&Latency> = one.runs.iter().filter_map(|run| run.latency.as_ref()).collect();
        let latency = Latency::merged(&parts)?;
        Some(Timed { label: label(&one), case: one.case, latency })
    });
    timed.collect()
}

fn bins(timed: &[&Timed]) -> Option<Bins> {
    let values = || {
        timed
            .iter()
            .flat_map(|one| one.latency.buckets_ns.iter().map(|(largest, _)| (*largest).max(1) as f64))
    };
    let low = values().min_by(f64::total_cmp)?.ln();
    let high = values().max_by(f64::total_cmp)?.ln().max(low + 0.1);
    let place = |value: u64| {
        let share = ((value.max(1) as f64).ln() - low) / (high - low);
        ((share * BINS as f64) as usize).min(BINS - 1)
    };
    let heap = |one: &&Timed| {
        let mut counts = vec![0; BINS];
        one.latency.buckets_ns.iter().for_each(|(largest, count)| counts[place(*largest)] += count);
        let within = |share| Unit::Nanos.of(one.latency.within(share) as f64);
        Heap { label: one.label.clone(), counts, median: within(0.5), p99: within(0.99) }
    };
    Some(Bins { unit: Unit::Nanos, ends: (low.exp(), high.exp()), heaps: timed.iter().map(heap).collect() })
}

fn shares(timed: &[Timed]) -> Table {
    let mut head = vec!["what", "cache"];
    head.extend(SHARES.map(|(_, name)| name));
    let row = |one: &Timed| {
        let mut row = vec![Cell::word(&one.label), Cell::word(one.case.cache)];
        row.extend(
            SHARES.map(|(share, _)| Cell::number(Unit::Nanos, Some(one.latency.within(share) as f64))),
        );
        row
    };
    Table::new("Shares that took at most", &head, 2, timed.iter().map(row).collect())
}
