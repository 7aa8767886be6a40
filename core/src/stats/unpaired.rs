use super::Confidence;
use super::differences::Differences;
use super::estimate::{Arm, ArmsError, Difference, Estimate, NoInterval, Ratio, finite, logs};
use super::null::Null;

/// Compares two arms that were measured apart, such as in two sessions: any numbers of runs, in any order.
///
/// ```text
/// ratio    = exp(median of all ln candidateⱼ − ln baseᵢ)                                 Hodges–Lehmann
/// interval = exp(D₍ᵤ₊₁₎) … exp(D₍ₘ₋ᵤ₎),  D the m sorted differences, u the rank-sum cutoff       Moses
/// p        = 2 P(U ≤ min(#{D ≤ 0}, #{D ≥ 0}))                                       Mann–Whitney
/// ```
/// M. Hollander, D. Wolfe, E. Chicken, "Nonparametric Statistical Methods", 3rd edition, 2014, sections 4.1–4.3. Exact up
/// to 60 runs in all, the normal approximation beyond.
///
/// It takes the runs of an arm for independent and the two arms for alike but for the ratio. Sessions are neither: what
/// lies between two of them isn't in the interval.
///
/// # Errors
/// When an arm has no run, and for the first value that is not finite and positive.
pub fn unpaired_ratio(base: &[f64], candidate: &[f64], confidence: Confidence) -> Result<Ratio, ArmsError> {
    let (base, candidate) = (logs(Arm::Base, base)?, logs(Arm::Candidate, candidate)?);
    let too_few = too_few(&base, &candidate)?;
    Ok(estimate(base, candidate, confidence).into_ratio(too_few))
}

/// As [`unpaired_ratio`], with differences in place of ratios: for counts, which may be 0.
///
/// # Errors
/// When an arm has no run, and for the first value that is not finite.
pub fn unpaired_difference(
    base: &[f64],
    candidate: &[f64],
    confidence: Confidence,
) -> Result<Difference, ArmsError> {
    finite(Arm::Base, base)?;
    finite(Arm::Candidate, candidate)?;
    let too_few = too_few(base, candidate)?;
    Ok(estimate(base.to_vec(), candidate.to_vec(), confidence).into_difference(too_few))
}

/// What to say when there is no interval.
fn too_few(base: &[f64], candidate: &[f64]) -> Result<NoInterval, ArmsError> {
    match base.is_empty() || candidate.is_empty() {
        true => Err(ArmsError::NoBlocks),
        false => Ok(NoInterval::TooFewRuns { base: base.len(), candidate: candidate.len() }),
    }
}

fn estimate(base: Vec<f64>, candidate: Vec<f64>, confidence: Confidence) -> Estimate {
    let null = Null::rank_sum(base.len(), candidate.len());
    Estimate::of(&Differences::of(base, candidate), &null, confidence)
}
