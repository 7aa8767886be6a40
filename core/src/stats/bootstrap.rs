//! Where a mean lies, by drawing again and again from what was measured. For the ratio of two arms the rank statistics
//! beside this are better: their intervals are exact (`benches/coverage.rs` shows both).

use std::num::NonZero;

use crate::random::Random;

const RESAMPLES: usize = 4000;
/// Of fewer values too many resamples have no spread to divide by.
const LEAST: usize = 4;

/// A 95 % interval of the mean of `values`, by the studentized bootstrap; tokens of one text depend on each other, so the
/// values are those of whole chunks. Of two or three values all that can be said is where they lie. `None` for fewer, and
/// where one isn't finite.
///
/// ```text
/// t*       = (mean* − mean) / error*,   error = deviation / √n, * of a resample
/// interval = mean − t*₉₇.₅ · error … mean − t*₂.₅ · error
/// ```
/// B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, section 12.5. The percentiles of the resampled means
/// themselves lie too near together for few values.
pub fn mean_interval(values: &[f64], seed: u64) -> Option<(f64, f64)> {
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let count = NonZero::new(values.len() as u64).filter(|count| count.get() > 1)?;
    let (mean, error) = mean_and_error(values.iter().copied());
    if error == 0.0 || values.len() < LEAST {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        return Some((least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max)));
    }
    let mut random = Random::new(seed);
    let mut studentized = || {
        let drawn: Vec<f64> = values.iter().map(|_| values[random.below(count) as usize]).collect();
        let (of_drawn, error) = mean_and_error(drawn.into_iter());
        (error > 0.0).then_some((of_drawn - mean) / error)
    };
    let mut draws: Vec<f64> = (0..RESAMPLES).filter_map(|_| studentized()).collect();
    draws.sort_unstable_by(f64::total_cmp);
    let tail = draws.len() / 40;
    Some((mean - draws[draws.len() - 1 - tail] * error, mean - draws[tail] * error))
}

/// The mean, and its standard error.
fn mean_and_error(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_as_often_as_it_says() {
        let mut random = Random::new(4);
        let mut uniform = || random.next_u64() as f64 / u64::MAX as f64;
        let held = (0..200).filter(|&seed| {
            let values: Vec<f64> = (0..10).map(|_| uniform()).collect();
            mean_interval(&values, seed).is_some_and(|(low, high)| (low..=high).contains(&0.5))
        });
        let share = held.count() as f64 / 200.0;
        // three standard deviations of a share of 200
        assert!((0.95 - 0.047..=0.95 + 0.047).contains(&share), "{share}");
    }

    #[test]
    fn few_values_and_equal_ones_have_their_span() {
        assert_eq!(mean_interval(&[1.0], 0), None);
        assert_eq!(mean_interval(&[2.0; 5], 0), Some((2.0, 2.0)));
        assert_eq!(mean_interval(&[3.0, 1.0], 0), Some((1.0, 3.0)));
    }
}
