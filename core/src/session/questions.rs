//! What runs that follow an engine need beside their cases: the engine, the order in which it reads, and where many of
//! them share a process, the model that it has loaded.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::model::Examined;
use crate::access::{extents, pieces};
use crate::job::{Advice, Ahead, Case, Job, Probe, Prompt, Way};
use crate::measure::engine::{Engine, EngineError, LoadRequest, LoadWay, LoadedModel};
use crate::measure::{Asking, MeasureError, foretell};
use crate::os::{Os, keep, kept};
use crate::record::wire::FreshProcess;
use crate::record::{Need, Variant, WeightTrace};
use crate::unit::{ByteRange, Bytes, PageRange};

/// Raised whenever traces are taken otherwise, so that those which were kept are taken again.
const TRACING: u32 = 2;

/// An engine, and what is known of how it reads each model.
pub(super) struct Questions<'a> {
    pub os: &'a dyn Os,
    pub engine: Option<&'a dyn Engine>,
    pub job: &'a Job,
    pub cancel: &'a AtomicBool,
    /// Where weight traces are kept for the next process.
    pub folder: Option<PathBuf>,
    /// Whether there will be one.
    pub fresh_process: FreshProcess,
    /// Threads that compute where a case doesn't say.
    pub threads: u32,
    /// Free memory, as it was said when conditions were asked last: to ask again would cross into the app in a run.
    pub memory: Option<Bytes>,
    pub known: Known,
    pub loaded: Option<Loaded<'a>>,
}

/// What was learnt.
#[derive(Default)]
pub(super) struct Known {
    traces: HashMap<(String, Prompt), WeightTrace>,
    pieces: HashMap<(String, Prompt, Bytes), Vec<PageRange>>,
}

/// A model that this process has loaded to lay fresh mappings over its weights.
pub(super) struct Loaded<'a> {
    variant: String,
    threads: u32,
    model: Box<dyn LoadedModel + 'a>,
}

/// Whether the engine had to be run to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    Before,
    Now,
}

impl<'a> Questions<'a> {
    /// Learns what a run of `case` needs to know beforehand: the weight trace where it is followed, and a model that is
    /// loaded where fresh mappings are laid over it.
    pub fn learn(
        &mut self,
        model: &Examined,
        variant: &Variant,
        case: &Case,
    ) -> Result<Learned, MeasureError> {
        if case.needs_fresh_process() && self.fresh_process == FreshProcess::Unavailable {
            return Err(MeasureError::NoFreshProcess);
        }
        case.prompt().map_or(Ok(()), |prompt| check(prompt, model))?;
        let mut learned = Learned::Before;
        if let Some(followed) = followed(case).filter(|followed| !self.known.pieces.contains_key(followed)) {
            let (page, (_, prompt, chunk)) = (self.os.page_size(), &followed);
            let (trace, when) = self.trace(model, variant, prompt)?;
            let pieces = pieces(model.header(), trace, &model.rows(), page, *chunk);
            self.known.pieces.insert(followed, pieces);
            learned = when;
        }
        if case.way() == Some(Way::Remap) {
            self.load(case)?;
        }
        Ok(learned)
    }

    /// What must come in before the first token.
    pub fn need(
        &mut self,
        model: &Examined,
        variant: &Variant,
        prompt: &Prompt,
    ) -> Result<Need, MeasureError> {
        check(prompt, model)?;
        let (os, page) = (self.os, self.os.page_size());
        let (trace, _) = self.trace(model, variant, prompt)?;
        let pieces = pieces(model.header(), trace, &model.rows(), page, Ahead::USUAL.chunk);
        let file = os.open(&model.subject.path)?;
        let (mut bytes, mut checksum) = (Bytes(0), 0);
        for range in extents(&pieces, page, ByteRange::whole(model.subject.len)) {
            bytes = bytes + range.len;
            checksum += foretell(os, &*file, range)?.checksum;
        }
        Ok(Need { variant: variant.name.clone(), prompt: prompt.clone(), bytes: bytes.0, checksum })
    }

    /// The order in which the engine reads, from an earlier process if one has found it out.
    fn trace(
        &mut self,
        model: &Examined,
        variant: &Variant,
        prompt: &Prompt,
    ) -> Result<(&WeightTrace, Learned), MeasureError> {
        let key = (variant.name.clone(), prompt.clone());
        let mut learned = Learned::Before;
        if !self.known.traces.contains_key(&key) {
            let (trace, when) = self.find_trace(model, variant, prompt)?;
            self.known.traces.insert(key.clone(), trace);
            learned = when;
        }
        Ok((&self.known.traces[&key], learned))
    }

    fn find_trace(
        &self,
        model: &Examined,
        variant: &Variant,
        prompt: &Prompt,
    ) -> Result<(WeightTrace, Learned), MeasureError> {
        let engine = self.engine.ok_or(MeasureError::NoEngine)?;
        let folder = self.folder.as_deref().ok_or(MeasureError::NowhereToKeep)?;
        let name = format!("trace-{TRACING}-{}-{}.json", variant.payload_hash, file_name(prompt));
        let earlier = kept(folder, &name).and_then(|text| WeightTrace::from_json(&text).ok());
        if let Some(trace) = earlier.filter(|trace| trace.engine == engine.identity()) {
            return Ok((trace, Learned::Before));
        }
        let mut trace = engine.trace(&model.subject.path, prompt, self.cancel)?;
        trace.payload_hash = Some(variant.payload_hash.clone());
        let text = serde_json::to_string(&trace).expect("a trace holds no map with keys that aren't strings");
        match keep(folder, &name, &text) {
            true => Ok((trace, Learned::Now)),
            false => Err(MeasureError::NowhereToKeep),
        }
    }

    /// Loads the model of `case`, unless it is the one that is loaded.
    fn load(&mut self, case: &Case) -> Result<(), MeasureError> {
        let threads = self.threads(case);
        let is_it = |loaded: &Loaded<'_>| loaded.variant == case.variant && loaded.threads == threads;
        if self.loaded.as_ref().is_some_and(is_it) {
            return Ok(());
        }
        self.loaded = None;
        let engine = self.engine.ok_or(MeasureError::NoEngine)?;
        let model = self.job.models.iter().find(|model| model.name == case.variant);
        let request = LoadRequest {
            path: model.and_then(|model| model.path.as_deref()).expect("the model was examined by its path"),
            way: LoadWay::Stripped(Advice::Normal),
            extra_buffers: false,
            threads,
            memory: self.memory,
            cancel: self.cancel,
        };
        let model = engine.load(&request)?;
        self.loaded = Some(Loaded { variant: case.variant.clone(), threads, model });
        Ok(())
    }

    fn threads(&self, case: &Case) -> u32 {
        case.threads().map_or(self.threads, std::num::NonZeroU32::get)
    }

    /// The pages that a run of `case` follows.
    pub fn pieces(&self, case: &Case) -> &[PageRange] {
        let known = followed(case).and_then(|followed| self.known.pieces.get(&followed));
        known.map(Vec::as_slice).unwrap_or_default()
    }

    /// The model of `case`, where this process has loaded it.
    pub fn loaded(&self, case: &Case) -> Option<&dyn LoadedModel> {
        self.loaded.as_ref().filter(|loaded| loaded.variant == case.variant).map(|loaded| &*loaded.model)
    }

    /// What a run of `case` asks; `None` without an engine.
    pub fn asking(&self, case: &Case, model: &Examined, answer: Option<u32>) -> Option<Asking<'_>> {
        Some(Asking {
            engine: self.engine?,
            threads: self.threads(case),
            memory: self.memory,
            context_tokens: model.context_tokens,
            decodes: self.job.decodes.get(),
            answer,
            cancel: self.cancel,
        })
    }
}

/// Whether a prompt of so many tokens fits the model. A text is counted when it is computed.
fn check(prompt: &Prompt, model: &Examined) -> Result<(), EngineError> {
    match (prompt, model.context_tokens) {
        (&Prompt::Count(tokens), Some(context)) if tokens > context => {
            Err(EngineError::PromptTooLong { tokens, context })
        }
        _ => Ok(()),
    }
}

/// Which trace a run of `case` follows, in pieces of which size.
fn followed(case: &Case) -> Option<(String, Prompt, Bytes)> {
    let ahead = case.policy().and_then(|policy| policy.ahead());
    let chunk = match &case.probe {
        Probe::FirstToken { .. } => ahead?.chunk,
        Probe::Replay { .. } => ahead.unwrap_or(Ahead::USUAL).chunk,
        Probe::Floor { io_size, .. } => *io_size,
        Probe::Faults { .. } | Probe::Reads { .. } => return None,
    };
    Some((case.variant.clone(), case.prompt()?.clone(), chunk))
}

/// A prompt as part of a file's name.
fn file_name(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Count(count) => count.to_string(),
        Prompt::Text(text) => blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
    }
}
