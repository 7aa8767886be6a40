//! Probe *first_token*: load a model, compute the first token, and take the time of it apart.
//!
//! Everything from the call that loads to the token is inside: what lies between two phases, too, so that asking for
//! residency there costs all policies the same.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::engine::{Decoding, Engine, EngineError, LoadFacts, LoadRequest, LoadWay, LoadedModel, Prompt};
use super::{MeasureError, Taken};
use crate::job::Policy;
use crate::os::{Mapping, Meter, Os, OsError, Scope, Stream, Usage};
use crate::record::{FirstToken, PhaseCost, PhaseName, SelfTest};
use crate::unit::{Bytes, Nanos, PageRange};

/// Tokens that a context holds beside the prompt.
const ROOM: u32 = 16;

/// What a first_token run needs beside its case.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// What computes.
    pub engine: &'a dyn Engine,
    /// With so many threads.
    pub threads: u32,
    /// What a stream asks for, in order.
    pub pieces: &'a [PageRange],
    /// The answer that each run must give; `None` when it isn't known yet.
    pub answer: Option<u32>,
    /// Ends whatever the engine is doing.
    pub cancel: &'a AtomicBool,
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
    pub path: &'a Path,
    pub mapping: &'a dyn Mapping,
    pub pages: PageRange,
    pub self_test: SelfTest,
    pub announce: &'a mut dyn FnMut(PhaseName),
}

/// Loads the model under `policy` and computes one token after `prompt_tokens`, and one more.
pub(super) fn probe(
    scene: Scene<'_>,
    asking: Asking<'_>,
    policy: Policy,
    prompt_tokens: u32,
) -> Result<(Policy, Taken), MeasureError> {
    let request = LoadRequest {
        path: scene.path,
        way: way(policy),
        extra_buffers: policy == Policy::StockLoad,
        threads: asking.threads,
        context_tokens: prompt_tokens + ROOM,
        memory: scene.os.conditions().memory_available_bytes.map(Bytes),
        cancel: asking.cancel,
    };
    let (os, mut ledger) = (scene.os, Ledger::new(scene)?);
    let stream = match policy {
        Policy::Stream => Some(os.stream(request.path, asking.pieces, crate::access::LEAD)?),
        _ => None,
    };
    let mut stream = Streaming(stream);
    let told = tell(&mut ledger, asking.engine, &mut stream, &request, prompt_tokens);
    let ended = stream.finish();
    let (facts, token) = told?;
    ended?;
    check(asking.answer, token)?;
    let effective = effective(policy, &facts);
    Ok((effective, ledger.taken(&facts, token, asking.threads)))
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
fn tell(
    ledger: &mut Ledger<'_>,
    engine: &dyn Engine,
    stream: &mut Streaming,
    request: &LoadRequest<'_>,
    prompt_tokens: u32,
) -> Result<(LoadFacts, u32), MeasureError> {
    let model: Box<dyn LoadedModel + '_> = ledger.phase(PhaseName::Load, || {
        stream.start()?;
        engine.load(request)
    })?;
    let prompt = model.tokens(&Prompt::Count(prompt_tokens))?;
    let mut context: Box<dyn Decoding + '_> = ledger.phase(PhaseName::Context, || model.context())?;
    let token = ledger.phase(PhaseName::Prefill, || context.prefill(&prompt))?;
    ledger.phase(PhaseName::Decode, || context.decode())?;
    match model.cut_short() {
        Some(at) => Err(MeasureError::CutShort { at: at.0 }),
        None => Ok((model.facts().clone(), token.0)),
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
    fn new(scene: Scene<'a>) -> Result<Self, OsError> {
        let meter = scene.os.meter(Scope::Process)?;
        Ok(Ledger { scene, meter, begun: None, until_answer: Nanos(0), phases: Vec::with_capacity(4) })
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
            bytes_fetched: usage.bytes_fetched.map(|bytes| bytes.0),
            resident_pages: self.resident_pages(),
            anonymous_bytes: self.scene.os.anonymous_memory().map(|bytes| bytes.0),
        }
    }

    fn resident_pages(&self) -> Option<u64> {
        match self.scene.self_test {
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
