//! A loaded model and its conversations.

use std::cell::RefCell;

use packbench_core::job::Advice;
use packbench_core::layout::TraceBuilder;
use packbench_core::measure::engine::{
    Decoding, EngineError, LoadFacts, LoadRequest, LoadWay, LoadedModel, Prompt, Token,
};
use packbench_core::os::{FileFacts, Foreign};
use packbench_core::unit::{Bytes, FileOffset};

use crate::conversation::Conversation;
use crate::ffi::{Context, LoadMode, Model, Node, Purpose, Watcher};
use crate::hooks::{self, Observed};
use crate::log::{self, Log};
use crate::trace;

/// A model that llama.cpp has loaded.
pub struct LoadedLlama<'a> {
    /// Before the model: once that is freed, the addresses may be another's.
    mappings: Vec<Foreign>,
    model: Model<'a>,
    request: LoadRequest<'a>,
    file: FileFacts,
    facts: LoadFacts,
}

impl<'a> LoadedLlama<'a> {
    /// Loads what `request` asks for. `file` is what the system says of it.
    ///
    /// # Errors
    /// As of [`packbench_core::measure::engine::Engine::load`].
    pub(crate) fn load(request: LoadRequest<'a>, file: FileFacts) -> Result<Self, EngineError> {
        let path = std::ffi::CString::new(request.path.as_os_str().as_encoded_bytes()).map_err(|_| {
            EngineError::Unsupported { what: "a path that holds a byte 0", hint: "rename the file" }
        })?;
        let (mode, strip) = mode(request.way);
        let load = || Model::load(&path, mode, request.extra_buffers, request.cancel);
        let ((model, observed), log) = log::capture(|| hooks::observe(strip, file.will_need(), load));
        let model = model.ok_or_else(|| refusal(&log, request))?;
        let Observed { hits, mappings, trouble } = observed;
        if let Some(trouble) = trouble {
            drop(mappings);
            return Err(trouble.into());
        }
        if !model.generates() {
            let hint = "first_token needs a model that answers token by token";
            return Err(EngineError::Unsupported { what: "a model with an encoder", hint });
        }
        let facts = facts(&log, effective(request.way, hits, &log), hits, &model);
        Ok(LoadedLlama { mappings, model, request, file, facts })
    }

    /// Computes `prompt` one operation at a time, calls `after` when each is done, and answers which weights were read.
    /// What is seen in `after` can be held against that.
    ///
    /// # Errors
    /// As of a context and of a prompt.
    pub fn step(&self, prompt: &[Token], after: &mut dyn FnMut()) -> Result<TraceBuilder, EngineError> {
        let reads = RefCell::new(TraceBuilder::default());
        let watcher = |node: Node<'_>| {
            trace::note(node, &mut reads.borrow_mut());
            after();
        };
        let room = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        self.open_context(room, Purpose::Conversation, Some(Box::new(watcher)))?.prefill(prompt)?;
        Ok(reads.take())
    }

    /// A conversation of at most `tokens` tokens that tells all its logits, computed as exactly as the weights allow.
    ///
    /// # Errors
    /// As of a context.
    pub fn evaluation(&self, tokens: u32) -> Result<Conversation<'_>, EngineError> {
        self.open_context(tokens, Purpose::Evaluation, None)
    }

    /// The token that begins a text, where the model wants one. [`LoadedModel::tokens`] has it in front of a text.
    pub fn beginning(&self) -> Option<Token> {
        self.model.beginning().map(Token)
    }

    /// A context for `tokens` tokens, whose operations `watcher` is shown.
    fn open_context<'m>(
        &'m self,
        tokens: u32,
        purpose: Purpose,
        watcher: Option<Watcher<'m>>,
    ) -> Result<Conversation<'m>, EngineError> {
        let needs = self.context_bytes(tokens);
        let available = self.request.memory;
        if available.is_some_and(|available| needs > available) {
            return Err(EngineError::ContextTooLarge { tokens, needs: Some(needs), available });
        }
        let open = || Context::new(&self.model, tokens, self.request.threads, purpose, watcher);
        let (context, _) = log::capture(open);
        let context =
            context.ok_or(EngineError::ContextTooLarge { tokens, needs: Some(needs), available })?;
        Ok(Conversation::new(context, tokens, self.facts.vocabulary, self.request.cancel))
    }

    /// Keys and values in half precision for all layers. Layers that look back less far take less.
    fn context_bytes(&self, tokens: u32) -> Bytes {
        let [layers, embedding, heads, kv_heads] = self.model.shape();
        let architecture = self.model.metadata("general.architecture").unwrap_or_default();
        let head = |of: &str| {
            let told = self.model.metadata(&format!("{architecture}.attention.{of}_length"));
            told.and_then(|length| length.parse().ok()).unwrap_or(embedding / heads.max(1))
        };
        let elements = layers * kv_heads * (head("key") + head("value"));
        Bytes(elements.saturating_mul(2).saturating_mul(tokens.into()))
    }
}

impl LoadedModel for LoadedLlama<'_> {
    fn facts(&self) -> &LoadFacts {
        &self.facts
    }

    fn tokens(&self, prompt: &Prompt) -> Result<Vec<Token>, EngineError> {
        let tokens = match prompt {
            Prompt::Count(count) => Prompt::spread(*count, self.facts.vocabulary),
            Prompt::Text(text) if text.is_empty() => Vec::new(),
            Prompt::Text(_) if !self.model.has_vocabulary() => return Err(EngineError::VocabularyMissing),
            Prompt::Text(text) => {
                let too_long = EngineError::PromptTooLong { tokens: u32::MAX, context: i32::MAX as u32 };
                let tokens = self.model.tokenize(text).ok_or(too_long)?;
                tokens.into_iter().filter_map(|token| u32::try_from(token).ok()).map(Token).collect()
            }
        };
        if tokens.is_empty() { Err(EngineError::PromptEmpty) } else { Ok(tokens) }
    }

    fn context(&self, tokens: u32) -> Result<Box<dyn Decoding + '_>, EngineError> {
        Ok(Box::new(self.open_context(tokens, Purpose::Conversation, None)?))
    }

    fn remap(&self) -> Result<(), EngineError> {
        let what = "laying fresh mappings over the weights";
        if self.mappings.is_empty() {
            let hint =
                "the weights lie in no mapping, or this program was linked without the engine's arguments";
            return Err(EngineError::Unsupported { what, hint });
        }
        if self.model.metadata("split.count").is_some_and(|count| count != "0" && count != "1") {
            return Err(EngineError::Unsupported {
                what,
                hint: "the model lies in several files: merge them",
            });
        }
        for mapping in &self.mappings {
            mapping.lay_anew(self.request.path, &self.file)?;
        }
        Ok(())
    }

    fn advise(&self, advice: Advice) -> Result<(), EngineError> {
        self.mappings.iter().try_for_each(|mapping| Ok(mapping.apply(advice)?))
    }

    fn cut_short(&self) -> Option<FileOffset> {
        self.mappings.iter().find_map(Foreign::cut_short)
    }
}

/// What llama.cpp is told, and what the hooks do.
fn mode(way: LoadWay) -> (LoadMode, Option<Advice>) {
    match way {
        LoadWay::Stock => (LoadMode::Auto, None),
        LoadWay::Stripped(advice) => (LoadMode::Mapped, Some(advice)),
        LoadWay::Read => (LoadMode::Read, None),
        LoadWay::Direct => (LoadMode::Direct, None),
    }
}

/// What came of the way that was asked for.
fn effective(way: LoadWay, hits: u32, log: &Log) -> LoadWay {
    match way {
        LoadWay::Stripped(_) if hits == 0 => LoadWay::Stock,
        LoadWay::Direct if log.complains_of("Falling back to buffered") => LoadWay::Read,
        way => way,
    }
}

fn facts(log: &Log, way: LoadWay, hook_hits: u32, model: &Model<'_>) -> LoadFacts {
    let is_mapped = |name: &str| name.ends_with("_Mapped");
    let total = |mapped: bool| {
        log.buffers().filter(|(name, _)| is_mapped(name) == mapped).map(|(_, bytes)| bytes).sum()
    };
    LoadFacts {
        way,
        hook_hits,
        backend: crate::ffi::backends(),
        mapped: total(true),
        copied: total(false),
        vocabulary: model.vocabulary(),
    }
}

/// Why llama.cpp loaded nothing.
fn refusal(log: &Log, request: LoadRequest<'_>) -> EngineError {
    if request.cancel.load(std::sync::atomic::Ordering::Relaxed) {
        return EngineError::Cancelled;
    }
    if let Some(name) = log.quoted_after("unknown model architecture") {
        return EngineError::UnknownArchitecture { name };
    }
    match log.complains_of("cannot find tokenizer") || log.complains_of("tokenizer.ggml.model") {
        true => EngineError::VocabularyMissing,
        false => EngineError::Load { log: log.complaint() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Level, capture, keep};

    #[test]
    fn a_way_that_did_not_come_about_is_not_claimed() {
        let (_, quiet) = capture(|| ());
        let ((), fell_back) = capture(|| keep(Level::Trouble, "Failed … Falling back to buffered I/O"));
        let stripped = LoadWay::Stripped(Advice::Random);
        assert_eq!(effective(stripped, 3, &quiet), stripped);
        assert_eq!(effective(stripped, 0, &quiet), LoadWay::Stock, "linked without the hooks");
        assert_eq!(effective(LoadWay::Direct, 0, &quiet), LoadWay::Direct);
        assert_eq!(effective(LoadWay::Direct, 0, &fell_back), LoadWay::Read);
    }
}
