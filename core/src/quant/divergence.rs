//! How far what one model foretells is from what another does.

/// What a model foretells of the next token, made ready to be held against others.
#[derive(Clone, Debug, Default)]
pub struct Foretold {
    /// log p of each token.
    log_p: Vec<f64>,
    best: usize,
}

/// A token held against the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// Σ p·(log p − log q), p the reference's, q the model's, in nats.
    pub kld: f64,
    /// −log q of the text's own token, in nats.
    pub nll: f64,
    /// Whether both think the same token likeliest.
    pub same_best: bool,
}

impl Foretold {
    /// Takes in a row of logits.
    pub fn read(&mut self, logits: &[f32]) {
        let (log_sum, best) = log_sum(logits);
        self.best = best;
        self.log_p.clear();
        self.log_p.extend(logits.iter().map(|&logit| f64::from(logit) - log_sum));
    }

    /// Holds a model's row of logits, as long as the reference's, against it; `next` is the token that the text has
    /// there, below that length.
    pub fn hold(&self, logits: &[f32], next: usize) -> Held {
        let (log_sum, best) = log_sum(logits);
        let part = |(&log_p, &logit): (&f64, &f32)| log_p.exp() * (log_p - (f64::from(logit) - log_sum));
        let kld = self.log_p.iter().zip(logits).map(part).sum();
        Held { kld, nll: log_sum - f64::from(logits[next]), same_best: best == self.best }
    }
}

/// log Σ exp, and the first of the largest.
fn log_sum(logits: &[f32]) -> (f64, usize) {
    let mut best = 0;
    for (index, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = index;
        }
    }
    let most = logits.get(best).copied().unwrap_or_default();
    let sum: f64 = logits.iter().map(|logit| f64::from((logit - most).exp())).sum();
    (f64::from(most) + sum.ln(), best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_is_that_of_the_textbook() {
        let mut reference = Foretold::default();
        reference.read(&[0.0, f32::ln(3.0)]); // 1/4, 3/4
        let held = reference.hold(&[7.0, 7.0], 0); // 1/2, 1/2
        let expected = 0.25 * f64::ln(0.5) + 0.75 * f64::ln(1.5);
        assert!((held.kld - expected).abs() < 1e-7, "{held:?}");
        assert!((held.nll - f64::ln(2.0)).abs() < 1e-7);
        assert!(!held.same_best, "of equals the first is the best");
        let itself = reference.hold(&[0.0, f32::ln(3.0)], 1);
        assert!(itself.same_best && itself.kld.abs() < 1e-12, "{itself:?}");
    }
}
