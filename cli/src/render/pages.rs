//! How this device brings pages in: reads, touches, and the touches of a first token without its compute.

use packbench_core::job::{CacheState, Field, Pattern, Probe, ProbeKind};
use packbench_core::record::Latency;
use packbench_core::unit::{Bytes, Nanos};

use super::table::table;
use crate::measured::{Measured, Section, prompt, speed, waits};
use crate::words::or_dash;

/// What is said of phones in general, to be held against this device.
const CLAIM: &str = "published claim: sequential 3–7 GB/s, random 0.5–1 GB/s, ratio 3–7";

/// Throughput, sequential and at random beside each other.
pub fn reads(section: &Section<'_>) -> String {
    let measured = section.measured(ProbeKind::Reads);
    let label = |one: &Measured<'_>| one.told(&[Field::IoSize, Field::Io, Field::Threads]);
    let mut labels: Vec<String> = Vec::new();
    for label in measured.iter().map(label) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    let rows: Vec<Vec<String>> = labels.iter().map(|wanted| throughput(wanted, &measured, &label)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let claim = if section.cache == CacheState::Cold { format!("{CLAIM}\n") } else { String::new() };
    section.title("Reads") + &table(&["io_size", "sequential", "random", "ratio"], 1, rows) + &claim
}

fn throughput(
    wanted: &str,
    measured: &[Measured<'_>],
    label: &impl Fn(&Measured<'_>) -> String,
) -> Vec<String> {
    let of = |pattern| {
        let is_it = |one: &&Measured<'_>| one.case.pattern() == Some(pattern) && label(one) == wanted;
        measured.iter().find(is_it)?.median(speed)
    };
    let (sequential, random) = (of(Pattern::Sequential), of(Pattern::Random));
    let ratio = sequential.zip(random).map(|(sequential, random)| format!("{:.2}", sequential / random));
    let shown = |speed: Option<f64>| or_dash(speed.map(|speed| format!("{}/s", Bytes(speed.round() as u64))));
    vec![wanted.to_owned(), shown(sequential), shown(random), or_dash(ratio)]
}

/// What touching a mapping costs, policy by policy.
pub fn faults(section: &Section<'_>) -> String {
    let measured = section.measured(ProbeKind::Faults);
    let row = |one: &Measured<'_>| {
        let words = vec![one.told(&[Field::Policy, Field::Timing]), one.told(&[Field::Pattern])];
        [words, costs(section, one)].concat()
    };
    let rows: Vec<Vec<String>> = measured.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let (waits, _) = waits(section.report);
    let header = ["policy", "pattern", "wall", "cpu", waits, "minor faults", "fetched", "proved"];
    section.title("Faults") + &table(&header, 2, rows) + &latencies(section, &measured)
}

/// What the touches of a first token cost when compute is free.
pub fn replays(section: &Section<'_>) -> String {
    let row = |one: &Measured<'_>| {
        [vec![prompt(&one.case), one.told(&[Field::Policy])], costs(section, one)].concat()
    };
    let rows: Vec<Vec<String>> = section.measured(ProbeKind::Replay).iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let (waits, _) = waits(section.report);
    let header = ["prompt", "policy", "wall", "cpu", waits, "minor faults", "fetched", "proved"];
    section.title("First token without compute") + &table(&header, 2, rows)
}

fn costs(section: &Section<'_>, measured: &Measured<'_>) -> Vec<String> {
    vec![
        measured.time(|metrics| Some(metrics.wall_ns)),
        measured.time(|metrics| metrics.cpu_ns),
        measured.count(waits(section.report).1),
        measured.count(|metrics| metrics.minor_faults),
        measured.bytes(|metrics| metrics.bytes_fetched),
        measured.proved(),
    ]
}

/// Latencies of touches that were timed, all blocks together.
fn latencies(section: &Section<'_>, measured: &[Measured<'_>]) -> String {
    let row = |one: &Measured<'_>| {
        let Probe::Faults { policy, pattern, .. } = one.case.probe else { return None };
        let of: Vec<&Latency> = one.runs.iter().filter_map(|run| run.latency.as_ref()).collect();
        let all = Latency::merged(&of)?;
        let within = |share| Nanos(all.within(share)).to_string();
        let mut row = vec![policy.to_string(), pattern.to_string()];
        row.extend([0.5, 0.9, 0.99, 0.999, 1.0].map(within));
        Some(row)
    };
    let rows: Vec<Vec<String>> = measured.iter().filter_map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["policy", "pattern", "50 %", "90 %", "99 %", "99.9 %", "all"];
    let title = format!("\nTouches, {}, {}: shares that took at most\n", section.cache, section.variant);
    title + &table(&header, 2, rows)
}
