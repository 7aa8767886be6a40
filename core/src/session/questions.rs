//! What first_token runs need beside their cases: an engine, and for a stream the order in which it reads.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::model::Examined;
use crate::access::pieces;
use crate::job::{Case, Policy, Probe};
use crate::measure::engine::{Engine, EngineError, Prompt};
use crate::measure::{Asking, MeasureError};
use crate::os::{Os, keep, kept};
use crate::record::{Variant, WeightTrace};
use crate::unit::PageRange;

/// Raised whenever traces are taken otherwise, so that those which were kept are taken again.
const TRACING: u32 = 2;

/// An engine, and what is known of how it reads each model.
pub(super) struct Questions<'a> {
    pub os: &'a dyn Os,
    pub engine: Option<&'a dyn Engine>,
    pub threads: u32,
    pub cancel: &'a AtomicBool,
    /// Where weight traces are kept for the next process.
    pub folder: Option<PathBuf>,
    known: HashMap<(String, u32), Vec<PageRange>>,
}

/// Whether the engine had to be run to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    Before,
    Now,
}

impl<'a> Questions<'a> {
    pub fn new(
        os: &'a dyn Os,
        engine: Option<&'a dyn Engine>,
        threads: u32,
        cancel: &'a AtomicBool,
        folder: Option<PathBuf>,
    ) -> Self {
        Questions { os, engine, threads, cancel, folder, known: HashMap::new() }
    }

    /// Learns what a run of `case` needs to know beforehand: for a stream, the weight trace.
    pub fn learn(
        &mut self,
        model: &Examined,
        variant: &Variant,
        case: &Case,
    ) -> Result<Learned, MeasureError> {
        let Probe::FirstToken { policy, prompt_tokens } = case.probe else { return Ok(Learned::Before) };
        if let Some(context) = model.context_tokens.filter(|context| prompt_tokens > *context) {
            return Err(EngineError::PromptTooLong { tokens: prompt_tokens, context }.into());
        }
        if policy != Policy::Stream {
            return Ok(Learned::Before);
        }
        let key = (case.variant.clone(), prompt_tokens);
        if self.known.contains_key(&key) {
            return Ok(Learned::Before);
        }
        let (trace, learned) = self.trace(model, variant, prompt_tokens)?;
        self.known.insert(key, pieces(&trace, &model.rows(), self.os.page_size()));
        Ok(learned)
    }

    fn trace(
        &self,
        model: &Examined,
        variant: &Variant,
        prompt_tokens: u32,
    ) -> Result<(WeightTrace, Learned), MeasureError> {
        let engine = self.engine.ok_or(MeasureError::NoEngine)?;
        let folder = self.folder.as_deref().ok_or(MeasureError::NowhereToKeep)?;
        let name = format!("trace-{TRACING}-{}-{prompt_tokens}.json", variant.payload_hash);
        let earlier = kept(folder, &name).and_then(|text| serde_json::from_str::<WeightTrace>(&text).ok());
        if let Some(trace) = earlier.filter(|trace| trace.engine == engine.identity()) {
            return Ok((trace, Learned::Before));
        }
        let prompt = Prompt::Count(prompt_tokens);
        let mut trace = engine.trace(&model.subject.path, &prompt, self.cancel)?;
        trace.payload_hash = Some(variant.payload_hash.clone());
        let text = serde_json::to_string(&trace).expect("a trace holds no map with keys that aren't strings");
        match keep(folder, &name, &text) {
            true => Ok((trace, Learned::Now)),
            false => Err(MeasureError::NowhereToKeep),
        }
    }

    /// What a run of `case` asks; `None` without an engine.
    pub fn asking(&self, case: &Case, answer: Option<u32>) -> Option<Asking<'_>> {
        let key = (case.variant.clone(), case.prompt_tokens()?);
        Some(Asking {
            engine: self.engine?,
            threads: self.threads,
            pieces: self.known.get(&key).map(Vec::as_slice).unwrap_or_default(),
            answer,
            cancel: self.cancel,
        })
    }
}
