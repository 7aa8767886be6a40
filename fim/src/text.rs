//! Sequences, cut from the tokens of texts.

use crate::FimError;
use crate::request::Sequence;

/// How texts are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How many sequences.
    pub sequences: u32,
    /// Tokens of each.
    pub length: u32,
    /// The token that begins each, where the model wants one.
    pub beginning: Option<u32>,
}

impl Cut {
    /// Cuts `tokens`, a text without a beginning, into sequences that don't overlap, spread evenly over all of it.
    ///
    /// # Errors
    /// [`FimError::TextTooShort`]; [`FimError::Request`] for sequences that have nothing to foretell.
    pub fn sequences(self, tokens: &[u32]) -> Result<Vec<Sequence>, FimError> {
        if self.sequences == 0 || self.length < 2 {
            let found = format!("{} sequences of {} tokens", self.sequences, self.length);
            return Err(FimError::Request { found, expected: "at least 1 sequence of at least 2 tokens" });
        }
        let own = self.length as usize - self.beginning.iter().len();
        let stretches: Vec<&[u32]> = tokens.chunks_exact(own).collect();
        let (wanted, found) = (self.sequences as usize, stretches.len());
        if found < wanted {
            let expected = wanted.saturating_mul(own);
            let Cut { sequences, length, .. } = self;
            return Err(FimError::TextTooShort { found: tokens.len(), expected, sequences, length });
        }
        let sequence = |number: usize| {
            let stretch = stretches[number * found / wanted];
            let tokens = self.beginning.into_iter().chain(stretch.iter().copied()).collect();
            Sequence { number: number as u64, tokens }
        };
        Ok((0..wanted).map(sequence).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_spread_and_begin_as_the_model_wants() {
        let text: Vec<u32> = (10..30).collect();
        let cut = Cut { sequences: 3, length: 4, beginning: Some(1) };
        let found: Vec<_> =
            cut.sequences(&text).unwrap().into_iter().map(|sequence| sequence.tokens).collect();
        assert_eq!(found, [[1, 10, 11, 12], [1, 16, 17, 18], [1, 22, 23, 24]]);
        let plain = Cut { beginning: None, ..cut };
        assert_eq!(plain.sequences(&text).unwrap()[2].tokens, [22, 23, 24, 25]);
        let error = cut.sequences(&text[..8]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the texts have 8 tokens, expected at least 9, 3 sequences of 4: give more text, or ask for fewer"
        );
        assert!(Cut { length: 1, ..cut }.sequences(&text).is_err());
        assert!(Cut { sequences: 0, ..cut }.sequences(&text).is_err());
    }
}
