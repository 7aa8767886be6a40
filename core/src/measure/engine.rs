//! What a measurement needs of an inference engine. Pure data and traits: the engine itself lies in a crate of its own,
//! so that everything else builds and is tested without it.
//!
//! Each call does one thing, so that whoever measures can put a meter around it:
//!
//! ```text
//! Engine::load ─► LoadedModel::context ─► Decoding::prefill ─► Decoding::decode …
//!   open, load      context                 first token          next tokens
//! ```

use std::path::Path;
use std::sync::atomic::AtomicBool;

pub use crate::job::Prompt;

use crate::job::Advice;
use crate::os::OsError;
use crate::record::WeightTrace;
use crate::unit::{Bytes, FileOffset};

/// What [`LoadFacts::backend`] says where processors alone compute.
pub const CPU: &str = "CPU";

/// An inference engine.
pub trait Engine {
    /// Its name and version, as reports name it.
    fn identity(&self) -> String;

    /// The order in which the engine first reads each weight for `prompt`. The payload hash is left to the caller.
    ///
    /// # Errors
    /// As of loading, of a context and of a prompt. `cancel` ends it as [`EngineError::Cancelled`].
    fn trace(&self, model: &Path, prompt: &Prompt, cancel: &AtomicBool) -> Result<WeightTrace, EngineError>;

    /// Loads a model. Threads of the engine run on the processors that the calling thread is bound to.
    ///
    /// # Errors
    /// Names what the engine doesn't know or could not do.
    fn load<'a>(&self, request: &LoadRequest<'a>) -> Result<Box<dyn LoadedModel + 'a>, EngineError>;
}

/// A model to load, and how.
#[derive(Clone, Copy, Debug)]
pub struct LoadRequest<'a> {
    /// The file; the first one of a model in several files.
    pub path: &'a Path,
    /// How its weights come into memory.
    pub way: LoadWay,
    /// Whether the engine may copy weights into a layout that computes faster.
    pub extra_buffers: bool,
    /// Threads that compute.
    pub threads: u32,
    /// What a context may take of the memory; `None` to let the engine try.
    pub memory: Option<Bytes>,
    /// Set to end whatever the engine is doing.
    pub cancel: &'a AtomicBool,
}

/// How an engine brings weights into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadWay {
    /// As the engine does it by itself: a mapping, all of it asked for at once.
    Stock,
    /// The same mapping without asking for anything, under this policy from the moment when it is mapped.
    Stripped(Advice),
    /// Read into memory of the engine's own through the page cache.
    Read,
    /// Read into memory of the engine's own past the page cache.
    Direct,
}

/// A model in an engine.
pub trait LoadedModel {
    /// What loading it came to.
    fn facts(&self) -> &LoadFacts;

    /// The tokens of a prompt.
    ///
    /// # Errors
    /// [`EngineError::PromptEmpty`]; for a text, [`EngineError::VocabularyMissing`] when the model has none.
    fn tokens(&self, prompt: &Prompt) -> Result<Vec<Token>, EngineError>;

    /// The memory of one conversation of `tokens` tokens, prompt and answer together, empty.
    ///
    /// # Errors
    /// [`EngineError::ContextTooLarge`] when there is no memory for it.
    fn context(&self, tokens: u32) -> Result<Box<dyn Decoding + '_>, EngineError>;

    /// Lays fresh mappings of the file, opened anew and without advice, over those that hold the weights. Afterwards
    /// no page is mapped, so that the kernel can evict all that the mappings hold.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] when the weights lie in no mapping or in several files; whatever the system says.
    fn remap(&self) -> Result<(), EngineError>;

    /// Gives `advice` for the mappings that hold the weights; advice that brings pages in does so now, in chunks.
    ///
    /// # Errors
    /// As of [`Self::remap`].
    fn advise(&self, advice: Advice) -> Result<(), EngineError>;

    /// Where the file ended when a weight beyond its end was read: what was computed since is void.
    fn cut_short(&self) -> Option<FileOffset>;
}

/// A conversation: what was said so far, and what comes next.
pub trait Decoding {
    /// Forgets what was said.
    fn clear(&mut self);

    /// Takes in a prompt and gives the first token of the answer: the likeliest, the lower number of equals.
    ///
    /// # Errors
    /// A prompt that is empty, too long or not of this vocabulary; [`EngineError::NotANumber`];
    /// [`EngineError::Cancelled`].
    fn prefill(&mut self, prompt: &[Token]) -> Result<Token, EngineError>;

    /// Takes in the token that it gave last and gives the next.
    ///
    /// # Errors
    /// [`EngineError::PromptEmpty`] when none was given yet; otherwise as of [`Self::prefill`].
    fn decode(&mut self) -> Result<Token, EngineError>;
}

/// What loading came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFacts {
    /// How the weights came in. [`LoadWay::Stock`] when stripping was asked for and no prefetch passed the hooks;
    /// [`LoadWay::Read`] when the file system has no direct I/O.
    pub way: LoadWay,
    /// How many of the engine's requests to prefetch were withheld.
    pub hook_hits: u32,
    /// What computes, by the engine's names, with commas between them: [`CPU`] where nothing else does.
    pub backend: String,
    /// Weights that lie in mappings of the file.
    pub mapped: Bytes,
    /// Weights that were copied to where the engine computes on them: with a mapping the layout is then void.
    /// To a hundredth of a MiB a buffer, as the engine tells it.
    pub copied: Bytes,
    /// Tokens that the model knows.
    pub vocabulary: u32,
}

/// A number of the model's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u32);

impl Prompt {
    /// `count` tokens of a vocabulary of that size: token *i* is (1000 + 7919 *i*) mod min(vocabulary, 32000), which
    /// repeats none of them before 32000 and touches rows far apart.
    pub fn spread(count: u32, vocabulary: u32) -> Vec<Token> {
        let within = u64::from(vocabulary.clamp(1, 32_000));
        (0..u64::from(count)).map(|index| Token(((1000 + 7919 * index) % within) as u32)).collect()
    }
}

/// Why an engine can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine has never heard of such a model.
    #[error("the engine knows no architecture {name:?}: it needs a newer one, or another")]
    UnknownArchitecture {
        /// `general.architecture`.
        name: String,
    },
    /// The model can't read text.
    #[error("the model has no vocabulary: give a number of tokens instead of a text")]
    VocabularyMissing,
    /// There is no memory for a context.
    #[error("no memory for a context of {tokens} tokens{}: ask for fewer", needed(*needs, *available))]
    ContextTooLarge {
        /// How many tokens were asked for.
        tokens: u32,
        /// What they would take, where that is known.
        needs: Option<Bytes>,
        /// What there is, where that is known.
        available: Option<Bytes>,
    },
    /// There is nothing to compute.
    #[error("the prompt has no tokens, expected at least one")]
    PromptEmpty,
    /// The prompt doesn't fit the context.
    #[error("the context would hold {tokens} tokens, expected at most {context}: shorten the prompt")]
    PromptTooLong {
        /// With the prompt.
        tokens: u32,
        /// What it can hold.
        context: u32,
    },
    /// A token that the model doesn't know.
    #[error("the prompt has token {}, expected numbers below {vocabulary}", token.0)]
    TokenUnknown {
        /// The token.
        token: Token,
        /// How many tokens the model knows.
        vocabulary: u32,
    },
    /// The model computes nothing of use.
    #[error("the model's logits are not numbers: its weights are damaged, or overflow")]
    NotANumber,
    /// The model could not be loaded.
    #[error("loading the model: {log}")]
    Load {
        /// What the engine said.
        log: String,
    },
    /// The model could not be computed.
    #[error("computing: the engine answered {code}: {log}")]
    Compute {
        /// The engine's number for it.
        code: i32,
        /// What the engine said.
        log: String,
    },
    /// Not on this machine, or not with this model.
    #[error("{what} is not supported: {hint}")]
    Unsupported {
        /// What was asked.
        what: &'static str,
        /// Why, or what to do.
        hint: &'static str,
    },
    /// It was asked to stop.
    #[error("it was asked to stop")]
    Cancelled,
    /// The system refused.
    #[error(transparent)]
    Os(#[from] OsError),
}

fn needed(needs: Option<Bytes>, available: Option<Bytes>) -> String {
    match (needs, available) {
        (Some(needs), Some(available)) => format!(", which takes {needs} of the {available} that there are"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_repeats_no_token_and_stays_in_the_vocabulary() {
        let tokens = Prompt::spread(16, 320);
        assert_eq!(tokens[..2], [Token(1000 % 320), Token(8919 % 320)]);
        let unique: std::collections::HashSet<_> = Prompt::spread(32_000, 1 << 20).into_iter().collect();
        assert_eq!(unique.len(), 32_000);
        assert_eq!(Prompt::spread(2, 0), [Token(0), Token(0)], "no vocabulary: nothing divides by 0");
    }

    #[test]
    fn an_error_says_what_was_found_and_what_to_do() {
        let error = EngineError::ContextTooLarge {
            tokens: 1 << 20,
            needs: Some(Bytes(9_000_000_000)),
            available: Some(Bytes(2_000_000_000)),
        };
        insta::assert_snapshot!(
            error,
            @"no memory for a context of 1048576 tokens, which takes 9.00 GB of the 2.00 GB that there are: ask for fewer"
        );
    }
}
