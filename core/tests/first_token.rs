//! First tokens in a session, with a scripted engine: which process measures what, and what is held to be wrong.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::cell::Cell;
use std::num::NonZeroU32;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::{Advice, CacheState, Field, Job, Model, Pattern, Policy, ProbeKind, Way};
use packbench_core::layout::{Extent, TraceBuilder};
use packbench_core::measure::engine::{
    Decoding, Engine, EngineError, LoadFacts, LoadRequest, LoadWay, LoadedModel, Prompt, Token,
};
use packbench_core::os::fake::{Eviction, FakeOs};
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{Caveat, Line, PhaseName, Run, Status, Tool, WeightTrace};
use packbench_core::session::{Carried, carry_out};
use packbench_core::unit::{Bytes, FileOffset};

fn model() -> Vec<u8> {
    TinyModel::new(3).bytes()
}

/// Answers `token`, whatever it is asked; of the model at the path `other` one more than that.
struct Scripted {
    token: Cell<u32>,
    copied: u64,
    loads: Cell<u32>,
    remaps: Rc<Cell<u32>>,
}

impl Scripted {
    fn new() -> Self {
        Scripted { token: Cell::new(7), copied: 0, loads: Cell::new(0), remaps: Rc::default() }
    }
}

impl Engine for Scripted {
    fn identity(&self) -> String {
        "scripted 1".to_owned()
    }

    fn trace(&self, _: &Path, _: &Prompt, _: &AtomicBool) -> Result<WeightTrace, EngineError> {
        let file = model();
        let gguf = Gguf::parse(&file).unwrap();
        let mut trace = TraceBuilder::default();
        for tensor in &gguf.tensors {
            trace.read(tensor.name, "MUL_MAT", Extent::Whole(tensor.data.len));
        }
        Ok(trace.finish(self.identity(), vec![1]))
    }

    fn load<'a>(&self, request: &LoadRequest<'a>) -> Result<Box<dyn LoadedModel + 'a>, EngineError> {
        self.loads.set(self.loads.get() + 1);
        if request.cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        let facts = LoadFacts {
            way: request.way,
            hook_hits: 3,
            backend: "none".to_owned(),
            mapped: Bytes(0),
            copied: Bytes(self.copied),
            vocabulary: 100,
        };
        let token = Token(self.token.get() + u32::from(request.path.ends_with("other")));
        Ok(Box::new(Loaded { facts, token, remaps: self.remaps.clone() }))
    }
}

struct Loaded {
    facts: LoadFacts,
    token: Token,
    remaps: Rc<Cell<u32>>,
}

impl LoadedModel for Loaded {
    fn facts(&self) -> &LoadFacts {
        &self.facts
    }
    fn tokens(&self, _: &Prompt) -> Result<Vec<Token>, EngineError> {
        Ok(vec![Token(1)])
    }
    fn context(&self, _: u32) -> Result<Box<dyn Decoding + '_>, EngineError> {
        Ok(Box::new(Said(self.token)))
    }
    fn remap(&self) -> Result<(), EngineError> {
        self.remaps.set(self.remaps.get() + 1);
        Ok(())
    }
    fn advise(&self, _: Advice) -> Result<(), EngineError> {
        Ok(())
    }
    fn cut_short(&self) -> Option<FileOffset> {
        None
    }
}

struct Said(Token);

impl Decoding for Said {
    fn clear(&mut self) {}
    fn prefill(&mut self, _: &[Token]) -> Result<Token, EngineError> {
        Ok(self.0)
    }
    fn decode(&mut self) -> Result<Token, EngineError> {
        Ok(self.0)
    }
}

fn assignment(policies: &[Policy], blocks: u32, cache: &Path) -> Assignment {
    let job = Job {
        models: vec![Model { name: "m".into(), path: Some("m".into()), arrangement: None }],
        probes: vec![ProbeKind::FirstToken, ProbeKind::Faults],
        policies: policies.to_vec(),
        patterns: vec![Pattern::Sequential],
        caches: vec![CacheState::Cold],
        prompts: vec![Prompt::Count(1)],
        blocks: NonZeroU32::new(blocks).unwrap(),
        ..Job::default()
    };
    Assignment::new(Purpose::Measure, job, "s".into(), Some(cache.to_owned()))
}

/// One process: what it tells, and how far it comes.
fn process(os: &FakeOs, engine: Option<&dyn Engine>, assignment: &Assignment) -> (Vec<Line>, Carried) {
    let text = || "test".to_owned();
    let tool = Tool { version: text(), build_profile: text(), target: text(), engine: None };
    let mut lines = Vec::new();
    let carried = carry_out(os, engine, tool, assignment, &AtomicBool::new(false), &mut |line: &Line| {
        lines.push(line.clone());
        Ok(())
    });
    (lines, carried.unwrap())
}

/// Tells the next process what this one has told: the runs among it.
fn hand_on(assignment: &mut Assignment, lines: Vec<Line>) -> Vec<Run> {
    let mut runs = Vec::new();
    for line in lines {
        match line {
            Line::Variant(variant) => assignment.variants.push(variant),
            Line::Plan(plan) => assignment.plan = Some(plan),
            Line::Run(run) => {
                assignment.done.push(run.key());
                runs.push(run);
            }
            _ => {}
        }
    }
    assignment.elapsed_ns = Some(1);
    runs
}

/// A whole session, as a target drives it: the runs, and how many processes they took.
fn session(os: &FakeOs, engine: &Scripted, mut assignment: Assignment) -> (Vec<Run>, u32) {
    let (mut runs, mut processes) = (Vec::new(), 0);
    loop {
        processes += 1;
        let (lines, carried) = process(os, Some(engine), &assignment);
        runs.extend(hand_on(&mut assignment, lines));
        if carried == Carried::Through {
            return (runs, processes);
        }
    }
}

#[test]
fn each_first_token_is_the_first_thing_that_its_process_measures() {
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), Scripted::new());
    let asked = assignment(&[Policy::Normal, Policy::StockLoad], 3, cache.path());
    let (runs, processes) = session(&os, &engine, asked);
    // Two first tokens and one faults case a block; the first process plans.
    // Each with its floor.
    assert_eq!(runs.len(), 12);
    assert!(runs.iter().all(|run| run.status == Status::Ok), "{runs:?}");
    assert!(processes > 6, "{processes}");
    assert_eq!(engine.loads.get(), 2 + 6, "once in the rehearsal, then once a run");
}

#[test]
fn the_same_tensors_must_answer_the_same_in_every_file() {
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), Scripted::new());
    let mut asked = assignment(&[Policy::Normal], 2, cache.path());
    asked.job.probes = vec![ProbeKind::FirstToken];
    asked.job.models.push(Model { name: "other".into(), path: Some("other".into()), arrangement: None });
    let (runs, _) = session(&os, &engine, asked);
    let tokens: Vec<&Run> = runs.iter().filter(|run| run.case.way().is_some()).collect();
    assert_eq!(tokens.len(), 4);
    for run in tokens {
        let expected = if run.case.variant == "m" { Status::Ok } else { Status::Failed };
        assert_eq!(run.status, expected, "{run:?}");
    }
    let said: Vec<_> = runs.iter().filter_map(|run| run.error.as_deref()).collect();
    assert!(said.len() == 2 && said[0].contains("token 8, expected 7"), "{said:?}");
}

#[test]
fn a_first_token_is_taken_apart() {
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), Scripted { copied: 5, ..Scripted::new() });
    let (runs, _) = session(&os, &engine, assignment(&[Policy::StockLoad], 1, cache.path()));
    let run = runs.iter().find(|run| run.first_token.is_some()).unwrap();
    assert_eq!(run.policy_effective, Some(Policy::StockLoad));
    assert!(run.caveats.contains(&Caveat::LayoutVoid), "weights were copied");
    let told = run.first_token.as_ref().unwrap();
    let phases: Vec<PhaseName> = told.phases.iter().map(|cost| cost.phase).collect();
    assert_eq!(phases, [PhaseName::Load, PhaseName::Context, PhaseName::Prefill, PhaseName::Decode]);
    assert_eq!((told.token, told.prefetches_withheld, told.copied_bytes), (7, 3, 5));
    let metrics = run.metrics.as_ref().unwrap();
    assert_eq!((metrics.checksum, metrics.bytes_covered), (None, None), "an engine decides what it reads");
}

#[test]
fn a_stream_asks_in_the_order_of_the_trace_that_an_earlier_process_took() {
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), Scripted::new());
    let (runs, _) = session(&os, &engine, assignment(&[Policy::STREAM], 1, cache.path()));
    assert!(runs.len() == 2 && runs.iter().all(|run| run.status == Status::Ok), "and its floor: {runs:?}");
    assert!(os.take_asked().contains(&"stream 1 pieces".to_owned()));
    let kept = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(kept.into_iter().any(|name| name.to_string_lossy().starts_with("trace-")));
}

#[test]
fn many_first_tokens_share_a_process_over_a_model_that_it_has_loaded() {
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), Scripted::new());
    let mut asked = assignment(&[Policy::StockLoad, Policy::Normal, Policy::STREAM], 3, cache.path());
    asked.job.ways = vec![Way::Remap];
    asked.job.decodes = NonZeroU32::new(10).unwrap();
    let (runs, processes) = session(&os, &engine, asked);
    let tokens: Vec<&Run> = runs.iter().filter(|run| run.first_token.is_some()).collect();
    assert_eq!((tokens.len(), processes), (2 * 3, 1), "stock_load has no mapping of ours to lay anew");
    assert!(runs.iter().all(|run| run.status == Status::Ok), "{runs:?}");
    assert_eq!(engine.loads.get(), 1);
    assert!(engine.remaps.get() as usize > runs.len(), "before each run, whatever it measures");
    let told = tokens[0].first_token.as_ref().unwrap();
    let phases: Vec<PhaseName> = told.phases.iter().map(|cost| cost.phase).collect();
    assert_eq!(phases[..2], [PhaseName::Load, PhaseName::Prefill], "the load is the advice alone");
    assert_eq!(phases[2..], [PhaseName::Decode; 10]);
    assert_eq!(tokens[0].case.told(Field::Way).as_deref(), Some("remap"));
}

#[test]
fn an_answer_other_than_the_rehearsals_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), Scripted::new());
    let mut asked = assignment(&[Policy::StockLoad], 1, cache.path());
    let (lines, carried) = process(&os, Some(&engine), &asked);
    assert_eq!(carried, Carried::SoFar);
    hand_on(&mut asked, lines);
    engine.token.set(8);
    let (lines, _) = process(&os, Some(&engine), &asked);
    let run = lines.iter().find_map(|line| if let Line::Run(run) = line { Some(run) } else { None }).unwrap();
    assert_eq!(run.status, Status::Failed);
    assert!(run.error.as_ref().unwrap().starts_with("the model answers token 8, expected 7"), "{run:?}");
}

#[test]
fn without_an_engine_first_tokens_fail_and_the_rest_goes_on() {
    let cache = tempfile::tempdir().unwrap();
    let os = FakeOs::new(model(), Eviction::Works);
    let mut asked = assignment(&[Policy::Normal], 1, cache.path());
    asked.job.caches = vec![CacheState::Cold];
    let (mut runs, mut carried) = (Vec::new(), Carried::SoFar);
    while carried == Carried::SoFar {
        let (lines, so_far) = process(&os, None, &asked);
        carried = so_far;
        runs.extend(hand_on(&mut asked, lines));
    }
    let failed: Vec<_> = runs.iter().filter(|run| run.status == Status::Failed).collect();
    assert_eq!((runs.len(), failed.len()), (3, 2), "the floor follows the engine, too");
    assert!(failed[0].error.as_ref().unwrap().contains("this build has no engine"));
}

#[test]
fn a_load_that_was_not_stripped_is_called_what_it_was() {
    struct NotStripped(Scripted);
    impl Engine for NotStripped {
        fn identity(&self) -> String {
            self.0.identity()
        }
        fn trace(
            &self,
            model: &Path,
            prompt: &Prompt,
            cancel: &AtomicBool,
        ) -> Result<WeightTrace, EngineError> {
            self.0.trace(model, prompt, cancel)
        }
        fn load<'a>(&self, request: &LoadRequest<'a>) -> Result<Box<dyn LoadedModel + 'a>, EngineError> {
            self.0.load(&LoadRequest { way: LoadWay::Stock, ..*request })
        }
    }
    let cache = tempfile::tempdir().unwrap();
    let (os, engine) = (FakeOs::new(model(), Eviction::Works), NotStripped(Scripted::new()));
    let mut asked = assignment(&[Policy::Random], 1, cache.path());
    asked.job.probes = vec![ProbeKind::FirstToken];
    let (lines, _) = process(&os, Some(&engine), &asked);
    hand_on(&mut asked, lines);
    let (lines, _) = process(&os, Some(&engine), &asked);
    let run = lines.iter().find_map(|line| if let Line::Run(run) = line { Some(run) } else { None }).unwrap();
    assert_eq!(run.case.policy(), Some(Policy::Random));
    assert_eq!(run.policy_effective, Some(Policy::StockLoad));
}
