use super::Confidence;

/// Up to this many values the distribution is counted exactly: 2⁶⁰ sign patterns are counted in a `u64`, in 53,000 steps.
const EXACT_UP_TO: usize = 60;

/// The distribution of Wilcoxon's signed-rank statistic when there is no effect.
///
/// ```text
/// T = Σ of the ranks 1…n whose signs came up positive, each sign a fair coin
/// ```
/// F. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1(6), 1945. With the order in each block
/// drawn at random, the sign of a block's log ratio *is* a fair coin when the arms are alike, whatever the noise.
pub(super) enum SignedRank {
    /// `patterns[t]` of the 2ⁿ sign patterns have T ≤ t.
    Exact { n: usize, patterns: Vec<u64> },
    /// The normal approximation.
    Normal { n: usize },
}

impl SignedRank {
    /// The distribution for `n` values.
    pub(super) fn of(n: usize) -> Self {
        if n <= EXACT_UP_TO {
            SignedRank::Exact { n, patterns: cumulative_patterns(n) }
        } else {
            SignedRank::Normal { n }
        }
    }

    /// The largest T there can be, `n (n + 1) / 2`.
    fn max(&self) -> u64 {
        let (SignedRank::Exact { n, .. } | SignedRank::Normal { n }) = self;
        let n = *n as u64;
        n * (n + 1) / 2
    }

    /// The chance of a statistic as far out as `t` on either side, for `t` at most half of the largest T:
    /// `min(1, 2 P(T ≤ t))`.
    pub(super) fn two_sided(&self, t: u64) -> f64 {
        let one_sided = match self {
            SignedRank::Exact { n, patterns } => patterns[t as usize] as f64 / (1_u64 << n) as f64,
            SignedRank::Normal { n } => normal_tail(*n as f64, t as f64),
        };
        (2.0 * one_sided).min(1.0)
    }

    /// The largest `t` with `2 P(T ≤ t) ≤ 1 − confidence`; `None` when even `t = 0` is likelier than that.
    pub(super) fn cutoff(&self, confidence: Confidence) -> Option<u64> {
        let (mut possible, mut excluded) = (0, self.max() / 2 + 1);
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

/// For each `t` up to half of the largest T, how many of the 2ⁿ sign patterns have T ≤ t.
///
/// ```text
/// patterns with T = t among ranks 1…r  =  those among 1…r−1 with T = t  +  those with T = t − r
/// ```
fn cumulative_patterns(n: usize) -> Vec<u64> {
    let mut patterns = vec![0; n * (n + 1) / 4 + 1];
    patterns[0] = 1;
    for rank in 1..=n {
        for t in (rank..patterns.len()).rev() {
            patterns[t] += patterns[t - rank];
        }
    }
    for t in 1..patterns.len() {
        patterns[t] += patterns[t - 1];
    }
    patterns
}

/// `P(T ≤ t)` by the normal approximation with continuity correction.
///
/// ```text
/// Φ((t + ½ − n (n + 1) / 4) / √(n (n + 1) (2n + 1) / 24)),   Φ(z) = ½ erfc(−z / √2)
/// ```
/// M. Hollander, D. Wolfe, E. Chicken, "Nonparametric Statistical Methods", 3rd edition, 2014, section 3.1.
fn normal_tail(n: f64, t: f64) -> f64 {
    let mean = n * (n + 1.0) / 4.0;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    let z = (t + 0.5 - mean) / deviation;
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
            assert_eq!(SignedRank::of(n).cutoff(Confidence::P95), Some(t), "n = {n}");
        }
        assert_eq!(SignedRank::of(5).cutoff(Confidence::P95), None);
    }

    #[test]
    fn half_of_all_patterns_lie_on_each_side() {
        // n (n + 1) / 2 is odd for these: no pattern is in the middle.
        for (n, t) in [(1, 0), (5, 7), (6, 10), (58, 855)] {
            assert_eq!(SignedRank::of(n).two_sided(t), 1.0, "n = {n}");
            assert!(t == 0 || SignedRank::of(n).two_sided(t - 1) < 1.0, "n = {n}");
        }
    }

    #[test]
    fn the_approximation_takes_over_without_a_step() {
        let (exact, approximate) = (SignedRank::of(60), SignedRank::Normal { n: 60 });
        assert_eq!(exact.cutoff(Confidence::P95), Some(648));
        assert_eq!(approximate.cutoff(Confidence::P95), Some(648));
        assert!((exact.two_sided(648) - approximate.two_sided(648)).abs() < 6e-4);
    }
}
