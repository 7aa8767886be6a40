//! What a session found: the device's throughput first, then what faults cost.

use std::collections::BTreeSet;

use packbench_core::job::{CacheState, Case, Pattern, Policy, Probe};
use packbench_core::record::{Caveat, Metrics, PhaseCost, PhaseName, Proof, Report, Run, Status};
use packbench_core::stats::Summary;
use packbench_core::unit::{Bytes, Nanos};
use strum::VariantArray;

use super::plan::count;
use super::table::{or_dash, table};

/// The tables of a report.
pub fn report(report: &Report) -> String {
    let mut text = heading(report);
    let caches = &report.job().caches;
    for variant in &report.variants {
        caches.iter().for_each(|&cache| text += &first_tokens(report, &variant.name, cache));
        caches.iter().for_each(|&cache| text += &throughput(report, &variant.name, cache));
        caches.iter().for_each(|&cache| text += &faults(report, &variant.name, cache));
    }
    text + &trust(report)
}

fn heading(report: &Report) -> String {
    let context = &report.header().context;
    let device = &context.device;
    let mut text = format!(
        "{}, {}, {} processors, {}, pages of {}\n",
        device.model.as_deref().unwrap_or("unnamed machine"),
        device.cpu.as_deref().unwrap_or("unnamed processor"),
        device.cpus,
        context.kernel,
        Bytes(u64::from(context.page_size_bytes)).exact(),
    );
    for variant in &report.variants {
        text += &format!(
            "{}: {}, {} tensors, on {}, readahead {}\n",
            variant.name,
            Bytes(variant.file_bytes),
            variant.tensors,
            or_dash(variant.file_system.as_ref()),
            or_dash(variant.readahead_bytes.map(|bytes| Bytes(bytes).exact())),
        );
    }
    text
}

/// The measured runs of one case.
fn runs<'a>(report: &'a Report, wanted: &Case) -> Vec<&'a Run> {
    report.runs.iter().filter(|run| run.status == Status::Ok && run.case == *wanted).collect()
}

fn median(runs: &[&Run], value: impl Fn(&Metrics) -> Option<f64>) -> Option<f64> {
    let values = runs.iter().filter_map(|run| value(run.metrics.as_ref()?));
    Summary::of(values).map(|summary| summary.median)
}

/// Bytes per second.
fn speed(metrics: &Metrics) -> Option<f64> {
    let covered = metrics.bytes_covered.filter(|_| metrics.wall_ns > 0)?;
    Some(covered as f64 / metrics.wall_ns as f64 * 1e9)
}

/// Each first token taken apart, the policies beside each other.
fn first_tokens(report: &Report, variant: &str, cache: CacheState) -> String {
    let job = report.job();
    let mut rows = Vec::new();
    for &prompt_tokens in &job.prompts_tokens {
        for &policy in Policy::VARIANTS {
            let probe = Probe::FirstToken { policy, prompt_tokens };
            let runs = runs(report, &Case { variant: variant.to_owned(), cache, probe });
            if !runs.is_empty() {
                rows.push(first_token_row(prompt_tokens, policy, &runs));
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let header = [
        "prompt",
        "policy",
        "first token",
        "load",
        "context",
        "prefill",
        "next token",
        "major faults",
        "fetched",
        "anonymous",
        "proved",
    ];
    format!("\nFirst token, {cache}, {variant} (medians over blocks)\n") + &table(&header, 2, rows)
}

fn first_token_row(prompt_tokens: u32, policy: Policy, runs: &[&Run]) -> Vec<String> {
    let of = |value: fn(&Metrics) -> Option<u64>| median(runs, |metrics| value(metrics).map(|n| n as f64));
    let bytes = |value: Option<f64>| or_dash(value.map(|bytes| Bytes(bytes.round() as u64)));
    let phase = |name| or_dash(phase_median(runs, name, |cost| Some(cost.wall_ns)).map(nanos));
    vec![
        prompt_tokens.to_string(),
        policy.to_string(),
        or_dash(of(|metrics| Some(metrics.wall_ns)).map(nanos)),
        phase(PhaseName::Load),
        phase(PhaseName::Context),
        phase(PhaseName::Prefill),
        phase(PhaseName::Decode),
        or_dash(of(|metrics| metrics.major_faults)),
        bytes(of(|metrics| metrics.bytes_fetched)),
        bytes(phase_median(runs, PhaseName::Prefill, |cost| cost.anonymous_bytes)),
        proved(runs),
    ]
}

fn phase_median(runs: &[&Run], name: PhaseName, value: fn(&PhaseCost) -> Option<u64>) -> Option<f64> {
    let cost = |run: &&Run| -> Option<f64> {
        let phases = &run.first_token.as_ref()?.phases;
        value(phases.iter().find(|cost| cost.phase == name)?).map(|n| n as f64)
    };
    Summary::of(runs.iter().filter_map(cost)).map(|summary| summary.median)
}

fn nanos(value: f64) -> Nanos {
    Nanos(value.round() as u64)
}

fn proved(runs: &[&Run]) -> String {
    format!("{} of {}", runs.iter().filter(|run| is_proved(run)).count(), runs.len())
}

/// What is said of phones in general, to be held against this device.
const CLAIM: &str = "published claim: sequential 3–7 GB/s, random 0.5–1 GB/s, ratio 3–7";

fn throughput(report: &Report, variant: &str, cache: CacheState) -> String {
    let row = |&io_size: &Bytes| {
        let of = |pattern| {
            let probe = Probe::Reads { io_size, pattern };
            median(&runs(report, &Case { variant: variant.to_owned(), cache, probe }), speed)
        };
        let (sequential, random) = (of(Pattern::Sequential), of(Pattern::Random));
        sequential.or(random)?;
        let ratio = sequential.zip(random).map(|(sequential, random)| format!("{:.2}", sequential / random));
        let shown =
            |speed: Option<f64>| or_dash(speed.map(|speed| format!("{}/s", Bytes(speed.round() as u64))));
        Some(vec![io_size.exact(), shown(sequential), shown(random), or_dash(ratio)])
    };
    let rows: Vec<Vec<String>> = report.job().io_sizes.iter().filter_map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let title = format!("\nReads, {cache}, {variant} (medians over blocks)\n");
    let claim = if cache == CacheState::Cold { format!("{CLAIM}\n") } else { String::new() };
    title + &table(&["io_size", "sequential", "random", "ratio"], 1, rows) + &claim
}

fn faults(report: &Report, variant: &str, cache: CacheState) -> String {
    let mut rows = Vec::new();
    for &policy in Policy::VARIANTS {
        for &pattern in Pattern::VARIANTS {
            let probe = Probe::Faults { policy, pattern };
            let runs = runs(report, &Case { variant: variant.to_owned(), cache, probe });
            if !runs.is_empty() {
                rows.push(fault_row(policy, pattern, &runs));
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let header = ["policy", "pattern", "wall", "cpu", "major faults", "minor faults", "fetched", "proved"];
    format!("\nFaults, {cache}, {variant} (medians over blocks)\n") + &table(&header, 2, rows)
}

fn fault_row(policy: Policy, pattern: Pattern, runs: &[&Run]) -> Vec<String> {
    let of = |value: fn(&Metrics) -> Option<u64>| median(runs, |metrics| value(metrics).map(|n| n as f64));
    let time = |value| or_dash(of(value).map(nanos));
    vec![
        policy.to_string(),
        pattern.to_string(),
        time(|metrics| Some(metrics.wall_ns)),
        time(|metrics| metrics.cpu_ns),
        or_dash(of(|metrics| metrics.major_faults)),
        or_dash(of(|metrics| metrics.minor_faults)),
        or_dash(of(|metrics| metrics.bytes_fetched).map(|bytes| Bytes(bytes.round() as u64))),
        proved(runs),
    ]
}

fn is_proved(run: &Run) -> bool {
    run.residency.as_ref().is_some_and(|residency| matches!(residency.proof, Proof::Cold | Proof::Warm))
}

fn trust(report: &Report) -> String {
    let (measured, unfinished): (Vec<&Run>, Vec<&Run>) =
        report.runs.iter().partition(|run| run.status == Status::Ok);
    let proved = measured.iter().filter(|run| is_proved(run)).count();
    let mut text = format!("\n{proved} of {} runs began in a proved cache state", measured.len());
    if !unfinished.is_empty() {
        text += &format!("; {} failed or were killed, the report says why", unfinished.len());
    }
    text += "\n";
    let caveats: BTreeSet<Caveat> = report.runs.iter().flat_map(|run| run.caveats.iter().copied()).collect();
    for caveat in caveats {
        let runs = report.runs.iter().filter(|run| run.caveats.contains(&caveat)).count() as u32;
        text += &format!("{caveat} ({}): {}\n", count(runs, "run"), caveat.meaning());
    }
    text
}
