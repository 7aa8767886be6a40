//! Fewer sessions than benches/false_verdicts.rs, to fail early.

mod simulate;

use simulate::{Noise, Order, false_verdicts};

const SESSIONS: u64 = 2_000;
const SEED: u64 = 20_261_124;

/// With the order drawn at random the rate is known, whatever the noise: `2 · 2⁻⁶` of the sessions.
#[test]
fn six_blocks_of_equal_arms_give_a_false_verdict_as_often_as_the_coverage_says() {
    let expected = SESSIONS as f64 / 32.0;
    let deviation = (expected * (1.0 - 1.0 / 32.0)).sqrt();
    for noise in Noise::ALL {
        let found = false_verdicts(noise, Order::Randomised, 6, SESSIONS, SEED) as f64;
        let tolerance = 3.5 * deviation;
        assert!((found - expected).abs() < tolerance, "{noise}: {found}, expected {expected} ± {tolerance}");
    }
}

/// The simulation can fail: without randomising, drift is taken for an effect.
#[test]
fn a_fixed_order_under_drift_is_wrong_far_too_often() {
    let found = false_verdicts(Noise::Drifting, Order::Fixed, 6, SESSIONS, SEED);
    assert!(found > SESSIONS / 10, "{found} of {SESSIONS}");
}
