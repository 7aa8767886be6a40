//! Arms that were measured apart, trends and counts, against scipy; what may not change them.

#![allow(clippy::unwrap_used, reason = "reference values that can't be read have failed the test")]

use packbench_core::stats::{
    ArmsError, Confidence, NoInterval, Ratio, paired_difference, trend, unpaired_difference, unpaired_ratio,
};
use proptest::prelude::*;
use serde_json::Value;

/// Made by data/rank_sum.py, which names its command.
const SCIPY: &str = include_str!("data/rank_sum.json");

fn cases(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(SCIPY).unwrap();
    all[name].as_array().unwrap().clone()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_close(found: f64, case: &Value, key: &str) {
    let expected = case[key].as_f64().unwrap();
    // scipy rounds its tail at 10⁻¹⁶: of a p-value of 10⁻¹⁰ it has six digits.
    let tolerance = if key == "p_value" { 1e-6 } else { 1e-12 };
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{key}: found {found}, expected {case}");
}

fn compare(base: &[f64], candidate: &[f64]) -> Ratio {
    unpaired_ratio(base, candidate, Confidence::P95).expect("arms are positive")
}

#[test]
fn agrees_with_scipy() {
    let unpaired = cases("unpaired");
    assert_eq!(unpaired.len(), 14);
    for case in &unpaired {
        let found = compare(&numbers(case, "base_ns"), &numbers(case, "candidate_ns"));
        let interval = found.interval.unwrap();
        let told = [("ratio", found.ratio), ("low", interval.low), ("high", interval.high)];
        told.into_iter().for_each(|(key, value)| assert_close(value, case, key));
        assert_close(interval.coverage, case, "coverage");
        assert_close(found.p_value, case, "p_value");
    }
}

#[test]
fn trends_agree_with_scipy() {
    let trends = cases("trends");
    assert_eq!(trends.len(), 8);
    for case in &trends {
        let found = trend(&numbers(case, "values")).unwrap();
        assert_close(found.shift, case, "shift");
        assert_close(found.p_value, case, "p_value");
    }
}

#[test]
fn counts_agree_with_scipy() {
    let counts = cases("counts");
    assert_eq!(counts.len(), 3);
    for case in &counts {
        let (base, candidate) = (numbers(case, "base"), numbers(case, "candidate"));
        let found = paired_difference(&base, &candidate, Confidence::P95).unwrap();
        assert_close(found.difference, case, "difference");
        assert_close(found.p_value, case, "p_value");
    }
}

#[test]
fn a_rise_from_no_fault_at_all_is_a_difference() {
    let found = paired_difference(&[0.0; 6], &[3.0, 3.0, 4.0, 3.0, 3.0, 3.0], Confidence::P95).unwrap();
    let interval = found.interval.unwrap();
    assert_eq!((found.difference, interval.low, interval.high), (3.0, 3.0, 4.0));
    assert!(interval.excludes(0.0));
    let apart = unpaired_difference(&[0.0; 6], &[3.0; 6], Confidence::P95).unwrap();
    assert_eq!(apart.difference, 3.0);
    assert!(apart.interval.unwrap().excludes(0.0));
}

#[test]
fn three_runs_an_arm_have_a_ratio_and_no_interval() {
    let found = compare(&[1.0; 3], &[2.0; 3]);
    assert!((found.ratio - 2.0).abs() < 1e-12);
    assert_eq!(found.interval, Err(NoInterval::TooFewRuns { base: 3, candidate: 3 }));
    assert_eq!(found.p_value, 0.1);
    assert_eq!(unpaired_ratio(&[], &[1.0], Confidence::P95), Err(ArmsError::NoBlocks));
}

proptest! {
    #[test]
    fn swapping_the_arms_inverts_the_ratio(
        base in prop::collection::vec((100_u64..110).prop_map(|ns| ns as f64), 4..70),
        candidate in prop::collection::vec((100_u64..110).prop_map(|ns| ns as f64), 4..70),
    ) {
        let (there, back) = (compare(&base, &candidate), compare(&candidate, &base));
        prop_assert!((there.ratio * back.ratio - 1.0).abs() < 1e-10);
        prop_assert_eq!(there.p_value, back.p_value);
        let (there, back) = (there.interval.unwrap(), back.interval.unwrap());
        prop_assert!((there.low * back.high - 1.0).abs() < 1e-10);
        prop_assert_eq!(there.coverage, back.coverage);
    }

    #[test]
    fn the_interval_agrees_with_the_p_value(
        base in prop::collection::vec((100_u64..110).prop_map(|ns| ns as f64), 4..70),
        candidate in prop::collection::vec((105_u64..115).prop_map(|ns| ns as f64), 4..70),
    ) {
        let found = compare(&base, &candidate);
        let interval = found.interval.unwrap();
        prop_assert!(interval.low <= found.ratio && found.ratio <= interval.high);
        prop_assert_eq!(interval.excludes(1.0), found.p_value <= Confidence::P95.alpha());
    }
}
