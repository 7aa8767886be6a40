use super::Confidence;

/// Counts of up to this many values fit a `u64`: 2⁶⁰ sign patterns, or the ways to choose 30 of 60.
const EXACT_UP_TO: usize = 60;
/// 20! orders fit a `u64`, 21! don't.
const EXACT_ORDERS_UP_TO: usize = 20;

/// How a rank statistic is distributed when there is no effect. It takes whole values from 0 to `max` and is symmetric.
pub(super) struct Null {
    max: u64,
    tail: Tail,
}

enum Tail {
    /// `cumulative[t]` of `total` equally likely outcomes have a statistic of at most `t`; up to half of `max`.
    Exact { cumulative: Vec<u64>, total: u64 },
    /// The normal approximation with continuity correction.
    Normal { mean: f64, deviation: f64 },
}

impl Null {
    /// Wilcoxon's signed-rank statistic of `n` values.
    ///
    /// ```text
    /// T = Σ of the ranks 1…n whose signs came up positive, each sign a fair coin
    ///     mean n (n + 1) / 4,   variance n (n + 1) (2n + 1) / 24
    /// ```
    /// F. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1(6), 1945. With the order in each
    /// block drawn at random, the sign of a block's log ratio *is* a fair coin when the arms are alike, whatever the
    /// noise.
    pub(super) fn signed_rank(n: usize) -> Self {
        let max = (n * (n + 1) / 2) as u64;
        if n <= EXACT_UP_TO {
            return Null::exact(max, signed_rank_counts(n));
        }
        let n = n as f64;
        Null::normal(max, n * (n + 1.0) * (2.0 * n + 1.0) / 24.0)
    }

    /// Mann and Whitney's statistic of `n` values against `m`.
    ///
    /// ```text
    /// U = pairs in which the second is larger, each order of the n + m values as likely as any other
    ///     mean n m / 2,   variance n m (n + m + 1) / 12
    /// ```
    /// H. Mann, D. Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other",
    /// Annals of Mathematical Statistics 18(1), 1947.
    pub(super) fn rank_sum(n: usize, m: usize) -> Self {
        let max = n as u64 * m as u64;
        if n + m <= EXACT_UP_TO {
            return Null::exact(max, rank_sum_counts(n, m));
        }
        let (n, m) = (n as f64, m as f64);
        Null::normal(max, n * m * (n + m + 1.0) / 12.0)
    }

    /// The pairs among `n` values that stand in descending order, each order of the values as likely as any other.
    ///
    /// ```text
    /// mean n (n − 1) / 4,   variance n (n − 1) (2n + 5) / 72
    /// ```
    /// M. Kendall, "A New Measure of Rank Correlation", Biometrika 30, 1938.
    pub(super) fn inversions(n: usize) -> Self {
        let max = n as u64 * (n as u64).saturating_sub(1) / 2;
        if n <= EXACT_ORDERS_UP_TO {
            return Null::exact(max, inversion_counts(n));
        }
        let n = n as f64;
        Null::normal(max, n * (n - 1.0) * (2.0 * n + 5.0) / 72.0)
    }

    fn exact(max: u64, counts: Vec<u64>) -> Self {
        let total = counts.iter().sum();
        let below = counts.into_iter().take(max as usize / 2 + 1);
        let running = below.scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        Null { max, tail: Tail::Exact { cumulative: running.collect(), total } }
    }

    fn normal(max: u64, variance: f64) -> Self {
        Null { max, tail: Tail::Normal { mean: max as f64 / 2.0, deviation: variance.sqrt() } }
    }

    /// The largest statistic there can be.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// The chance of a statistic as far out as `t` on either side, for `t` at most half of the largest:
    /// `min(1, 2 P(T ≤ t))`.
    pub(super) fn two_sided(&self, t: u64) -> f64 {
        let one_sided = match &self.tail {
            Tail::Exact { cumulative, total } => cumulative[t as usize] as f64 / *total as f64,
            Tail::Normal { mean, deviation } => normal_below((t as f64 + 0.5 - mean) / deviation),
        };
        (2.0 * one_sided).min(1.0)
    }

    /// The largest `t` with `2 P(T ≤ t) ≤ 1 − confidence`; `None` when even `t = 0` is likelier than that.
    pub(super) fn cutoff(&self, confidence: Confidence) -> Option<u64> {
        let (mut possible, mut excluded) = (0, self.max / 2 + 1);
        while possible < excluded {
            let t = possible.midpoint(excluded);
            if self.two_sided(t) <= confidence.alpha() {
                possible = t + 1;
            } else {
                excluded = t;
            }
        }
        possible.checked_sub(1)
    }
}

/// How many of the 2ⁿ sign patterns have each T.
///
/// ```text
/// patterns with T = t among ranks 1…r  =  those among 1…r−1 with T = t  +  those with T = t − r
/// ```
fn signed_rank_counts(n: usize) -> Vec<u64> {
    let mut counts = vec![0; n * (n + 1) / 2 + 1];
    counts[0] = 1;
    for rank in 1..=n {
        for t in (rank..counts.len()).rev() {
            counts[t] += counts[t - rank];
        }
    }
    counts
}

/// How many of the orders of `n` values among `m` have each U: the coefficients of a Gaussian binomial.
///
/// ```text
/// Π (1 − qᵐ⁺ⁱ) / (1 − qⁱ)   for i = 1…n
/// ```
/// Each step's quotient is a polynomial again, with counts that are at most those of the end; on the way they wrap.
fn rank_sum_counts(n: usize, m: usize) -> Vec<u64> {
    let mut counts = vec![0_u64; n * m + 1];
    counts[0] = 1;
    for i in 1..=n {
        for u in (m + i..counts.len()).rev() {
            counts[u] = counts[u].wrapping_sub(counts[u - m - i]);
        }
        for u in i..counts.len() {
            counts[u] = counts[u].wrapping_add(counts[u - i]);
        }
    }
    counts
}

/// How many of the n! orders have each number of inversions: a value put before k others adds k.
fn inversion_counts(n: usize) -> Vec<u64> {
    let mut counts = vec![1_u64];
    for already in 1..n {
        let longer = counts.len() + already;
        let smaller =
            |inversions: usize| inversions.saturating_sub(already)..=inversions.min(counts.len() - 1);
        counts = (0..longer).map(|inversions| counts[smaller(inversions)].iter().sum()).collect();
    }
    counts
}

/// Φ(z) = ½ erfc(−z / √2)
fn normal_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutoffs_are_those_of_the_printed_tables() {
        // Two-sided 5 % critical values of T: Wilcoxon 1945 and every textbook since.
        let printed = [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13), (15, 25), (20, 52), (25, 89)];
        for (n, t) in printed {
            assert_eq!(Null::signed_rank(n).cutoff(Confidence::P95), Some(t), "n = {n}");
        }
        assert_eq!(Null::signed_rank(5).cutoff(Confidence::P95), None);
        // Of U: Mann and Whitney 1947, later tables.
        let printed = [(4, 4, 0), (5, 5, 2), (6, 6, 5), (5, 8, 6), (10, 10, 23), (20, 20, 127)];
        for (n, m, u) in printed {
            assert_eq!(Null::rank_sum(n, m).cutoff(Confidence::P95), Some(u), "{n} against {m}");
            assert_eq!(Null::rank_sum(m, n).cutoff(Confidence::P95), Some(u), "{m} against {n}");
        }
        assert_eq!(Null::rank_sum(3, 3).cutoff(Confidence::P95), None);
    }

    #[test]
    fn half_of_all_patterns_lie_on_each_side() {
        // n (n + 1) / 2 is odd for these: no pattern is in the middle.
        for (n, t) in [(1, 0), (5, 7), (6, 10), (58, 855)] {
            assert_eq!(Null::signed_rank(n).two_sided(t), 1.0, "n = {n}");
            assert!(t == 0 || Null::signed_rank(n).two_sided(t - 1) < 1.0, "n = {n}");
        }
    }

    #[test]
    fn every_order_is_counted_once() {
        for n in 0..=20_u64 {
            let orders: u64 = (1..=n).product();
            assert_eq!(inversion_counts(n as usize).iter().sum::<u64>(), orders, "{n}!");
        }
        let choose = |n: u128, of: u128| (1..=n).fold(1_u128, |all, i| all * (of - n + i) / i);
        for (n, m) in [(0, 3), (3, 0), (1, 1), (4, 7), (30, 30)] {
            let total: u128 = rank_sum_counts(n, m).into_iter().map(u128::from).sum();
            assert_eq!(total, choose(n as u128, (n + m) as u128), "{n} among {m}");
        }
        assert_eq!(inversion_counts(4), [1, 3, 5, 6, 5, 3, 1]);
        assert_eq!(rank_sum_counts(2, 2), [1, 1, 2, 1, 1]);
    }

    #[test]
    fn the_approximation_takes_over_without_a_step() {
        let exact = Null::signed_rank(60);
        let approximate = Null::normal(exact.max(), 60.0 * 61.0 * 121.0 / 24.0);
        assert_eq!(exact.cutoff(Confidence::P95), Some(648));
        assert_eq!(approximate.cutoff(Confidence::P95), Some(648));
        assert!((exact.two_sided(648) - approximate.two_sided(648)).abs() < 6e-4);
        let (exact, approximate) = (Null::rank_sum(30, 30), Null::normal(900, 900.0 * 61.0 / 12.0));
        // One step nearer to the end: the approximation's intervals are a little wide.
        assert_eq!(exact.cutoff(Confidence::P95), Some(317));
        assert_eq!(approximate.cutoff(Confidence::P95), Some(316));
    }
}
