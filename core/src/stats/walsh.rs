use super::counted::{Counted, average};

/// The averages of all pairs of `n` values, each value paired with itself too. Their median is the Hodges–Lehmann
/// pseudo-median of the values.
///
/// ```text
/// W = { (xᵢ + xⱼ) / 2 : i ≤ j },   n (n + 1) / 2 of them
/// ```
/// J. Walsh, "Some Significance Tests for the Median which are Valid under Very General Conditions", Annals of
/// Mathematical Statistics 20(1), 1949. J. Hodges, E. Lehmann, "Estimates of Location Based on Rank Tests", Annals of
/// Mathematical Statistics 34(2), 1963.
pub(super) struct WalshAverages {
    sorted: Vec<f64>,
}

impl WalshAverages {
    /// The averages of the pairs of `values`: finite, at least one.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        WalshAverages { sorted: values }
    }
}

impl Counted for WalshAverages {
    fn count(&self) -> u64 {
        let n = self.sorted.len() as u64;
        n * (n + 1) / 2
    }

    fn count_at_most(&self, limit: f64) -> u64 {
        let mut count = 0;
        let mut end = self.sorted.len();
        for (i, &low) in self.sorted.iter().enumerate() {
            // A larger partner is needed less and less as `low` rises, so `end` only ever moves down.
            while end > i && average(low, self.sorted[end - 1]) > limit {
                end -= 1;
            }
            if end <= i {
                break;
            }
            count += (end - i) as u64;
        }
        count
    }

    fn span(&self) -> (f64, f64) {
        (self.sorted[0], self.sorted[self.sorted.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written_down(values: &[f64]) -> Vec<f64> {
        let pairs = (0..values.len()).flat_map(|i| (i..values.len()).map(move |j| (i, j)));
        let mut averages: Vec<f64> = pairs.map(|(i, j)| average(values[i], values[j])).collect();
        averages.sort_unstable_by(f64::total_cmp);
        averages
    }

    proptest! {
        #[test]
        fn every_rank_is_found_as_in_the_sorted_list(
            // Few distinct values, so that averages tie; signs, so that the bisection crosses zero.
            values in prop::collection::vec((-4_i32..=4).prop_map(|x| f64::from(x) / 4.0), 1..9),
        ) {
            let averages = WalshAverages::of(values.clone());
            let expected = written_down(&values);
            prop_assert_eq!(averages.count(), expected.len() as u64);
            let found: Vec<f64> = (0..averages.count()).map(|rank| averages.nth(rank)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_median_of_an_even_number_of_averages_is_between_the_middle_two() {
        // Averages of 0, 1, 8: 0, 0.5, 1, 4, 4.5, 8.
        assert_eq!(WalshAverages::of(vec![8.0, 0.0, 1.0]).median(), 2.5);
        assert_eq!(WalshAverages::of(vec![-0.0]).median().to_bits(), 0.0_f64.to_bits());
    }
}
