//! How far what one model foretells is from what another does.

use rayon::prelude::*;

/// What a model foretells after each token of a text, for others to be held against it. A large vocabulary makes it large,
/// so that nothing is kept beside the logits that is as long as they are.
#[derive(Clone, Debug)]
pub struct Foretold {
    /// A row a token.
    logits: Vec<f32>,
    rows: Vec<Row>,
    vocabulary: usize,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// log Σ exp of the logits.
    log_sum: f64,
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
    /// Takes in logits, rows of `vocabulary` numbers.
    pub fn new(logits: Vec<f32>, vocabulary: usize) -> Self {
        let vocabulary = vocabulary.max(1);
        let row = |logits| {
            let (log_sum, best) = log_sum(logits);
            Row { log_sum, best }
        };
        let rows = logits.par_chunks_exact(vocabulary).map(row).collect();
        Foretold { logits, rows, vocabulary }
    }

    /// Adds to `held` the next rows of a model's logits, held against those behind the ones that are there. `next` has the
    /// text's token after each row of all, below the length of a row; a row that none follows is left out.
    pub fn hold(&self, held: &mut Vec<Held>, logits: &[f32], next: &[u32]) {
        let first = held.len();
        let rows = logits.par_chunks_exact(self.vocabulary).zip(&next[first..]).enumerate();
        held.par_extend(rows.map(|(index, (row, &next))| self.hold_row(first + index, row, next as usize)));
    }

    /// All rows but those that no token follows, held against themselves.
    pub fn hold_itself(&self, next: &[u32]) -> Vec<Held> {
        let mut held = Vec::new();
        self.hold(&mut held, &self.logits, next);
        held
    }

    /// A row of a model's logits held against row `token`. Σ p is 1, but for what rounding to single precision leaves.
    ///
    /// ```text
    /// Σ p·(log p − log q)  =  Σ p·(logit_p − logit_q) + Σ p · (log Σ exp logit_q − log Σ exp logit_p)
    /// ```
    fn hold_row(&self, token: usize, logits: &[f32], next: usize) -> Held {
        let (log_sum, best) = log_sum(logits);
        let (row, own) = (&self.rows[token], self.row(token));
        let (mut apart, mut p_sum) = (0.0, 0.0);
        for (&own, &other) in own.iter().zip(logits) {
            let p = (own - row.log_sum as f32).exp();
            apart += f64::from(p * (own - other));
            p_sum += f64::from(p);
        }
        let kld = apart + p_sum * (log_sum - row.log_sum);
        Held { kld, nll: log_sum - f64::from(logits[next]), same_best: best == row.best }
    }

    fn row(&self, token: usize) -> &[f32] {
        &self.logits[token * self.vocabulary..][..self.vocabulary]
    }
}

/// log Σ exp, and the first of the largest.
fn log_sum(logits: &[f32]) -> (f64, usize) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let best = logits.iter().position(|&logit| logit == most).unwrap_or_default();
    let sum: f64 = logits.iter().map(|logit| f64::from((logit - most).exp())).sum();
    (f64::from(most) + sum.ln(), best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_is_that_of_the_textbook() {
        let reference = Foretold::new(vec![0.0, f32::ln(3.0), 5.0, 5.0], 2); // 1/4, 3/4; 1/2, 1/2
        let (next, mut held) = ([0, 1], Vec::new());
        reference.hold(&mut held, &[7.0, 7.0], &next); // 1/2, 1/2
        reference.hold(&mut held, &[0.0, f32::ln(3.0), 9.0, 9.0], &next); // 1/4, 3/4; no token follows the last
        assert_eq!(held.len(), 2);
        let expected = 0.25 * f64::ln(0.5) + 0.75 * f64::ln(1.5);
        assert!((held[0].kld - expected).abs() < 1e-6, "{held:?}");
        assert!((held[0].nll - f64::ln(2.0)).abs() < 1e-6);
        assert!(!held[0].same_best, "of equals the first is the best");
        let expected = 0.5 * f64::ln(2.0) + 0.5 * f64::ln(2.0 / 3.0);
        assert!((held[1].kld - expected).abs() < 1e-6, "{held:?}");
        let mut at_once = Vec::new();
        reference.hold(&mut at_once, &[7.0, 7.0, 0.0, f32::ln(3.0)], &next);
        assert_eq!(at_once, held);
        let itself = reference.hold_itself(&[1]);
        assert_eq!(itself.len(), 1, "nothing follows the last");
        assert!(itself[0].same_best && itself[0].kld.abs() < 1e-12, "{itself:?}");
        let mut shifted = Vec::new();
        reference.hold(&mut shifted, &[100.0, 100.0 + f32::ln(3.0)], &[1]);
        assert!(shifted[0].kld.abs() < 1e-5, "logits count up to a sum: {shifted:?}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_nearer_than_the_reference_itself(
            a in proptest::collection::vec(-20.0f32..20.0, 9),
            b in proptest::collection::vec(-20.0f32..20.0, 9),
        ) {
            let mut held = Vec::new();
            Foretold::new(a, 9).hold(&mut held, &b, &[0]);
            proptest::prop_assert!(held[0].kld > -1e-5 && held[0].kld.is_finite(), "{held:?}");
        }
    }
}
