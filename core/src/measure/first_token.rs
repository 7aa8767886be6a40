//! Probe *first_token*: compute the first token, and take the time of it apart.
//!
//! In a process of its own everything from the call that loads to the token is inside: what lies between two phases, too,
//! so that asking for residency there costs all policies the same. Over a model that was loaded before, and whose weights
//! lie in fresh mappings, it begins with the advice for those.

use std::sync::atomic::AtomicBool;

use super::attempt::Taken;
use super::engine::{
    Decoding, Engine, EngineError, LoadFacts, LoadRequest, LoadWay, LoadedModel, Prompt, Token,
};
use super::{MeasureError, Task};
use crate::job::{Advice, Policy, Way};
use crate::os::{Mapping, Meter, Os, OsError, Scope, Stream, Usage};
use crate::record::{FirstToken, PhaseCost, PhaseName, SelfTest};
use crate::unit::{Bytes, Nanos, PageRange};

/// What a first_token run needs beside its case.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// What computes.
    pub engine: &'a dyn Engine,
    /// With so many threads.
    pub threads: u32,
    /// What a context may take of the memory; `None` to let the engine try.
    pub memory: Option<Bytes>,
    /// The longest conversation that the model was made for, where it says.
    pub context_tokens: Option<u32>,
    /// Tokens to compute after the first.
    pub decodes: u32,
    /// The answer that each run must give; `None` when it isn't known yet.
    pub answer: Option<u32>,
    /// Ends whatever the engine is doing.
    pub cancel: &'a AtomicBool,
}

/// What the case asks.
pub(super) struct Asked<'a> {
    pub policy: Policy,
    pub prompt: &'a Prompt,
    pub way: Way,
}

/// What loading takes under `policy`.
fn way(policy: Policy) -> LoadWay {
    match (policy, policy.advice()) {
        (_, Some(advice)) => LoadWay::Stripped(advice),
        (Policy::Read, _) => LoadWay::Read,
        (Policy::EngineDirect, _) => LoadWay::Direct,
        (_, None) => LoadWay::Stock,
    }
}

/// The policy that was in force after all.
fn effective(asked: Policy, facts: &LoadFacts) -> Policy {
    match facts.way {
        LoadWay::Stock => Policy::StockLoad,
        LoadWay::Stripped(_) => asked,
        LoadWay::Read => Policy::Read,
        LoadWay::Direct => Policy::EngineDirect,
    }
}

/// Where a run is asked about.
pub(super) struct Scene<'a> {
    pub os: &'a dyn Os,
    pub task: &'a Task<'a>,
    pub mapping: &'a dyn Mapping,
    pub pages: PageRange,
    pub announce: &'a mut dyn FnMut(PhaseName),
}

/// Computes the first token and those after it, under the policy that was asked for. Tells which was in force.
pub(super) fn probe(scene: Scene<'_>, asked: &Asked<'_>) -> Result<(Policy, Taken), MeasureError> {
    let (os, task) = (scene.os, scene.task);
    let asking = task.asking.ok_or(MeasureError::NoEngine)?;
    let stream = match asked.policy.ahead() {
        Some(ahead) => Some(os.stream(&task.subject.path, task.pieces, ahead.lead)?),
        None => None,
    };
    let mut ledger = Ledger::new(scene, asking.decodes)?;
    let mut stream = Streaming(stream);
    let told = match asked.way {
        Way::Process => in_fresh_process(&mut ledger, &asking, &mut stream, asked),
        Way::Remap => over_loaded(&mut ledger, &asking, &mut stream, asked),
    };
    let ended = stream.finish();
    let (facts, token) = told?;
    ended?;
    check(asking.answer, token)?;
    Ok((effective(asked.policy, &facts), ledger.taken(&facts, token, asking.threads)))
}

/// A thread that streams, where the policy says so.
struct Streaming(Option<Box<dyn Stream>>);

impl Streaming {
    fn start(&mut self) -> Result<(), OsError> {
        self.0 = self.0.take().map(|stream| stream.start()).transpose()?;
        Ok(())
    }

    fn finish(self) -> Result<(), OsError> {
        self.0.map_or(Ok(()), |stream| stream.finish())
    }
}

/// The phases of the engine, each with its meter. A stream starts within the first.
fn in_fresh_process(
    ledger: &mut Ledger<'_>,
    asking: &Asking<'_>,
    stream: &mut Streaming,
    asked: &Asked<'_>,
) -> Result<(LoadFacts, u32), MeasureError> {
    let task = ledger.scene.task;
    let request = LoadRequest {
        path: &task.subject.path,
        way: way(asked.policy),
        extra_buffers: task.case.uses_extra_buffers(),
        threads: asking.threads,
        memory: asking.memory,
        cancel: asking.cancel,
    };
    let model: Box<dyn LoadedModel + '_> = ledger.phase(PhaseName::Load, || {
        stream.start()?;
        asking.engine.load(&request)
    })?;
    let prompt = tokens(&*model, asked.prompt, asking)?;
    let room = room(&prompt, asking.decodes);
    let mut context: Box<dyn Decoding + '_> = ledger.phase(PhaseName::Context, || model.context(room))?;
    let token = answer(ledger, &mut *context, &prompt, asking.decodes)?;
    whole(&*model)?;
    Ok((model.facts().clone(), token))
}

/// The same over a model that was loaded before: what is left of the load is the advice.
fn over_loaded(
    ledger: &mut Ledger<'_>,
    asking: &Asking<'_>,
    stream: &mut Streaming,
    asked: &Asked<'_>,
) -> Result<(LoadFacts, u32), MeasureError> {
    let model = ledger.scene.task.loaded.ok_or(MeasureError::NoEngine)?;
    let prompt = tokens(model, asked.prompt, asking)?;
    let mut context = model.context(room(&prompt, asking.decodes))?;
    ledger.phase(PhaseName::Load, || {
        stream.start()?;
        model.advise(asked.policy.advice().unwrap_or(Advice::Normal))
    })?;
    let token = answer(ledger, &mut *context, &prompt, asking.decodes)?;
    whole(model)?;
    Ok((model.facts().clone(), token))
}

fn tokens(model: &dyn LoadedModel, prompt: &Prompt, asking: &Asking<'_>) -> Result<Vec<Token>, EngineError> {
    let prompt = model.tokens(prompt)?;
    let tokens = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
    match asking.context_tokens {
        Some(context) if tokens > context => Err(EngineError::PromptTooLong { tokens, context }),
        _ => Ok(prompt),
    }
}

/// Tokens that a context must hold.
fn room(prompt: &[Token], decodes: u32) -> u32 {
    u32::try_from(prompt.len()).unwrap_or(u32::MAX).saturating_add(decodes)
}

/// The first token, and those after it.
fn answer(
    ledger: &mut Ledger<'_>,
    context: &mut dyn Decoding,
    prompt: &[Token],
    decodes: u32,
) -> Result<u32, EngineError> {
    let token = ledger.phase(PhaseName::Prefill, || context.prefill(prompt))?;
    for _ in 0..decodes {
        ledger.phase(PhaseName::Decode, || context.decode())?;
    }
    Ok(token.0)
}

fn whole(model: &dyn LoadedModel) -> Result<(), MeasureError> {
    match model.cut_short() {
        Some(at) => Err(MeasureError::CutShort { at: at.0 }),
        None => Ok(()),
    }
}

fn check(expected: Option<u32>, found: u32) -> Result<(), MeasureError> {
    match expected {
        Some(expected) if expected != found => Err(MeasureError::WrongToken { found, expected }),
        _ => Ok(()),
    }
}

/// What each phase costs.
struct Ledger<'a> {
    scene: Scene<'a>,
    meter: Box<dyn Meter>,
    begun: Option<Nanos>,
    until_answer: Nanos,
    phases: Vec<PhaseCost>,
}

impl<'a> Ledger<'a> {
    fn new(scene: Scene<'a>, decodes: u32) -> Result<Self, OsError> {
        let meter = scene.os.meter(Scope::Process)?;
        let phases = Vec::with_capacity(3 + decodes as usize);
        Ok(Ledger { scene, meter, begun: None, until_answer: Nanos(0), phases })
    }

    fn phase<T>(
        &mut self,
        phase: PhaseName,
        work: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        (self.scene.announce)(phase);
        let now = self.scene.os.now();
        self.begun.get_or_insert(now);
        self.meter.start();
        let done = work();
        let usage = self.meter.stop();
        if phase == PhaseName::Prefill {
            // The token is there; what is asked of the system from here on is no part of it.
            let begun = self.begun.unwrap_or_default();
            self.until_answer = Nanos(self.scene.os.now().0 - begun.0);
        }
        self.phases.push(self.cost(phase, usage));
        done
    }

    fn cost(&self, phase: PhaseName, usage: Usage) -> PhaseCost {
        PhaseCost {
            phase,
            wall_ns: usage.wall.0,
            cpu_ns: usage.cpu.map(|cpu| cpu.0),
            major_faults: usage.major_faults,
            minor_faults: usage.minor_faults,
            pages_paged_in: usage.pages_paged_in,
            bytes_fetched: usage.bytes_fetched.map(|bytes| bytes.0),
            resident_pages: self.resident_pages(),
            anonymous_bytes: self.scene.os.anonymous_memory().map(|bytes| bytes.0),
        }
    }

    fn resident_pages(&self) -> Option<u64> {
        match self.scene.task.subject.self_test {
            SelfTest::MincoreDoesNotTell => None,
            SelfTest::Truthful | SelfTest::CannotEvict => self.scene.mapping.resident(self.scene.pages).ok(),
        }
    }

    /// All that the phases up to the token took together.
    fn taken(self, facts: &LoadFacts, token: u32, threads: u32) -> Taken {
        let until: Vec<&PhaseCost> =
            self.phases.iter().take_while(|cost| cost.phase != PhaseName::Decode).collect();
        let sum =
            |value: fn(&PhaseCost) -> Option<u64>| until.iter().map(|cost| value(cost)).sum::<Option<u64>>();
        let usage = Usage {
            wall: self.until_answer,
            cpu: sum(|cost| cost.cpu_ns).map(Nanos),
            major_faults: sum(|cost| cost.major_faults),
            minor_faults: sum(|cost| cost.minor_faults),
            pages_paged_in: sum(|cost| cost.pages_paged_in),
            bytes_fetched: sum(|cost| cost.bytes_fetched).map(Bytes),
        };
        let first_token = FirstToken {
            token,
            threads,
            backend: facts.backend.clone(),
            prefetches_withheld: facts.hook_hits,
            mapped_bytes: facts.mapped.0,
            copied_bytes: facts.copied.0,
            phases: self.phases,
        };
        Taken { usage, first_token: Some(first_token), ..Taken::default() }
    }
}
