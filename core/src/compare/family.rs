//! Several comparisons that fail one job: the more of them, the likelier that one errs.

use super::judge::BLOCKS_FOR_A_VERDICT;
use crate::record::{Comparison, Comparisons, Outcome, Verdict};
use crate::stats::{Confidence, holm};

/// What a comparison tells a CI job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// No arm is worse by the threshold.
    Passed,
    /// Some arm is worse by more than the threshold, and that is no chance.
    Regression,
    /// Some arms could not be compared.
    Invalid,
}

/// How often a gate may call something a regression that isn't: an interval of 95 % errs half of its 5 % on that side.
const ALPHA: f64 = Confidence::P95.alpha() / 2.0;

/// Marks what is a regression among all comparisons of `answers`, so that the chance of even one that isn't is at most
/// 2.5 % (Holm). A single comparison is one when its whole interval lies above 1 + threshold.
pub fn gate_together(answers: &mut [Comparisons]) {
    let gated = |comparison: &&mut Comparison| comparison.p_regression.is_some();
    let of_all = || answers.iter().flat_map(|answer| &answer.comparisons);
    let p_values: Vec<f64> = of_all().filter_map(|comparison| comparison.p_regression).collect();
    answers.iter_mut().for_each(|answer| answer.gated_together = p_values.len() as u32);
    let comparisons = answers.iter_mut().flat_map(|answer| &mut answer.comparisons).filter(gated);
    for (comparison, rejected) in comparisons.zip(holm(&p_values, ALPHA)) {
        comparison.regression = rejected && !comparison.has_too_few();
    }
}

/// How many blocks it takes before one of `comparisons` that are gated together can be a regression at all: the least n with
/// `2⁻ⁿ ≤ 2.5 % / comparisons`.
pub fn blocks_to_gate(comparisons: u32) -> u32 {
    (f64::from(comparisons.max(1)) / ALPHA).log2().ceil() as u32
}

impl Comparison {
    /// Whether there are too few runs for any verdict, whatever they say.
    fn has_too_few(&self) -> bool {
        (self.blocks as usize) < BLOCKS_FOR_A_VERDICT
    }
}

impl Comparisons {
    /// Whether a CI job passes.
    pub fn gate(&self) -> Gate {
        match &self.comparisons {
            all if all.iter().any(|one| one.verdict == Verdict::Incomparable) => Gate::Invalid,
            all if all.iter().any(|one| one.regression) => Gate::Regression,
            _ => Gate::Passed,
        }
    }
}

/// What comes of answers that were gated together, and why when nothing valid does.
///
/// A gate that couldn't have failed, for it has too few blocks, has not passed.
pub fn outcome(answers: &[Comparisons]) -> (Outcome, Option<String>) {
    let all = || answers.iter().flat_map(|answer| &answer.comparisons);
    let needed = blocks_to_gate(answers.iter().map(|answer| answer.gated_together).max().unwrap_or(0));
    let incomparable = all().find(|one| one.verdict == Verdict::Incomparable);
    let too_few = all().find(|one| one.blocks < needed);
    match (incomparable, too_few) {
        (Some(one), _) => (Outcome::Invalid, one.reason.clone()),
        _ if all().any(|one| one.regression) => (Outcome::Regression, None),
        _ if all().next().is_none() => (Outcome::Invalid, Some("there is nothing to compare".to_owned())),
        (None, Some(one)) => {
            let found = one.blocks;
            let reason = format!(
                "found {found} blocks to compare, expected at least {needed}: fewer can't show a regression"
            );
            (Outcome::Invalid, Some(reason))
        }
        _ if all().any(|one| one.verdict == Verdict::Inconclusive) => (Outcome::Inconclusive, None),
        _ => (Outcome::Passed, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_comparisons_take_more_blocks() {
        assert_eq!([1, 2, 5, 25, 26].map(blocks_to_gate), [6, 7, 8, 10, 11]);
        assert_eq!(blocks_to_gate(0), 6);
    }
}
