//! What was said so far, and the token that comes next.

use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::measure::engine::{Decoding, EngineError, Token};

use crate::ffi::Context;
use crate::log;

/// llama.cpp's answer when the abort callback said so.
const ABORTED: i32 = 2;

/// Logits that are kept at once: 128 MiB of them. A vocabulary may have 262,144 tokens, and llama.cpp keeps them all.
const MOST_LOGITS: usize = 1 << 25;

/// A conversation with a model.
pub struct Conversation<'m> {
    context: Context<'m>,
    cancel: &'m AtomicBool,
    /// Tokens that the context can hold.
    room: u32,
    /// Tokens that it holds.
    said: u32,
    vocabulary: u32,
    last: Option<Token>,
    /// What is handed to llama.cpp, so that nothing is allocated while it is measured.
    numbers: Vec<i32>,
}

impl<'m> Conversation<'m> {
    /// An empty one in a context of `room` tokens.
    pub fn new(context: Context<'m>, room: u32, vocabulary: u32, cancel: &'m AtomicBool) -> Self {
        let numbers = Vec::with_capacity(room as usize);
        Conversation { context, cancel, room, said: 0, vocabulary, last: None, numbers }
    }

    fn say(&mut self, tokens: &[Token]) -> Result<Token, EngineError> {
        self.check(tokens)?;
        self.take_in(tokens, Context::decode)?;
        let token = likeliest(self.context.logits().ok_or_else(no_logits)?)?;
        self.last = Some(token);
        Ok(token)
    }

    /// Takes in `tokens`, and hands out the logits after each in their order: rows of one for each token of the vocabulary,
    /// some rows at once.
    ///
    /// # Errors
    /// As of [`Decoding::prefill`].
    pub fn logits(&mut self, tokens: &[Token], each: &mut dyn FnMut(&[f32])) -> Result<(), EngineError> {
        self.check(tokens)?;
        let at_once = (MOST_LOGITS / self.vocabulary.max(1) as usize).max(1);
        for tokens in tokens.chunks(at_once) {
            self.take_in(tokens, Context::decode_all)?;
            let logits = self.context.all_logits(tokens.len()).ok_or_else(no_logits)?;
            if !are_finite(logits) {
                return Err(EngineError::NotANumber);
            }
            each(logits);
        }
        Ok(())
    }

    fn take_in(
        &mut self,
        tokens: &[Token],
        decode: impl FnOnce(&mut Context<'m>, &mut [i32]) -> i32,
    ) -> Result<(), EngineError> {
        self.numbers.clear();
        self.numbers.extend(tokens.iter().map(|token| token.0.cast_signed()));
        let (code, log) = log::capture(|| decode(&mut self.context, &mut self.numbers));
        match code {
            0 => {}
            ABORTED => return Err(EngineError::Cancelled),
            code => return Err(EngineError::Compute { code, log: log.complaint() }),
        }
        self.said += tokens.len() as u32;
        Ok(())
    }

    fn check(&self, tokens: &[Token]) -> Result<(), EngineError> {
        let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX).saturating_add(self.said);
        if tokens.is_empty() {
            return Err(EngineError::PromptEmpty);
        }
        if count > self.room {
            return Err(EngineError::PromptTooLong { tokens: count, context: self.room });
        }
        if let Some(&token) = tokens.iter().find(|token| token.0 >= self.vocabulary) {
            return Err(EngineError::TokenUnknown { token, vocabulary: self.vocabulary });
        }
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(EngineError::Cancelled),
            false => Ok(()),
        }
    }
}

impl Decoding for Conversation<'_> {
    fn clear(&mut self) {
        self.context.clear();
        (self.said, self.last) = (0, None);
    }

    fn prefill(&mut self, prompt: &[Token]) -> Result<Token, EngineError> {
        self.say(prompt)
    }

    fn decode(&mut self) -> Result<Token, EngineError> {
        let last = self.last.ok_or(EngineError::PromptEmpty)?;
        self.say(&[last])
    }
}

fn no_logits() -> EngineError {
    EngineError::Compute { code: 0, log: "it gave no logits".to_owned() }
}

/// A divergence from logits that aren't is no number. Many are looked at before it is asked: without a way out among them
/// the compiler takes several at once.
fn are_finite(logits: &[f32]) -> bool {
    logits.chunks(1 << 12).all(|logits| logits.iter().fold(true, |all, logit| all & logit.is_finite()))
}

/// The first of the largest. One that is not a number, or ∞, spoils them all: it would be lost in a comparison.
fn likeliest(logits: &[f32]) -> Result<Token, EngineError> {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, &logit) in logits.iter().enumerate() {
        if logit.is_nan() || logit == f32::INFINITY {
            return Err(EngineError::NotANumber);
        }
        if logit > best.1 {
            best = (index, logit);
        }
    }
    Ok(Token(best.0 as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_likeliest_is_taken() {
        assert_eq!(likeliest(&[0.0, 3.0, -1.0, 3.0]).unwrap(), Token(1));
        assert!(matches!(likeliest(&[0.0, f32::NAN, 9.0]), Err(EngineError::NotANumber)));
    }

    #[test]
    fn one_logit_among_many_that_is_not_finite_is_found() {
        let mut logits = vec![1.0; 10_000];
        assert!(are_finite(&logits));
        for at in [0, 5_000, 9_999] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let good = std::mem::replace(&mut logits[at], bad);
                assert!(!are_finite(&logits), "{bad} at {at}");
                logits[at] = good;
            }
        }
    }
}
