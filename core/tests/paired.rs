//! `paired_ratio` against scipy, what may not change it, and what it refuses.

use packbench_core::stats::{Arm, ArmsError, Confidence, Interval, NoInterval, Ratio, paired_ratio};
use proptest::prelude::*;

/// Made by data/signed_rank.py, which names its command.
const SCIPY: &str = include_str!("data/signed_rank.json");

fn compare(base: &[f64], candidate: &[f64]) -> Ratio {
    paired_ratio(base, candidate, Confidence::P95).expect("arms are paired and positive")
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < tolerance, "{what}: found {found}, expected {expected}");
}

#[test]
fn agrees_with_scipy() {
    let cases: Vec<serde_json::Value> = serde_json::from_str(SCIPY).unwrap();
    assert_eq!(cases.len(), 19);
    for case in cases {
        let arm = |key: &str| -> Vec<f64> {
            case[key].as_array().unwrap().iter().map(|ns| ns.as_f64().unwrap()).collect()
        };
        let found = compare(&arm("base_ns"), &arm("candidate_ns"));
        let interval = found.interval.unwrap();
        for (key, value, tolerance) in [
            ("ratio", found.ratio, 1e-12),
            ("low", interval.low, 1e-12),
            ("high", interval.high, 1e-12),
            ("coverage", interval.coverage, 1e-12),
            // scipy rounds its tail at 10⁻¹⁶: of a p-value of 10⁻¹⁰ it has six digits.
            ("p_value", found.p_value, 1e-6),
        ] {
            assert_close(
                value,
                case[key].as_f64().unwrap(),
                tolerance,
                &format!("{key} of {}", case["name"]),
            );
        }
    }
}

#[test]
fn six_blocks_span_all_their_ratios() {
    // Base-2 logs −1, 0, 0, 0, 0, 2: ten of the 21 Walsh averages are 0, six are above and five below.
    let found = compare(&[100.0; 6], &[100.0, 400.0, 100.0, 50.0, 100.0, 100.0]);
    let interval = found.interval.unwrap();
    assert_eq!(found.ratio, 1.0);
    assert_close(interval.low, 0.5, 1e-12, "low");
    assert_close(interval.high, 4.0, 1e-12, "high");
    assert_eq!(interval.coverage, 0.96875);
    assert!(!interval.excludes(1.0));
    assert_close(found.smallest_effect().unwrap(), 3.0, 1e-12, "smallest effect");
}

#[test]
fn fewer_than_six_blocks_have_a_ratio_and_no_interval() {
    let found = compare(&[100.0; 5], &[150.0; 5]);
    assert_close(found.ratio, 1.5, 1e-12, "ratio");
    assert_eq!(found.interval, Err(NoInterval::TooFewBlocks { found: 5, needed: 6 }));
    assert_eq!(found.p_value, 0.0625);
    assert_eq!(found.smallest_effect(), None);
}

#[test]
fn a_family_of_five_needs_eight_blocks_for_an_interval() {
    let confidence = Confidence::new(1.0 - 0.05 / 5.0).unwrap();
    let found = |n| paired_ratio(&vec![1.0; n], &vec![2.0; n], confidence).unwrap().interval;
    assert_eq!(found(7), Err(NoInterval::TooFewBlocks { found: 7, needed: 8 }));
    assert!(found(8).unwrap().excludes(1.0));
}

#[test]
fn equal_runs_are_alike_whatever_their_number() {
    for n in [1, 6, 60, 61, 1000] {
        let found = compare(&vec![7.0; n], &vec![7.0; n]);
        assert_eq!((found.ratio, found.p_value), (1.0, 1.0), "n = {n}");
        assert!(found.interval.is_err() || !found.interval.unwrap().excludes(1.0));
    }
}

#[test]
fn a_value_without_a_logarithm_is_named() {
    let mut arm = [1.0; 6];
    for value in [0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        arm[3] = value;
        let error = |arm| Err(ArmsError::NotPositive { arm, block: 3, value });
        assert_eq!(paired_ratio(&arm, &[1.0; 6], Confidence::P95), error(Arm::Base));
        assert_eq!(paired_ratio(&[1.0; 6], &arm, Confidence::P95), error(Arm::Candidate));
    }
    arm[3] = f64::NAN;
    let error = paired_ratio(&[1.0; 6], &arm, Confidence::P95).unwrap_err();
    assert_eq!(
        error.to_string(),
        "found NaN for the candidate in block 3, expected a finite value above zero for a ratio"
    );
}

#[test]
fn arms_without_pairs_are_refused() {
    assert_eq!(paired_ratio(&[], &[], Confidence::P95), Err(ArmsError::NoBlocks));
    let unequal = ArmsError::UnequalArms { base: 2, candidate: 1 };
    assert_eq!(paired_ratio(&[1.0, 2.0], &[1.0], Confidence::P95), Err(unequal));
}

#[test]
fn extreme_ratios_stay_finite_in_the_logs() {
    let found = compare(&[f64::MAX; 6], &[f64::MIN_POSITIVE; 6]);
    assert_eq!(found.ratio, 0.0, "10⁻⁶¹⁶ is below what an f64 can hold");
    assert!(found.interval.unwrap().excludes(1.0));
}

/// Pairs of run times from 1 ns to 1000 s; few enough distinct ones that ties and blocks without a difference occur.
fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let time = prop_oneof![(1_u64..1_000_000_000_000), (100_u64..105)].prop_map(|ns| ns as f64);
    prop::collection::vec((time.clone(), time), 1..90)
}

fn assert_alike(a: Ratio, b: Ratio) {
    assert_close(a.ratio, b.ratio, 1e-10, "ratio");
    assert_eq!(a.interval.is_ok(), b.interval.is_ok());
    if let (Ok(a), Ok(b)) = (a.interval, b.interval) {
        assert_close(a.low, b.low, 1e-10, "low");
        assert_close(a.high, b.high, 1e-10, "high");
        assert_eq!(a.coverage, b.coverage);
    }
}

proptest! {
    #[test]
    fn swapping_the_arms_inverts_ratio_and_interval(pairs in pairs()) {
        let (base, candidate): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let (found, swapped) = (compare(&base, &candidate), compare(&candidate, &base));
        let invert = |i: Interval| Interval { low: 1.0 / i.high, high: 1.0 / i.low, ..i };
        let inverted =
            Ratio { ratio: 1.0 / swapped.ratio, interval: swapped.interval.map(invert), ..swapped };
        assert_alike(found, inverted);
        prop_assert_eq!(found.p_value, swapped.p_value);
    }

    #[test]
    fn the_unit_of_both_arms_changes_nothing(pairs in pairs(), scale in 1e-9_f64..1e9) {
        let (base, candidate): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let scaled = |arm: &[f64]| arm.iter().map(|x| x * scale).collect::<Vec<f64>>();
        assert_alike(compare(&base, &candidate), compare(&scaled(&base), &scaled(&candidate)));
    }

    #[test]
    fn the_order_of_the_blocks_changes_nothing(
        (pairs, shuffled) in pairs().prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
    ) {
        let run = |pairs: Vec<(f64, f64)>| {
            let (base, candidate): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            compare(&base, &candidate)
        };
        prop_assert_eq!(run(pairs), run(shuffled));
    }

    #[test]
    fn the_interval_holds_the_ratio_and_agrees_with_the_p_value(pairs in pairs()) {
        let (base, candidate): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let found = compare(&base, &candidate);
        match found.interval {
            Ok(interval) => {
                prop_assert!(interval.low <= found.ratio && found.ratio <= interval.high);
                prop_assert!(interval.coverage >= 0.95);
                prop_assert_eq!(interval.excludes(1.0), found.p_value <= Confidence::P95.alpha());
                prop_assert!(found.smallest_effect().unwrap() >= 0.0);
            }
            Err(why) => {
                let needed = NoInterval::TooFewBlocks { found: base.len(), needed: 6 };
                prop_assert_eq!(why, needed);
                prop_assert!(base.len() < 6);
                prop_assert!(found.p_value > 0.05);
            }
        }
    }
}
