//! Several comparisons that fail one job: the more of them, the likelier that one errs.

use super::judge::BLOCKS_FOR_A_VERDICT;
use crate::record::{Comparison, Comparisons, Outcome, Verdict};
use crate::stats::{Confidence, holm};

/// How often a gate may call something a regression that isn't: an interval of 95 % errs half of its 5 % on that side.
const ALPHA: f64 = Confidence::P95.alpha() / 2.0;

/// Several metrics that gate take at least as many blocks.
const BLOCKS_FOR_SEVERAL: u32 = 10;

/// Marks what is a regression among all comparisons of `answers`, so that the chance of even one that isn't is at most
/// 2.5 % (Holm). A single comparison is one when its whole interval lies above 1 + threshold.
pub fn gate_together(answers: &mut [Comparisons]) {
    let of_all = || answers.iter().flat_map(|answer| &answer.comparisons);
    let p_values: Vec<f64> = of_all().filter_map(gated).collect();
    answers.iter_mut().for_each(|answer| answer.gated_together = p_values.len() as u32);
    let comparisons = answers.iter_mut().flat_map(|answer| &mut answer.comparisons);
    let comparisons = comparisons.filter(|comparison| gated(comparison).is_some());
    for (comparison, rejected) in comparisons.zip(holm(&p_values, ALPHA)) {
        comparison.regression = rejected && !comparison.has_too_few();
    }
}

fn gated(comparison: &Comparison) -> Option<f64> {
    comparison.p_regression.filter(|_| comparison.gated)
}

/// How many blocks it takes before one of `comparisons` that are gated together can be a regression at all: the least n with
/// `2⁻ⁿ ≤ 2.5 % / comparisons`; of several `metrics` at least 10.
pub fn blocks_to_gate(comparisons: u32, metrics: usize) -> u32 {
    let least = if metrics > 1 { BLOCKS_FOR_SEVERAL } else { 0 };
    ((f64::from(comparisons.max(1)) / ALPHA).log2().ceil() as u32).max(least)
}

/// How many blocks it takes before `answers` can fail a gate.
pub fn blocks_needed_by(answers: &[Comparisons]) -> u32 {
    blocks_to_gate(answers.iter().map(|answer| answer.gated_together).max().unwrap_or(0), answers.len())
}

impl Comparison {
    /// Whether there are too few runs for any verdict, whatever they say.
    fn has_too_few(&self) -> bool {
        (self.blocks as usize) < BLOCKS_FOR_A_VERDICT
    }

    /// What it tells a CI job; `None` of what doesn't gate.
    pub fn outcome(&self, threshold: f64) -> Option<Outcome> {
        let outcome = match self.verdict {
            Verdict::Incomparable => Outcome::Invalid,
            _ if self.regression => Outcome::Regression,
            _ if self.is_worse_at_most_by(threshold) => Outcome::Passed,
            _ => Outcome::Inconclusive,
        };
        self.gated.then_some(outcome)
    }

    /// Whether all of the interval lies below the threshold.
    fn is_worse_at_most_by(&self, threshold: f64) -> bool {
        match (self.difference_interval, self.interval) {
            (Some((_, high)), _) => high <= threshold * self.base_median.unwrap_or(0.0),
            (None, Some((_, high))) => high <= 1.0 + threshold,
            (None, None) => false,
        }
    }
}

impl Comparisons {
    /// What it tells a CI job: the worst of its comparisons. However few blocks there are, which [`outcome`] minds.
    pub fn outcome(&self) -> Outcome {
        let outcomes = self.comparisons.iter().filter_map(|one| one.outcome(self.threshold));
        outcomes.max_by_key(|outcome| severity(*outcome)).unwrap_or(Outcome::Invalid)
    }
}

fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::Inconclusive => 1,
        Outcome::Regression => 2,
        Outcome::Invalid => 3,
    }
}

/// What comes of answers that were gated together, and why when nothing valid does.
///
/// A gate that couldn't have failed, for it has too few blocks, has not passed.
pub fn outcome(answers: &[Comparisons]) -> (Outcome, Option<String>) {
    let gated = || answers.iter().flat_map(|answer| &answer.comparisons).filter(|one| one.gated);
    let needed = blocks_needed_by(answers);
    let incomparable = gated().find(|one| one.verdict == Verdict::Incomparable);
    let too_few = gated().find(|one| one.blocks < needed);
    let worst = answers.iter().map(Comparisons::outcome).max_by_key(|outcome| severity(*outcome));
    match (incomparable, worst, too_few) {
        (Some(one), ..) => (Outcome::Invalid, one.reason.clone()),
        (None, None | Some(Outcome::Invalid), _) => {
            (Outcome::Invalid, Some("there is nothing to compare".to_owned()))
        }
        (None, Some(Outcome::Regression), _) => (Outcome::Regression, None),
        (None, Some(_), Some(one)) => (Outcome::Invalid, Some(too_few_blocks(one.blocks, needed))),
        (None, Some(outcome), None) => (outcome, None),
    }
}

/// Why a gate with that few blocks says nothing.
pub fn too_few_blocks(found: u32, needed: u32) -> String {
    format!("found {found} blocks to compare, expected at least {needed}: fewer can't show a regression")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_comparisons_take_more_blocks() {
        let of_one_metric = |comparisons| blocks_to_gate(comparisons, 1);
        assert_eq!([0, 1, 2, 5, 25, 26].map(of_one_metric), [6, 6, 7, 8, 10, 11]);
        assert_eq!([2, 26].map(|comparisons| blocks_to_gate(comparisons, 2)), [10, 11]);
    }
}
