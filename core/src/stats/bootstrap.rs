//! Where a mean lies, by drawing again and again from what was measured.

use std::num::NonZero;

use crate::random::Random;

const RESAMPLES: usize = 4000;

/// A 95 % interval of the mean of `values`, by the percentile bootstrap; tokens of one text depend on each other, so the
/// values are those of whole chunks. `None` for fewer than two.
///
/// B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
pub fn mean_interval(values: &[f64], seed: u64) -> Option<(f64, f64)> {
    let count = NonZero::new(values.len() as u64).filter(|count| count.get() > 1)?;
    let mut random = Random::new(seed);
    let mut mean =
        || (0..values.len()).map(|_| values[random.below(count) as usize]).sum::<f64>() / values.len() as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| mean()).collect();
    means.sort_by(f64::total_cmp);
    Some((means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_as_often_as_it_says() {
        let mut random = Random::new(4);
        let mut uniform = || random.next_u64() as f64 / u64::MAX as f64;
        let held = (0..400).filter(|&seed| {
            let values: Vec<f64> = (0..24).map(|_| uniform()).collect();
            mean_interval(&values, seed).is_some_and(|(low, high)| (low..=high).contains(&0.5))
        });
        let share = held.count() as f64 / 400.0;
        assert!(
            (0.88..0.99).contains(&share),
            "{share}: a percentile bootstrap of 24 is a little too narrow"
        );
        assert_eq!(mean_interval(&[1.0], 0), None);
        assert_eq!(mean_interval(&[2.0; 5], 0), Some((2.0, 2.0)));
    }
}
