use super::null::Null;
use super::summary::Summary;

/// Whether values move one way as time goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The median of the later half − the median of the earlier half; the middle value of an odd number is in neither.
    pub shift: f64,
    /// The chance of an order this near to ascending or descending, or nearer, if every order were as likely; two-sided.
    pub p_value: f64,
}

/// Whether `values`, finite and in the order of time, rise or fall; `None` for fewer than four.
///
/// ```text
/// p = 2 P(T ≤ min(#{i < j : xᵢ ≥ xⱼ}, #{i < j : xᵢ ≤ xⱼ}))
/// ```
/// H. Mann, "Nonparametric Tests Against Trend", Econometrica 13(3), 1945: Kendall's rank correlation with time. Exact up
/// to 20 values, the normal approximation beyond. Equal values count for both sides. O(n log n).
pub fn trend(values: &[f64]) -> Option<Trend> {
    let half = values.len() / 2;
    if half < 2 {
        return None;
    }
    let median = |values: &[f64]| Summary::of(values.iter().copied()).map(|summary| summary.median);
    let shift = median(&values[values.len() - half..])? - median(&values[..half])?;
    let null = Null::inversions(values.len());
    let negated: Vec<f64> = values.iter().map(|value| -value).collect();
    let not_rising = null.max() - falling_pairs(negated);
    let not_falling = null.max() - falling_pairs(values.to_vec());
    let fewest = not_rising.min(not_falling).min(null.max() / 2);
    Some(Trend { shift, p_value: null.two_sided(fewest) })
}

/// How many pairs stand in descending order, by merging sorted halves of doubling length.
fn falling_pairs(mut values: Vec<f64>) -> u64 {
    let mut merged = values.clone();
    let (mut pairs, mut run) = (0, 1);
    while run < values.len() {
        for start in (0..values.len()).step_by(2 * run) {
            let middle = (start + run).min(values.len());
            let end = (middle + run).min(values.len());
            let (left, right) = (&values[start..middle], &values[middle..end]);
            pairs += merge(left, right, &mut merged[start..end]);
        }
        std::mem::swap(&mut values, &mut merged);
        run *= 2;
    }
    pairs
}

/// Merges two sorted runs, and counts the pairs of which the left one is larger.
fn merge(left: &[f64], right: &[f64], into: &mut [f64]) -> u64 {
    let (mut i, mut j, mut pairs) = (0, 0, 0);
    for place in into {
        let from_right = i == left.len() || (j < right.len() && right[j] < left[i]);
        if from_right {
            *place = right[j];
            j += 1;
            pairs += (left.len() - i) as u64;
        } else {
            *place = left[i];
            i += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn falling_pairs_are_counted_as_by_trying_all(
            values in prop::collection::vec((-3_i32..=3).prop_map(f64::from), 0..40),
        ) {
            let pairs = (0..values.len()).flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)));
            let expected = pairs.filter(|&(i, j)| values[i] > values[j]).count() as u64;
            prop_assert_eq!(falling_pairs(values), expected);
        }

        #[test]
        fn turning_time_round_turns_the_shift(
            values in prop::collection::vec((-9_i32..=9).prop_map(f64::from), 4..40),
        ) {
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            let (there, back) = (trend(&values).unwrap(), trend(&reversed).unwrap());
            prop_assert_eq!((there.shift, there.p_value), (-back.shift, back.p_value));
        }
    }

    #[test]
    fn a_rise_without_exception_is_as_unlikely_as_one_order_of_all() {
        let rising: Vec<f64> = (0..8).map(f64::from).collect();
        let found = trend(&rising).unwrap();
        assert_eq!((found.shift, found.p_value), (4.0, 2.0 / 40_320.0));
        assert_eq!(trend(&[5.0; 8]).unwrap(), Trend { shift: 0.0, p_value: 1.0 });
        assert_eq!(trend(&rising[..3]), None);
    }
}
