/// How often an interval must hold the truth: a probability strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f64);

impl Confidence {
    /// 95 %, the confidence of every verdict that isn't one of a family.
    pub const P95: Confidence = Confidence(0.95);

    /// A confidence; `None` unless `0 < probability ≤ 1 − 10⁻⁹`: further out the normal approximation says nothing.
    pub const fn new(probability: f64) -> Option<Self> {
        if probability > 0.0 && probability <= 1.0 - 1e-9 { Some(Confidence(probability)) } else { None }
    }

    /// As a probability.
    pub const fn probability(self) -> f64 {
        self.0
    }

    /// How often an interval may miss the truth: `1 − confidence`.
    pub const fn alpha(self) -> f64 {
        1.0 - self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_and_impossibility_are_no_confidence() {
        assert_eq!(Confidence::new(0.95), Some(Confidence::P95));
        for probability in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert_eq!(Confidence::new(probability), None, "{probability}");
        }
    }
}
