use std::fmt;

use super::Confidence;
use super::signed_rank::SignedRank;
use super::walsh::WalshAverages;

/// How many times the base a candidate is, from runs that were paired within blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedRatio {
    /// How many blocks held a run of each arm.
    pub blocks: usize,
    /// Candidate ÷ base: the pseudo-median over blocks, 1 when the arms are alike.
    pub ratio: f64,
    /// Where the ratio lies with the confidence asked for, or why that can't be said.
    pub interval: Result<RatioInterval, NoInterval>,
    /// The chance of blocks this one-sided, or more, if the arms were alike; two-sided. An interval excludes 1 exactly
    /// when this is at most `1 − confidence`.
    pub p_value: f64,
}

/// The ratios that the blocks don't contradict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioInterval {
    /// The smallest such ratio.
    pub low: f64,
    /// The largest such ratio.
    pub high: f64,
    /// How often such an interval holds the true ratio: at least the confidence asked for, and above it by what the
    /// steps of the exact distribution leave over.
    pub coverage: f64,
}

impl RatioInterval {
    /// Whether "the arms are alike" is contradicted.
    pub fn excludes_one(self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }
}

/// Why no interval can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInterval {
    /// Even blocks that all point one way come by chance more often than `1 − confidence`: `2 · 2⁻ⁿ` of the time.
    #[error("found {found} paired blocks, expected at least {needed} for an interval: measure more blocks")]
    TooFewBlocks {
        /// How many blocks there were.
        found: usize,
        /// How many the confidence takes.
        needed: usize,
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

/// Why two arms have no ratio.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PairedError {
    /// Not a single block.
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
    #[error(
        "found {value} for the {arm} in paired block {block}, expected a finite value above zero for a ratio"
    )]
    NotPositive {
        /// Whose value.
        arm: Arm,
        /// Its index in the slice that was passed, from 0.
        block: usize,
        /// The value.
        value: f64,
    },
}

/// Compares two arms that ran once in each of the same blocks: `base[i]` and `candidate[i]` come from one block, in
/// any unit that both share. Blocks may be in any order.
///
/// ```text
/// xᵢ       = ln(candidateᵢ / baseᵢ)
/// ratio    = exp(median of the Walsh averages (xᵢ + xⱼ) / 2, i ≤ j)                      Hodges–Lehmann
/// interval = exp(W₍ₜ₊₁₎) … exp(W₍ₘ₋ₜ₎),  W the m sorted averages, t the signed-rank cutoff      Tukey
/// p        = 2 P(T ≤ min(#{W ≤ 0}, #{W ≥ 0}))                                             Wilcoxon
/// ```
/// M. Hollander, D. Wolfe, E. Chicken, "Nonparametric Statistical Methods", 3rd edition, 2014, sections 3.1–3.3. An
/// average that is exactly 0 counts for both sides, so blocks without a difference weigh towards "alike".
///
/// Exact up to 60 blocks, the normal approximation beyond. O(n log n) time, O(n) memory.
///
/// # Errors
/// When there is no block, when the arms differ in length, and for the first value that is not finite and positive.
pub fn paired_ratio(
    base: &[f64],
    candidate: &[f64],
    confidence: Confidence,
) -> Result<PairedRatio, PairedError> {
    let averages = WalshAverages::of(log_ratios(base, candidate)?);
    let null = SignedRank::of(base.len());
    Ok(PairedRatio {
        blocks: base.len(),
        ratio: averages.median().exp(),
        interval: interval(&averages, &null, confidence)
            .ok_or(NoInterval::TooFewBlocks { found: base.len(), needed: blocks_needed(confidence) }),
        p_value: p_value(&averages, &null),
    })
}

impl PairedRatio {
    /// The smallest effect that blocks with this spread could have shown, as a ratio − 1 (0.04 is 4 %); `None` without an
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
}

fn log_ratios(base: &[f64], candidate: &[f64]) -> Result<Vec<f64>, PairedError> {
    if base.len() != candidate.len() {
        return Err(PairedError::UnequalArms { base: base.len(), candidate: candidate.len() });
    }
    if base.is_empty() {
        return Err(PairedError::NoBlocks);
    }
    let pairs = base.iter().zip(candidate).enumerate();
    // A difference of logs, not the log of a quotient: swapping the arms then changes the sign and nothing else.
    pairs.map(|(block, (&b, &c))| Ok(ln(c, Arm::Candidate, block)? - ln(b, Arm::Base, block)?)).collect()
}

fn ln(value: f64, arm: Arm, block: usize) -> Result<f64, PairedError> {
    if value.is_finite() && value > 0.0 {
        Ok(value.ln())
    } else {
        Err(PairedError::NotPositive { arm, block, value })
    }
}

fn interval(averages: &WalshAverages, null: &SignedRank, confidence: Confidence) -> Option<RatioInterval> {
    let cutoff = null.cutoff(confidence)?;
    Some(RatioInterval {
        low: averages.nth(cutoff).exp(),
        high: averages.nth(averages.count() - 1 - cutoff).exp(),
        coverage: 1.0 - null.two_sided(cutoff),
    })
}

fn p_value(averages: &WalshAverages, null: &SignedRank) -> f64 {
    let not_above = averages.count_at_most(0.0);
    let not_below = averages.count() - averages.count_at_most(0.0_f64.next_down());
    // Zeros count for both sides, so the smaller side can be more than half.
    null.two_sided(not_above.min(not_below).min(averages.count() / 2))
}

/// The smallest n with `2 · 2⁻ⁿ ≤ 1 − confidence`.
fn blocks_needed(confidence: Confidence) -> usize {
    (2.0 / confidence.alpha()).log2().ceil() as usize
}
