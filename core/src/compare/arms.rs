//! Two arms held against each other: their runs, and those that may not be paired.

use std::collections::BTreeSet;

use super::Question;
use super::judge::{Design, Samples, median};
use super::pairing::{Arm, Group, LeftOut};
use super::watch;
use crate::job::Field;
use crate::record::{Caveat, Comparison, Metric, Metrics, Run, Verdict};

impl Metric {
    /// Its value in a run; `None` where this system doesn't tell.
    pub fn of(self, metrics: &Metrics) -> Option<u64> {
        match self {
            Metric::WallNs => Some(metrics.wall_ns),
            Metric::CpuNs => metrics.cpu_ns,
            Metric::MajorFaults => metrics.major_faults,
            Metric::MinorFaults => metrics.minor_faults,
            Metric::PagesPagedIn => metrics.pages_paged_in,
            Metric::BytesFetched => metrics.bytes_fetched,
        }
    }

    pub(super) fn of_run(self, run: &Run) -> Option<f64> {
        self.of(run.metrics.as_ref()?).map(|value| value as f64)
    }
}

/// Holds `candidate` against `base`, block by block.
pub(super) fn compare_arms(
    group: &Group<'_>,
    base: &Arm<'_>,
    candidate: &Arm<'_>,
    question: &Question,
) -> Comparison {
    let partners: Vec<(&Run, &Run)> =
        base.runs.iter().filter_map(|(block, run)| Some((*run, *candidate.runs.get(block)?))).collect();
    let values = |(a, b): &(&Run, &Run)| Some((question.metric.of_run(a)?, question.metric.of_run(b)?));
    let (pairs, values): (Vec<_>, Vec<_>) =
        partners.iter().filter_map(|pair| Some((*pair, values(pair)?))).unzip();
    let (bases, candidates): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
    let mut left_out: Vec<String> = [base, candidate].into_iter().flat_map(Arm::left_out).collect();
    left_out.extend([base, candidate].into_iter().filter_map(|arm| alone(arm, partners.len())));
    left_out.extend(untold(partners.len() - pairs.len(), question.metric));
    let unjudged = Comparison {
        fixed: group.fixed.clone(),
        base: base.name.clone(),
        candidate: candidate.name.clone(),
        differ_in: differ_in(base, candidate, question),
        blocks: bases.len() as u32,
        drift: watch::drift(&bases, &candidates),
        order_effect: watch::order_effect(&pairs, &bases, &candidates),
        left_out,
        caveats: caveats(pairs.iter().flat_map(|(base, candidate)| [*base, *candidate])),
        ..unjudged(&bases, &candidates)
    };
    match bases.is_empty() {
        true => {
            let reason = Some(why_none(&partners, &unjudged.left_out, question.metric));
            Comparison { reason, ..unjudged }
        }
        false => Samples {
            design: Design::Paired,
            metric: question.metric,
            threshold: question.threshold,
            base: &bases,
            candidate: &candidates,
        }
        .judge(unjudged),
    }
}

/// Two samples of which nothing is said yet.
pub(super) fn unjudged(base: &[f64], candidate: &[f64]) -> Comparison {
    Comparison {
        fixed: Default::default(),
        base: String::new(),
        candidate: String::new(),
        differ_in: Vec::new(),
        blocks: base.len().min(candidate.len()) as u32,
        base_median: median(base),
        candidate_median: median(candidate),
        ratio: None,
        interval: None,
        coverage: None,
        difference: None,
        difference_interval: None,
        p_value: None,
        p_regression: None,
        gated: true,
        regression: false,
        smallest_effect: None,
        blocks_needed: None,
        drift: None,
        order_effect: None,
        verdict: Verdict::Incomparable,
        reason: None,
        left_out: Vec::new(),
        caveats: Vec::new(),
    }
}

/// Runs that could be paired and have no partner in their block.
fn alone(arm: &Arm<'_>, partners: usize) -> Option<String> {
    let alone = arm.runs.len() - partners;
    (alone > 0).then(|| format!("{} of {} without a partner in the block", runs(alone as u32), arm.name))
}

/// Blocks of which the system didn't tell the metric.
fn untold(blocks: usize, metric: Metric) -> Option<String> {
    (blocks > 0).then(|| format!("{blocks} blocks in which {metric} isn't told of both runs"))
}

/// Which of the fields asked for are not the same: what an effect is one of.
fn differ_in(base: &Arm<'_>, candidate: &Arm<'_>, question: &Question) -> Vec<Field> {
    let values = base.values.iter().zip(&candidate.values);
    let fields = question.by.iter().zip(values);
    fields.filter(|(_, (base, candidate))| base != candidate).map(|(&field, _)| field).collect()
}

/// All caveats of some runs, each once.
pub(super) fn caveats<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<Caveat> {
    let all = runs.into_iter().flat_map(|run| run.caveats.iter().copied());
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Why not a single block could be paired.
fn why_none(pairs: &[(&Run, &Run)], left_out: &[String], metric: Metric) -> String {
    match (pairs.is_empty(), left_out.is_empty()) {
        (false, _) => format!("this system doesn't tell {metric}"),
        (true, true) => "no block holds a run of each arm".to_owned(),
        (true, false) => left_out.join("; "),
    }
}

impl Arm<'_> {
    /// Its runs that may not be paired, in words.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.left_out.iter().map(|(&reason, &runs)| explain(&self.name, reason, runs)).collect()
    }
}

fn runs(count: u32) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

fn explain(arm: &str, reason: LeftOut, runs: u32) -> String {
    let runs = self::runs(runs);
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
