//! Each first token taken apart, the policies beside each other.

use packbench_core::job::{Field, ProbeKind};
use packbench_core::record::{PhaseCost, PhaseName};
use packbench_core::stats::Summary;

use super::table::table as lines;
use crate::measured::{Count, Measured, Section, bytes, nanos, prompt, waits};
use crate::words::or_dash;

pub fn table(section: &Section<'_>) -> String {
    let (waits, count) = waits(section.report);
    let row = |one: &Measured<'_>| row(one, count);
    let rows: Vec<Vec<String>> = section.measured(ProbeKind::FirstToken).iter().map(row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => section.title("First token") + &lines(&header(waits), 2, rows),
    }
}

fn header(waits: &str) -> [&str; 11] {
    let [prompt, policy, token] = ["prompt", "policy", "first token"];
    let [load, context, prefill, next] = ["load", "context", "prefill", "next token"];
    [prompt, policy, token, load, context, prefill, next, waits, "fetched", "anonymous", "proved"]
}

fn row(measured: &Measured<'_>, waits: Count) -> Vec<String> {
    let phase = |name| or_dash(phase(measured, name, |cost| Some(cost.wall_ns)).map(nanos));
    vec![
        prompt(&measured.case),
        measured.told(&[Field::Policy, Field::Threads, Field::Way]),
        measured.time(|metrics| Some(metrics.wall_ns)),
        phase(PhaseName::Load),
        phase(PhaseName::Context),
        phase(PhaseName::Prefill),
        phase(PhaseName::Decode),
        measured.count(waits),
        measured.bytes(|metrics| metrics.bytes_fetched),
        or_dash(self::phase(measured, PhaseName::Prefill, |cost| cost.anonymous_bytes).map(bytes)),
        measured.proved(),
    ]
}

/// Over all runs, and over all tokens where a phase comes again.
fn phase(measured: &Measured<'_>, name: PhaseName, value: fn(&PhaseCost) -> Option<u64>) -> Option<f64> {
    let told = measured.runs.iter().filter_map(|run| run.first_token.as_ref());
    let costs = told.flat_map(|told| told.phases.iter().filter(|cost| cost.phase == name));
    Summary::of(costs.filter_map(|cost| value(cost).map(|n| n as f64))).map(|summary| summary.median)
}
