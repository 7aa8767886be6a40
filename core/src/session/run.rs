//! One run within a session: what goes before it, and the line that comes of it.

use super::questions::Learned;
use super::rehearse::{is_asked, work};
use super::{Session, SessionError, gate, schedule};
use crate::error::chain;
use crate::job::Case;
use crate::measure::engine::EngineError;
use crate::measure::{MeasureError, Measured, Task, Work, measure};
use crate::record::{Answer, Caveat, Change, Conditions, Line, Phase, Plan, Redo, Run, RunKey, Status};

/// What came of trying a run.
pub(super) enum Ran {
    Recorded,
    /// It takes a fresh process, and this one isn't.
    NotFresh,
    /// The engine was asked to stop in the middle of it.
    Cancelled,
}

impl Session<'_, '_> {
    pub(super) fn conditions(&mut self) -> Conditions {
        let now = Conditions { elapsed_ns: self.elapsed().0, ..self.os.conditions() };
        self.questions.memory = now.memory_to_be_had();
        now
    }

    pub(super) fn run(&mut self, case: Case, block: u32, plan: &Plan) -> Result<Ran, SessionError> {
        let job = &self.assignment.job;
        let index = job.models.iter().position(|model| model.name == case.variant);
        let index = index.expect("cases are made from the job's models");
        let learned = self.questions.learn(&self.models[index], &self.variants[index], &case);
        self.fresh &= !matches!(learned, Ok(Learned::Now));
        // What fails before it is begun needs no process for that.
        if learned.is_ok() && case.needs_fresh_process() && !std::mem::replace(&mut self.fresh, false) {
            return Ok(Ran::NotFresh);
        }
        self.fresh = false;
        let before = self.conditions();
        let measured = match learned {
            Ok(_) => self.measure(index, &case, block, plan)?,
            Err(error) => Err(error),
        };
        if let Err(MeasureError::Engine(EngineError::Cancelled)) = measured {
            return Ok(Ran::Cancelled);
        }
        let after = self.conditions();
        let key = RunKey { case, block };
        let redone = self.redone.iter().filter(|redone| **redone == key).count();
        if gate::throttled(&before, &after) && redone < gate::REDOS {
            return self.redo(key, Change { before: Some(before), after: Some(after) }, plan);
        }
        let caveats = self.caveats(index, &key.case, plan, [&before, &after]);
        let conditions = Change { before: Some(before), after: Some(after) };
        let failed = Run::unmeasured(key, self.assignment.segment, Status::Failed);
        let unmeasured = Run { conditions, caveats, ..failed };
        self.emit(Line::Run(match measured {
            Ok(measured) => fill(unmeasured, measured),
            Err(error) => Run { error: Some(chain(&error)), ..unmeasured },
        }))?;
        Ok(Ran::Recorded)
    }

    /// Throws a run away and, once the phone is cool, makes it again.
    fn redo(&mut self, key: RunKey, conditions: Change, plan: &Plan) -> Result<Ran, SessionError> {
        let RunKey { case, block } = key.clone();
        self.emit(Line::Redo(Redo { case: case.clone(), block, conditions }))?;
        self.redone.push(key);
        self.wait(block)?;
        if self.cancelled() { Ok(Ran::Cancelled) } else { self.run(case, block, plan) }
    }

    fn measure(
        &mut self,
        index: usize,
        case: &Case,
        block: u32,
        plan: &Plan,
    ) -> Result<Result<Measured, MeasureError>, SessionError> {
        let (os, model, span) = (self.os, &self.models[index], &plan.spans[index]);
        let sampled = Work { span: span.range(), checksum: span.checksum };
        let work = match work(case, model, sampled, &plan.needs) {
            Ok(work) => work,
            Err(error) => return Ok(Err(error)),
        };
        let task = Task {
            subject: &model.subject,
            case,
            work,
            random: schedule::pages(self.assignment.job.seed, block),
            pieces: self.questions.pieces(case),
            asking: self.questions.asking(case, model, answer(plan, case)),
            loaded: self.questions.loaded(case),
        };
        let (sink, mut announced) = (&mut *self.sink, Ok(()));
        let measured = measure(os, task, &mut |phase| {
            let line = Phase { phase, variant: None, case: Some(case.clone()), block: Some(block) };
            if announced.is_ok() {
                announced = sink(&Line::Phase(line));
            }
        });
        announced?;
        Ok(measured)
    }

    /// What takes away from the trust in any run of this model now.
    fn caveats(&self, index: usize, case: &Case, plan: &Plan, around: [&Conditions; 2]) -> Vec<Caveat> {
        let span = &plan.spans[index];
        let needed = match case.follows_engine() {
            true => self.models[index].subject.len.0,
            false => span.len_bytes,
        };
        let short = around[0].memory_available_bytes.is_some_and(|bytes| bytes < needed);
        let all = [
            (Caveat::Sampled, span.sampled && !case.follows_engine()),
            (Caveat::SharedStorage, self.models[index].is_shared()),
            (Caveat::DebugBuild, cfg!(debug_assertions)),
            (Caveat::NotPinned, !self.pinned),
            (Caveat::LowMemory, short),
        ];
        let applying = all.into_iter().filter(|(_, applies)| *applies).map(|(caveat, _)| caveat);
        applying.chain(gate::caveats(self.app.as_ref(), around)).collect()
    }
}

/// The answer that a run of `case` must give.
fn answer(plan: &Plan, case: &Case) -> Option<u32> {
    let asked = |answer: &&Answer| answer.variant == case.variant && is_asked(case, answer);
    plan.answers.iter().find(asked).map(|answer| answer.token)
}

fn fill(run: Run, measured: Measured) -> Run {
    let caveats = measured.caveats.into_iter().chain(run.caveats).collect();
    Run {
        status: Status::Ok,
        policy_effective: measured.policy_effective,
        io_effective: measured.io_effective,
        metrics: Some(measured.metrics),
        latency: measured.latency,
        first_token: measured.first_token,
        residency: Some(measured.residency),
        caveats,
        ..run
    }
}
