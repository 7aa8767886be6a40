/// What a sample looks like, in the unit of its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many values there are, at least one.
    pub count: usize,
    /// The smallest value.
    pub min: f64,
    /// A quarter of the way through the sorted values.
    pub lower_quartile: f64,
    /// Half of the way through the sorted values.
    pub median: f64,
    /// Three quarters of the way through the sorted values.
    pub upper_quartile: f64,
    /// The largest value.
    pub max: f64,
}

impl Summary {
    /// Summarises finite values in any order; `None` when there are none.
    ///
    /// Integers come in as `f64`, exact up to 2⁵³ (104 days in nanoseconds).
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Summary> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        Some(Summary {
            count: sorted.len(),
            min,
            lower_quartile: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            upper_quartile: quantile(&sorted, 0.75),
            max,
        })
    }
}

/// The value `share` (0 to 1) of the way through `sorted`, which must not be empty.
///
/// ```text
/// place = share · (n − 1);   between two values: linear in the distance to each
/// ```
/// R. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50(4), 1996, type 7: the
/// default of R and numpy.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_interpolated_between_values() {
        // numpy.quantile([1, 2, 4, 8], [.25, .5, .75])
        let expected =
            Summary { count: 4, min: 1.0, lower_quartile: 1.75, median: 3.0, upper_quartile: 5.0, max: 8.0 };
        assert_eq!(Summary::of([8.0, 1.0, 4.0, 2.0]), Some(expected));
    }

    #[test]
    fn one_value_is_every_quantile_and_none_is_no_summary() {
        let one = Summary::of([3.0]).unwrap();
        assert_eq!([one.min, one.lower_quartile, one.median, one.upper_quartile, one.max], [3.0; 5]);
        assert_eq!(Summary::of([]), None);
    }
}
