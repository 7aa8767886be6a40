//! What blocks say of the session itself: whether it drifted, and whether it matters which arm runs first.

use crate::record::{Drift, OrderEffect, Run};
use crate::stats::{Confidence, trend, unpaired_difference};

/// Whether both arms moved together over `pairs` of values, in the order of their blocks; `None` for fewer than four, or
/// where a value has no logarithm.
pub(super) fn drift(base: &[f64], candidate: &[f64]) -> Option<Drift> {
    let levels: Vec<f64> =
        base.iter().zip(candidate).map(|(base, candidate)| level(*base, *candidate)).collect();
    let all_told = levels.iter().all(|level| level.is_finite());
    let found = trend(&levels).filter(|_| all_told)?;
    Some(Drift { change: found.shift.exp_m1(), p_value: found.p_value })
}

/// The log of the geometric mean.
fn level(base: f64, candidate: f64) -> f64 {
    (base.ln() + candidate.ln()) / 2.0
}

/// Whether the log ratio depends on which run of a pair came first; `None` where one of the orders is missing, or where a
/// value has no logarithm.
///
/// ```text
/// base first: x = θ + e,   candidate first: x = θ − e      e what running second costs
/// ```
pub(super) fn order_effect(pairs: &[(&Run, &Run)], base: &[f64], candidate: &[f64]) -> Option<OrderEffect> {
    let mut base_first = Vec::new();
    let mut candidate_first = Vec::new();
    for (&(a, b), (base, candidate)) in pairs.iter().zip(base.iter().zip(candidate)) {
        let x = candidate.ln() - base.ln();
        if began(a)? < began(b)? { base_first.push(x) } else { candidate_first.push(x) }
    }
    let found = unpaired_difference(&candidate_first, &base_first, Confidence::P95).ok()?;
    Some(OrderEffect { cost: (found.difference / 2.0).exp_m1(), p_value: found.p_value })
}

fn began(run: &Run) -> Option<u64> {
    run.conditions.before.as_ref().map(|before| before.elapsed_ns)
}
