use std::fmt;

use super::Confidence;
use super::counted::Counted;
use super::null::Null;

/// How many times the base a candidate is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Candidate ÷ base, 1 when the arms are alike.
    pub ratio: f64,
    /// Where the ratio lies with the confidence asked for, or why that can't be said.
    pub interval: Result<Interval, NoInterval>,
    /// The chance of samples this one-sided, or more, if the arms were alike; two-sided. An interval excludes 1 exactly
    /// when this is at most `1 − confidence`.
    pub p_value: f64,
}

/// By how much a candidate differs from the base, in the unit of its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Candidate − base, 0 when the arms are alike.
    pub difference: f64,
    /// Where the difference lies with the confidence asked for, or why that can't be said.
    pub interval: Result<Interval, NoInterval>,
    /// The chance of samples this one-sided, or more, if the arms were alike; two-sided. An interval excludes 0 exactly
    /// when this is at most `1 − confidence`.
    pub p_value: f64,
}

/// What the samples don't contradict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The smallest such value.
    pub low: f64,
    /// The largest such value.
    pub high: f64,
    /// How often such an interval holds the truth: at least the confidence asked for, and above it by what the steps of
    /// the exact distribution leave over.
    pub coverage: f64,
}

impl Interval {
    /// Whether the samples contradict `value`.
    pub fn excludes(self, value: f64) -> bool {
        self.low > value || self.high < value
    }
}

/// Why no interval can be given: even samples that all point one way come by chance more often than `1 − confidence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInterval {
    /// `2 · 2⁻ⁿ` of the time.
    #[error("found {found} paired blocks, expected at least {needed} for an interval: measure more blocks")]
    TooFewBlocks {
        /// How many blocks there were.
        found: usize,
        /// How many the confidence takes.
        needed: usize,
    },
    /// `2 / (n + m choose n)` of the time.
    #[error(
        "found {base} runs of the base and {candidate} of the candidate, too few for an interval: measure more blocks"
    )]
    TooFewRuns {
        /// Runs of the base.
        base: usize,
        /// Runs of the candidate.
        candidate: usize,
    },
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// What is compared against.
    Base,
    /// What is compared.
    Candidate,
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Arm::Base => "base",
            Arm::Candidate => "candidate",
        })
    }
}

/// Why two arms can't be held against each other.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ArmsError {
    /// An arm without a single run.
    #[error("found no block with a run of each arm, expected at least one")]
    NoBlocks,
    /// A run without its partner.
    #[error("found {base} runs of the base and {candidate} of the candidate, expected one of each a block")]
    UnequalArms {
        /// Runs of the base.
        base: usize,
        /// Runs of the candidate.
        candidate: usize,
    },
    /// A value without a logarithm. Counts that may be zero are compared as counts, not as ratios.
    #[error("found {value} for the {arm} in block {block}, expected a finite value above zero for a ratio")]
    NotPositive {
        /// Whose value.
        arm: Arm,
        /// Its index in the slice that was passed, from 0.
        block: usize,
        /// The value.
        value: f64,
    },
    /// A value that is no number.
    #[error("found {value} for the {arm} in block {block}, expected a finite value")]
    NotFinite {
        /// Whose value.
        arm: Arm,
        /// Its index in the slice that was passed, from 0.
        block: usize,
        /// The value.
        value: f64,
    },
}

/// An estimate on an additive scale, where 0 stands for "alike".
pub(super) struct Estimate {
    centre: f64,
    interval: Option<Interval>,
    p_value: f64,
}

impl Estimate {
    /// ```text
    /// centre   = median of the m numbers
    /// interval = W₍ₜ₊₁₎ … W₍ₘ₋ₜ₎,  W the numbers in ascending order, t the cutoff of their count below 0
    /// p        = 2 P(T ≤ min(#{W ≤ 0}, #{W ≥ 0}))
    /// ```
    /// A number that is exactly 0 counts for both sides, so samples without a difference weigh towards "alike".
    pub(super) fn of(numbers: &impl Counted, null: &Null, confidence: Confidence) -> Self {
        Estimate {
            centre: numbers.median(),
            interval: null.cutoff(confidence).map(|cutoff| Interval {
                low: numbers.nth(cutoff),
                high: numbers.nth(numbers.count() - 1 - cutoff),
                coverage: 1.0 - null.two_sided(cutoff),
            }),
            p_value: p_value(numbers, null),
        }
    }

    /// Of logarithms.
    pub(super) fn into_ratio(self, too_few: NoInterval) -> Ratio {
        let exp = |Interval { low, high, coverage }| Interval { low: low.exp(), high: high.exp(), coverage };
        let interval = self.interval.map(exp).ok_or(too_few);
        Ratio { ratio: self.centre.exp(), interval, p_value: self.p_value }
    }

    pub(super) fn into_difference(self, too_few: NoInterval) -> Difference {
        let interval = self.interval.ok_or(too_few);
        Difference { difference: self.centre, interval, p_value: self.p_value }
    }
}

fn p_value(numbers: &impl Counted, null: &Null) -> f64 {
    let not_above = numbers.count_at_most(0.0);
    let not_below = numbers.count() - numbers.count_at_most(0.0_f64.next_down());
    // Zeros count for both sides, so the smaller side can be more than half.
    null.two_sided(not_above.min(not_below).min(null.max() / 2))
}

impl Ratio {
    /// The smallest effect that samples with this spread could have shown, as a ratio − 1 (0.04 is 4 %); `None` without an
    /// interval.
    ///
    /// ```text
    /// max(ratio / low, high / ratio) − 1
    /// ```
    /// An interval this wide, laid around a ratio nearer to 1 than that, would hold 1 and show nothing.
    pub fn smallest_effect(&self) -> Option<f64> {
        let interval = self.interval.ok()?;
        Some((self.ratio / interval.low).max(interval.high / self.ratio) - 1.0)
    }

    /// How many blocks would show an effect of `effect` (0.05 is 5 %) in four of five sessions with this spread, where
    /// `blocks` gave this interval; `None` without one.
    ///
    /// ```text
    /// blocks · ((1 + z₈₀ / z₉₇.₅) · width / ln(1 + effect))²,   width = ½ ln(high / low)
    /// ```
    /// An interval is z₉₇.₅ standard errors wide to each side, and to be seen in 80 % of sessions an effect takes z₈₀ more.
    pub fn blocks_needed(&self, blocks: usize, effect: f64) -> Option<u32> {
        const Z_80_TO_Z_97_5: f64 = 0.841_621 / 1.959_964;
        let interval = self.interval.ok()?;
        let width = (interval.high / interval.low).ln() / 2.0;
        let needed = blocks as f64 * ((1.0 + Z_80_TO_Z_97_5) * width / effect.ln_1p()).powi(2);
        Some(needed.ceil().max(6.0) as u32)
    }
}

/// The logarithms of an arm's values.
pub(super) fn logs(arm: Arm, values: &[f64]) -> Result<Vec<f64>, ArmsError> {
    let log = |(block, &value): (usize, &f64)| match value.is_finite() && value > 0.0 {
        true => Ok(value.ln()),
        false => Err(ArmsError::NotPositive { arm, block, value }),
    };
    values.iter().enumerate().map(log).collect()
}

/// Whether each of an arm's values is a number.
pub(super) fn finite(arm: Arm, values: &[f64]) -> Result<(), ArmsError> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((block, &value)) => Err(ArmsError::NotFinite { arm, block, value }),
        None => Ok(()),
    }
}
