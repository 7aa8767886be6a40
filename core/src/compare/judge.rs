//! From samples to a verdict.

use crate::record::{Comparison, Metric, Verdict};
use crate::stats::{
    ArmsError, Confidence, Difference, Interval, Ratio, Summary, paired_difference, paired_ratio,
    unpaired_difference, unpaired_ratio,
};

/// With fewer, even arms that always differ the same way could do so by chance in more than 5 % of sessions.
pub(super) const BLOCKS_FOR_A_VERDICT: usize = 6;

/// How two arms were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Design {
    /// In the same blocks: `base[i]` beside `candidate[i]`.
    Paired,
    /// In two sessions.
    Apart,
}

impl Design {
    fn ratio(self, base: &[f64], candidate: &[f64]) -> Result<Ratio, ArmsError> {
        match self {
            Design::Paired => paired_ratio(base, candidate, Confidence::P95),
            Design::Apart => unpaired_ratio(base, candidate, Confidence::P95),
        }
    }

    fn difference(self, base: &[f64], candidate: &[f64]) -> Result<Difference, ArmsError> {
        match self {
            Design::Paired => paired_difference(base, candidate, Confidence::P95),
            Design::Apart => unpaired_difference(base, candidate, Confidence::P95),
        }
    }
}

impl Metric {
    /// Whether it counts things, of which there may be none.
    pub fn is_count(self) -> bool {
        match self {
            Metric::WallNs | Metric::CpuNs => false,
            Metric::MajorFaults | Metric::MinorFaults | Metric::PagesPagedIn | Metric::BytesFetched => true,
        }
    }
}

/// What was measured of two arms, and what is asked of it.
pub(super) struct Samples<'a> {
    pub design: Design,
    pub metric: Metric,
    pub threshold: f64,
    pub base: &'a [f64],
    pub candidate: &'a [f64],
}

/// The median of some values; `None` of none.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    Summary::of(values.iter().copied()).map(|summary| summary.median)
}

impl Samples<'_> {
    /// Fills in what the samples say.
    pub fn judge(&self, comparison: Comparison) -> Comparison {
        let all_equal = self.design == Design::Paired
            && self.base == self.candidate
            && self.base.len() >= BLOCKS_FOR_A_VERDICT;
        let judged = match (all_equal, self.metric.is_count()) {
            (true, is_count) => Ok(equal(comparison.clone(), is_count)),
            (false, true) => self.by_difference(comparison.clone()),
            (false, false) => self.by_ratio(comparison.clone()),
        };
        judged.unwrap_or_else(|error| Comparison {
            verdict: Verdict::Inconclusive,
            reason: Some(error.to_string()),
            ..comparison
        })
    }

    fn by_ratio(&self, comparison: Comparison) -> Result<Comparison, ArmsError> {
        let ratio = self.design.ratio(self.base, self.candidate)?;
        let beyond = self.design.ratio(&self.raised_base(), self.candidate)?;
        let (verdict, reason) = match &ratio.interval {
            Ok(interval) => self.verdict(interval, 1.0, self.threshold),
            Err(why) => (Verdict::Inconclusive, Some(why.to_string())),
        };
        Ok(Comparison {
            coverage: ratio.interval.as_ref().ok().map(|interval| interval.coverage),
            p_value: Some(ratio.p_value),
            p_regression: Some(one_sided(beyond.p_value, beyond.ratio > 1.0)),
            verdict,
            reason,
            ..self.with_ratio(comparison, &ratio)
        })
    }

    fn with_ratio(&self, comparison: Comparison, ratio: &Ratio) -> Comparison {
        Comparison {
            ratio: Some(ratio.ratio),
            interval: ratio.interval.as_ref().ok().map(ends),
            smallest_effect: ratio.smallest_effect(),
            blocks_needed: ratio.blocks_needed(comparison.blocks as usize, self.threshold),
            ..comparison
        }
    }

    /// Counts: also told as a ratio where there is one.
    fn by_difference(&self, comparison: Comparison) -> Result<Comparison, ArmsError> {
        let found = self.design.difference(self.base, self.candidate)?;
        let beyond = self.design.difference(&self.raised_base(), self.candidate)?;
        let (verdict, reason) = match &found.interval {
            Ok(interval) => {
                let margin = self.threshold * median(self.base).unwrap_or(0.0);
                self.verdict(interval, 0.0, margin)
            }
            Err(why) => (Verdict::Inconclusive, Some(why.to_string())),
        };
        let comparison = match self.design.ratio(self.base, self.candidate) {
            Ok(ratio) => self.with_ratio(comparison, &ratio),
            Err(_) => comparison,
        };
        Ok(Comparison {
            difference: Some(found.difference),
            difference_interval: found.interval.as_ref().ok().map(ends),
            coverage: found.interval.as_ref().ok().map(|interval| interval.coverage),
            p_value: Some(found.p_value),
            p_regression: Some(one_sided(beyond.p_value, beyond.difference > 0.0)),
            verdict,
            reason,
            ..comparison
        })
    }

    /// The base, worse by the threshold: what lies above it is a regression.
    fn raised_base(&self) -> Vec<f64> {
        self.base.iter().map(|value| value * (1.0 + self.threshold)).collect()
    }

    /// Significant first, relevant second: an interval that excludes `alike` says faster or slower, however little. Two
    /// sessions are never the same.
    fn verdict(&self, interval: &Interval, alike: f64, margin: f64) -> (Verdict, Option<String>) {
        let within = interval.low >= alike - margin && interval.high <= alike + margin;
        match self.design {
            _ if self.base.len().min(self.candidate.len()) < BLOCKS_FOR_A_VERDICT => {
                let found = self.base.len().min(self.candidate.len());
                let reason =
                    format!("found {found} runs, expected at least {BLOCKS_FOR_A_VERDICT} of each arm");
                (Verdict::Inconclusive, Some(reason))
            }
            _ if interval.low > alike => (Verdict::Slower, None),
            _ if interval.high < alike => (Verdict::Faster, None),
            Design::Paired if within => (Verdict::Same, None),
            Design::Apart if within => (Verdict::Inconclusive, Some(NEVER_THE_SAME.to_owned())),
            Design::Paired | Design::Apart => (Verdict::Inconclusive, None),
        }
    }
}

const NEVER_THE_SAME: &str =
    "alike within the threshold, but two sessions are never called the same: measure both in one";

/// Counts may be 0, of which there is no logarithm; when all agree there is no need for one.
fn equal(comparison: Comparison, is_count: bool) -> Comparison {
    Comparison {
        ratio: Some(1.0),
        interval: Some((1.0, 1.0)),
        difference: is_count.then_some(0.0),
        difference_interval: is_count.then_some((0.0, 0.0)),
        p_value: Some(1.0),
        p_regression: Some(1.0),
        verdict: Verdict::Same,
        ..comparison
    }
}

fn ends(interval: &Interval) -> (f64, f64) {
    (interval.low, interval.high)
}

/// Of a two-sided p-value, the side above.
fn one_sided(two_sided: f64, is_above: bool) -> f64 {
    if is_above { two_sided / 2.0 } else { 1.0 - two_sided / 2.0 }
}
