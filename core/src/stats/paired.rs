use super::Confidence;
use super::estimate::{Arm, ArmsError, Difference, Estimate, NoInterval, Ratio, finite, logs};
use super::null::Null;
use super::walsh::WalshAverages;

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
pub fn paired_ratio(base: &[f64], candidate: &[f64], confidence: Confidence) -> Result<Ratio, ArmsError> {
    are_pairs(base, candidate)?;
    // A difference of logs, not the log of a quotient: swapping the arms then changes the sign and nothing else.
    let x = subtract(&logs(Arm::Base, base)?, &logs(Arm::Candidate, candidate)?);
    let too_few = too_few(x.len(), confidence);
    Ok(estimate(x, confidence).into_ratio(too_few))
}

/// As [`paired_ratio`], with differences in place of ratios: for counts, which may be 0.
///
/// ```text
/// xᵢ = candidateᵢ − baseᵢ
/// ```
/// Integers below 2⁵² are subtracted and averaged without rounding, so equal counts are equal.
///
/// # Errors
/// When there is no block, when the arms differ in length, and for the first value that is not finite.
pub fn paired_difference(
    base: &[f64],
    candidate: &[f64],
    confidence: Confidence,
) -> Result<Difference, ArmsError> {
    are_pairs(base, candidate)?;
    finite(Arm::Base, base)?;
    finite(Arm::Candidate, candidate)?;
    let too_few = too_few(base.len(), confidence);
    Ok(estimate(subtract(base, candidate), confidence).into_difference(too_few))
}

fn are_pairs(base: &[f64], candidate: &[f64]) -> Result<(), ArmsError> {
    match (base.len(), candidate.len()) {
        (base, candidate) if base != candidate => Err(ArmsError::UnequalArms { base, candidate }),
        (0, _) => Err(ArmsError::NoBlocks),
        _ => Ok(()),
    }
}

fn subtract(base: &[f64], candidate: &[f64]) -> Vec<f64> {
    base.iter().zip(candidate).map(|(base, candidate)| candidate - base).collect()
}

fn estimate(x: Vec<f64>, confidence: Confidence) -> Estimate {
    let null = Null::signed_rank(x.len());
    Estimate::of(&WalshAverages::of(x), &null, confidence)
}

fn too_few(found: usize, confidence: Confidence) -> NoInterval {
    NoInterval::TooFewBlocks { found, needed: fewest_blocks(confidence) }
}

/// The smallest number of blocks that can give an interval: n with `2 · 2⁻ⁿ ≤ 1 − confidence`.
fn fewest_blocks(confidence: Confidence) -> usize {
    (2.0 / confidence.alpha()).log2().ceil() as usize
}
