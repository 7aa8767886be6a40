//! A job carried out on one device: models made ready, then blocks of runs, each line handed on as soon as it is known.
//!
//! ```text
//! header ─ (hash, self-test → variant) × models ─ rehearse → plan ─ (phases → run) × cases × blocks ─ end
//! ```

mod copies;
pub mod doctor;
mod error;
pub mod gate;
mod handed;
mod header;
mod model;
mod questions;
mod rehearse;
mod run;
pub mod schedule;
mod writer;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub use copies::FOLDER as COPIES_FOLDER;
pub use error::SessionError;
pub use handed::{Handed, HandedError};
use model::Examined;
pub use model::ModelError;
use questions::{Known, Questions};
use rehearse::Rehearsal;
use run::Ran;
pub use writer::{ReportWriter, ResumeError, bury, bytes, go_on};

use crate::job::{Case, Job, Model};
use crate::measure::engine::Engine;
use crate::os::{Os, OsError};
use crate::record::wire::{Assignment, Purpose};
use crate::record::{App, End, EndStatus, Line, Phase, PhaseName, Plan, RunKey, Tool, Variant, cases};
use crate::unit::Nanos;

/// Where the lines of a report go.
pub type Sink<'a> = dyn FnMut(&Line) -> io::Result<()> + 'a;

/// A name for a new session: 64 random bits.
pub fn new_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
}

/// Knows a model by its content. `cache` is where payload hashes are kept.
pub fn identify(os: &dyn Os, model: &Model, cache: Option<&Path>) -> Result<Variant, SessionError> {
    let examined = Examined::new(os, model)?;
    examined.identify(os, cache).map_err(|source| SessionError::model(&model.name, source))
}

/// How far a process carried a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// To its end, or as far as was asked.
    Through,
    /// To a run that takes a fresh process: what is left is for another one.
    SoFar,
}

/// Carries out `assignment`, handing each line to `sink`; stops between two runs once `cancel` is set.
pub fn carry_out(
    os: &dyn Os,
    engine: Option<&dyn Engine>,
    tool: Tool,
    assignment: &Assignment,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Result<Carried, SessionError> {
    assignment.job.check()?;
    let mut models: Vec<Examined> =
        assignment.job.models.iter().map(|model| Examined::new(os, model)).collect::<Result<_, _>>()?;
    let context = os.context();
    let (app, processors) = (context.app.clone(), context.device.cpus);
    let now = os.conditions();
    gate::pass(&now, app.as_ref(), assignment, &models)?;
    let pinned = header::write(os, context, assignment, tool, sink)?;
    let assignment = &copies::make(os, assignment, &mut models, cancel, sink)?;
    let (threads, job) = (threads(processors, &assignment.job), &assignment.job);
    let (folder, known) = (assignment.cache_dir.clone(), Known::default());
    let (fresh_process, memory) = (assignment.fresh_process, now.memory_to_be_had());
    let questions =
        Questions { os, engine, job, cancel, folder, fresh_process, threads, memory, known, loaded: None };
    let begun = Nanos(os.now().0.saturating_sub(assignment.elapsed_ns.unwrap_or(0)));
    let (variants, fresh, redone) = (Vec::new(), true, assignment.redone.clone());
    let mut session = Session {
        os,
        assignment,
        cancel,
        sink,
        models,
        variants,
        questions,
        begun,
        app,
        pinned,
        fresh,
        redone,
    };
    session.identify()?;
    let cases = cases(&assignment.job, &session.variants);
    if session.cancelled() {
        session.end(EndStatus::Cancelled, assignment.done.len() as u64, &cases)?;
        return Ok(Carried::Through);
    }
    let plan = session.plan(&cases)?;
    match assignment.purpose {
        Purpose::Estimate => Ok(Carried::Through),
        Purpose::Measure | Purpose::Verify => session.blocks(&cases, &plan),
    }
}

fn announce(sink: &mut Sink<'_>, phase: PhaseName, variant: Option<&str>) -> Result<(), SessionError> {
    let variant = variant.map(str::to_owned);
    Ok(sink(&Line::Phase(Phase { phase, variant, case: None, block: None }))?)
}

/// As many as there are processors to run them: an engine's threads wait for each other by spinning.
fn threads(processors: u32, job: &Job) -> u32 {
    let bound = u32::try_from(job.cpus.len()).ok().filter(|cpus| *cpus > 0);
    bound.unwrap_or(processors)
}

struct Session<'a, 's> {
    os: &'a dyn Os,
    assignment: &'a Assignment,
    cancel: &'a AtomicBool,
    sink: &'a mut Sink<'s>,
    models: Vec<Examined>,
    /// Those of the models that are known by their content.
    variants: Vec<Variant>,
    questions: Questions<'a>,
    begun: Nanos,
    /// The app that measures, where there is one.
    app: Option<App>,
    pinned: bool,
    /// Whether this process has measured nothing yet.
    fresh: bool,
    /// Runs of this segment that were thrown away, once for each time.
    redone: Vec<RunKey>,
}

impl Session<'_, '_> {
    fn emit(&mut self, line: Line) -> Result<(), SessionError> {
        Ok((self.sink)(&line)?)
    }

    fn announce(&mut self, phase: PhaseName, variant: Option<&str>) -> Result<(), SessionError> {
        announce(self.sink, phase, variant)
    }

    /// Knows each model by its content before the first page is evicted, and tests residency on it.
    fn identify(&mut self) -> Result<(), SessionError> {
        for index in 0..self.models.len() {
            if self.cancelled() {
                return Ok(());
            }
            let variant = match self.assignment.elapsed_ns.and_then(|_| self.assignment.variants.get(index)) {
                Some(variant) => self.recognise(index, variant)?,
                None => self.identify_one(index)?,
            };
            self.variants.push(variant);
        }
        Ok(())
    }

    /// For an agent that goes on with a segment: the same file as the agent before it measured? A file that wasn't
    /// touched is known by the hash that was kept, so this reads nothing.
    fn recognise(&mut self, index: usize, variant: &Variant) -> Result<Variant, SessionError> {
        let model = &mut self.models[index];
        model.subject.self_test = variant.residency_self_test;
        if let Some(cache) = self.assignment.cache_dir.as_deref() {
            let now = model.identify(self.os, Some(cache));
            let now = now.map_err(|source| SessionError::model(&variant.name, source))?;
            model.check(&now, std::slice::from_ref(variant))?;
        }
        Ok(variant.clone())
    }

    fn identify_one(&mut self, index: usize) -> Result<Variant, SessionError> {
        let name = self.assignment.job.models[index].name.clone();
        self.announce(PhaseName::Hash, Some(&name))?;
        let cache = self.assignment.cache_dir.as_deref();
        let failed = |source| SessionError::model(&name, source);
        let identified = self.models[index].identify(self.os, cache).map_err(failed)?;
        self.announce(PhaseName::SelfTest, Some(&name))?;
        self.models[index].self_test(self.os).map_err(failed)?;
        let variant = Variant { residency_self_test: self.models[index].subject.self_test, ..identified };
        self.models[index].check(&variant, &self.assignment.variants)?;
        self.emit(Line::Variant(variant.clone()))?;
        Ok(variant)
    }

    fn plan(&mut self, cases: &[Case]) -> Result<Plan, SessionError> {
        if let Some(plan) = &self.assignment.plan {
            return Ok(plan.clone());
        }
        self.announce(PhaseName::Rehearse, None)?;
        let job = &self.assignment.job;
        let budget = u64::try_from(job.budget.as_nanos()).unwrap_or(u64::MAX);
        let left = Nanos(budget.saturating_sub(self.elapsed().0));
        let (models, variants) = (&self.models, &self.variants);
        let rehearsal = Rehearsal { job, models, variants, questions: &mut self.questions };
        let plan = rehearsal.plan(cases, left).map_err(|source| self.model_error(0, source))?;
        self.fresh = false;
        self.emit(Line::Plan(plan.clone()))?;
        Ok(plan)
    }

    fn model_error(&self, index: usize, source: OsError) -> SessionError {
        SessionError::model(&self.assignment.job.models[index].name, source.into())
    }

    fn elapsed(&self) -> Nanos {
        Nanos(self.os.now().0 - self.begun.0)
    }

    fn blocks(&mut self, cases: &[Case], plan: &Plan) -> Result<Carried, SessionError> {
        let Assignment { job, done, .. } = self.assignment;
        let done: HashSet<&RunKey> = done.iter().collect();
        let is_missing = |case: &Case, block| !done.contains(&RunKey { case: case.clone(), block });
        let mut runs = done.len() as u64;
        for block in 0..self.block_count() {
            let mut missing = schedule::order(cases, job.seed, block);
            missing.retain(|case| is_missing(case, block));
            if !missing.is_empty() && !self.can_afford(plan, block) {
                return self.end(EndStatus::Budget, runs, cases);
            }
            if !missing.is_empty() {
                self.wait(block)?;
            }
            for case in missing {
                if self.cancelled() {
                    return self.end(EndStatus::Cancelled, runs, cases);
                }
                match self.run(case, block, plan)? {
                    Ran::Recorded => runs += 1,
                    Ran::NotFresh => return Ok(Carried::SoFar),
                    Ran::Cancelled => return self.end(EndStatus::Cancelled, runs, cases),
                }
            }
        }
        self.end(EndStatus::Complete, runs, cases)
    }

    fn block_count(&self) -> u32 {
        match self.assignment.purpose {
            Purpose::Verify => 1,
            Purpose::Measure | Purpose::Estimate => self.assignment.job.blocks.get(),
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// A block that begins is finished; one that would end far beyond the budget isn't begun. The first one always is.
    fn can_afford(&self, plan: &Plan, block: u32) -> bool {
        let budget = self.assignment.job.budget.as_nanos();
        let expected = u128::from(self.elapsed().0) + u128::from(plan.estimated_block_ns) / 2;
        block == 0 || expected <= budget
    }

    fn end(&mut self, status: EndStatus, runs: u64, cases: &[Case]) -> Result<Carried, SessionError> {
        let total = cases.len() as u64 * u64::from(self.block_count());
        self.emit(Line::End(End { status, runs, missing: total.saturating_sub(runs) }))?;
        Ok(Carried::Through)
    }
}
