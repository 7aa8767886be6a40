use super::counted::Counted;

/// The differences of all values of one sample to all of another. Their median is the Hodges–Lehmann shift.
///
/// ```text
/// D = { yⱼ − xᵢ },   n m of them
/// ```
/// J. Hodges, E. Lehmann, "Estimates of Location Based on Rank Tests", Annals of Mathematical Statistics 34(2), 1963.
pub(super) struct Differences {
    from: Vec<f64>,
    to: Vec<f64>,
}

impl Differences {
    /// Of `to` to `from`: finite, at least one of each.
    pub(super) fn of(mut from: Vec<f64>, mut to: Vec<f64>) -> Self {
        from.sort_unstable_by(f64::total_cmp);
        to.sort_unstable_by(f64::total_cmp);
        Differences { from, to }
    }
}

impl Counted for Differences {
    fn count(&self) -> u64 {
        self.from.len() as u64 * self.to.len() as u64
    }

    fn count_at_most(&self, limit: f64) -> u64 {
        let mut below = 0;
        let counts = self.from.iter().map(|from| {
            // The larger `from`, the more of `to` are near enough, so `below` only ever moves up.
            while below < self.to.len() && self.to[below] - from <= limit {
                below += 1;
            }
            below as u64
        });
        counts.sum()
    }

    fn span(&self) -> (f64, f64) {
        let (from, to) = (&self.from, &self.to);
        (to[0] - from[from.len() - 1], to[to.len() - 1] - from[0])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quarters(most: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((-4_i32..=4).prop_map(|x| f64::from(x) / 4.0), 1..most)
    }

    proptest! {
        #[test]
        fn every_rank_is_found_as_in_the_sorted_list(from in quarters(7), to in quarters(7)) {
            let mut expected: Vec<f64> =
                from.iter().flat_map(|from| to.iter().map(move |to| to - from)).collect();
            expected.sort_unstable_by(f64::total_cmp);
            let differences = Differences::of(from, to);
            let found: Vec<f64> = (0..differences.count()).map(|rank| differences.nth(rank)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
