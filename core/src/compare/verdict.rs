//! From paired runs to a verdict.

use std::collections::BTreeSet;

use super::Question;
use super::pairing::{Arm, Group, LeftOut};
use crate::job::Field;
use crate::record::{Caveat, Comparison, Metric, Metrics, Run, Verdict};
use crate::stats::{Confidence, PairedRatio, RatioInterval, Summary, paired_ratio};

/// With fewer, even arms that always differ the same way could do so by chance in more than 5 % of sessions.
const BLOCKS_FOR_A_VERDICT: usize = 6;

impl Metric {
    /// Its value in a run; `None` where this system doesn't tell.
    pub fn of(self, metrics: &Metrics) -> Option<u64> {
        match self {
            Metric::WallNs => Some(metrics.wall_ns),
            Metric::CpuNs => metrics.cpu_ns,
            Metric::MajorFaults => metrics.major_faults,
            Metric::MinorFaults => metrics.minor_faults,
            Metric::BytesFetched => metrics.bytes_fetched,
        }
    }
}

/// Holds `candidate` against `base`.
pub(super) fn compare_arms(
    group: &Group<'_>,
    base: &Arm<'_>,
    candidate: &Arm<'_>,
    question: &Question,
) -> Comparison {
    let pairs: Vec<(&Run, &Run)> =
        base.runs.iter().filter_map(|(block, run)| Some((*run, *candidate.runs.get(block)?))).collect();
    let values: Vec<(f64, f64)> = pairs.iter().filter_map(|pair| both(*pair, question.metric)).collect();
    let (bases, candidates): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
    let unjudged = Comparison {
        fixed: group.fixed.clone(),
        base: base.name.clone(),
        candidate: candidate.name.clone(),
        differ_in: differ_in(base, candidate, question),
        blocks: bases.len() as u32,
        base_median: median(&bases),
        candidate_median: median(&candidates),
        ratio: None,
        interval: None,
        coverage: None,
        smallest_effect: None,
        verdict: Verdict::Incomparable,
        reason: None,
        left_out: [base, candidate].into_iter().flat_map(left_out).collect(),
        caveats: caveats(&pairs),
    };
    match bases.is_empty() {
        true => {
            let reason = Some(why_none(&pairs, &unjudged.left_out, question.metric));
            Comparison { reason, ..unjudged }
        }
        false => judge(unjudged, &bases, &candidates, question.threshold),
    }
}

/// Which of the fields asked for are not the same: what an effect is one of.
fn differ_in(base: &Arm<'_>, candidate: &Arm<'_>, question: &Question) -> Vec<Field> {
    let values = base.values.iter().zip(&candidate.values);
    let fields = question.by.iter().zip(values);
    fields.filter(|(_, (base, candidate))| base != candidate).map(|(&field, _)| field).collect()
}

fn left_out(arm: &Arm<'_>) -> Vec<String> {
    arm.left_out.iter().map(|(&reason, &runs)| explain(&arm.name, reason, runs)).collect()
}

fn both((base, candidate): (&Run, &Run), metric: Metric) -> Option<(f64, f64)> {
    let value = |run: &Run| metric.of(run.metrics.as_ref()?).map(|value| value as f64);
    Some((value(base)?, value(candidate)?))
}

pub(super) fn median(values: &[f64]) -> Option<f64> {
    Summary::of(values.iter().copied()).map(|summary| summary.median)
}

fn caveats(pairs: &[(&Run, &Run)]) -> Vec<Caveat> {
    let all = pairs.iter().flat_map(|(base, candidate)| base.caveats.iter().chain(&candidate.caveats));
    all.copied().collect::<BTreeSet<_>>().into_iter().collect()
}

fn judge(comparison: Comparison, bases: &[f64], candidates: &[f64], threshold: f64) -> Comparison {
    // Counts may be 0, of which there is no logarithm; when all agree there is no need for one.
    if bases == candidates && bases.len() >= BLOCKS_FOR_A_VERDICT {
        let (ratio, interval) = (Some(1.0), Some((1.0, 1.0)));
        return Comparison { ratio, interval, verdict: Verdict::Same, ..comparison };
    }
    let paired = match paired_ratio(bases, candidates, Confidence::P95) {
        Ok(paired) => paired,
        Err(error) => {
            let reason = Some(error.to_string());
            return Comparison { verdict: Verdict::Inconclusive, reason, ..comparison };
        }
    };
    let interval = paired.interval.as_ref();
    Comparison {
        ratio: Some(paired.ratio),
        interval: interval.ok().map(|interval| (interval.low, interval.high)),
        coverage: interval.ok().map(|interval| interval.coverage),
        smallest_effect: paired.smallest_effect(),
        verdict: verdict(&paired, threshold),
        reason: interval.err().map(ToString::to_string),
        ..comparison
    }
}

/// Significant first, relevant second: an interval that excludes 1 says faster or slower, however little.
fn verdict(paired: &PairedRatio, threshold: f64) -> Verdict {
    match paired.interval {
        Ok(RatioInterval { low, .. }) if low > 1.0 => Verdict::Slower,
        Ok(RatioInterval { high, .. }) if high < 1.0 => Verdict::Faster,
        Ok(RatioInterval { low, high, .. }) if low >= 1.0 - threshold && high <= 1.0 + threshold => {
            Verdict::Same
        }
        _ => Verdict::Inconclusive,
    }
}

/// Why not a single block could be paired.
fn why_none(pairs: &[(&Run, &Run)], left_out: &[String], metric: Metric) -> String {
    match (pairs.is_empty(), left_out.is_empty()) {
        (false, _) => format!("this system doesn't tell {metric}"),
        (true, true) => "no block holds a run of each arm".to_owned(),
        (true, false) => left_out.join("; "),
    }
}

fn explain(arm: &str, reason: LeftOut, runs: u32) -> String {
    let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    match reason {
        LeftOut::Failed => format!("{runs} of {arm} failed"),
        LeftOut::Redone => format!("{runs} of {arm} redone after a kill, when their block was over"),
        LeftOut::Seam => {
            format!("{runs} of {arm} in blocks that were cut: --resume with more --blocks makes up for them")
        }
        LeftOut::OtherPolicy => format!("{runs} of {arm} under another policy than asked for"),
        LeftOut::OtherIo => format!("{runs} of {arm} by other reads than asked for"),
        LeftOut::Void(caveat) => {
            format!("{runs} of {arm} {caveat} ({}): --allow {caveat} to pair them", caveat.meaning())
        }
    }
}
