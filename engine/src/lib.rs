//! llama.cpp behind [`packbench_core::measure::engine::Engine`]: unpatched, as `llama-cpp-sys-2` builds it.
//!
//! ```text
//! LlamaCpp ── load ──► hooks::observe ─► ffi::Model ─► LoadedLlama ── context ──► Conversation
//!          ├─ trace ─► the same, LoadedLlama::step: ffi::Node ─► trace::note ─► WeightTrace
//!          ├─ open ─► LoadedLlama::evaluation ─► Conversation::logits, of each token
//!          └─ quantize, effective_types: whole files;  rows: by the row, in memory
//! ```
//! All calls into llama.cpp are in `ffi`, the functions that stand between it and the system in `hooks`. Nothing is
//! printed: what llama.cpp says is kept for the call that made it say so (`log`).
//!
//! Whoever links this crate repeats its link arguments in its own build script, see
//! docs/adr/0006-prefetch-stripped-at-link-time.md; without them a stripped load is a stock load, and says so.

#![deny(unsafe_code)]

mod conversation;
mod cpu;
#[allow(unsafe_code)]
mod ffi;
#[allow(unsafe_code)]
mod hooks;
mod log;
mod model;
mod quantize;
pub mod rows;
mod trace;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use packbench_core::job::Advice;
use packbench_core::measure::engine::{Engine, EngineError, LoadRequest, LoadWay, LoadedModel, Prompt};
use packbench_core::os::{self, Os};
use packbench_core::record::WeightTrace;

pub use conversation::Conversation;
pub use model::LoadedLlama;
pub use quantize::{Mix, NoteValue, QuantizeError, Recipe};

/// The version of the crate that builds llama.cpp; Cargo.toml pins it.
const BINDINGS: &str = "llama-cpp-sys-2 0.1.161";

/// llama.cpp, computing on the processor.
#[derive(Clone, Copy, Debug)]
pub struct LlamaCpp(());

impl LlamaCpp {
    /// Readies llama.cpp.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] on a processor that lacks the instructions that it was built for.
    pub fn new() -> Result<Self, EngineError> {
        cpu::check()?;
        ffi::start();
        Ok(LlamaCpp(()))
    }

    /// Loads a model, as [`Engine::load`] does, and answers it with all that it can do here.
    ///
    /// # Errors
    /// As of [`Engine::load`].
    pub fn open<'a>(&self, request: &LoadRequest<'a>) -> Result<LoadedLlama<'a>, EngineError> {
        let file = os::host().open(request.path)?.facts().clone();
        LoadedLlama::load(*request, file)
    }
}

impl Engine for LlamaCpp {
    fn identity(&self) -> String {
        let (llama, ggml) = ffi::versions();
        format!("llama.cpp {llama} (ggml {ggml}, {BINDINGS})")
    }

    fn trace(&self, model: &Path, prompt: &Prompt, cancel: &AtomicBool) -> Result<WeightTrace, EngineError> {
        let request = LoadRequest {
            path: model,
            way: LoadWay::Stripped(Advice::Normal),
            extra_buffers: false,
            threads: 1,
            memory: None,
            cancel,
        };
        let model = self.open(&request)?;
        let tokens = model.tokens(prompt)?;
        let reads = model.step(&tokens, &mut || ())?;
        Ok(reads.finish(self.identity(), tokens.iter().map(|token| token.0).collect()))
    }

    fn load<'a>(&self, request: &LoadRequest<'a>) -> Result<Box<dyn LoadedModel + 'a>, EngineError> {
        Ok(Box::new(self.open(request)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_name_the_version_that_is_linked() {
        let (name, version) = BINDINGS.split_once(' ').unwrap();
        let pinned = format!("{name} = {{ version = \"={version}\"");
        assert!(include_str!("../../Cargo.toml").contains(&pinned), "{pinned}");
        assert!(LlamaCpp::new().unwrap().identity().starts_with("llama.cpp 0."));
    }
}
