//! Drives a target through an assignment: takes the lines of its agents, and starts another agent when one dies.

use std::time::Instant;

use anyhow::bail;
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{End, EndStatus, Header, Line, Phase, Plan, Redo, Run, RunKey, Variant, cases};

use super::journal::Journal;
use crate::interrupt;
use crate::target::{Ended, Target};

/// How many agents in a row may end without finishing a run.
const DEATHS: u32 = 3;

/// What came of an assignment.
#[derive(Debug)]
pub enum Outcome {
    /// The session ended in order.
    Ended(End),
    /// Only a plan was asked for.
    Planned(Plan),
    /// The agent refused, and has said why.
    Refused,
    /// The device went away.
    Lost {
        /// What was seen of it.
        how: String,
    },
}

/// Carries out `assignment` on `target`.
pub fn drive(target: &dyn Target, assignment: Assignment, journal: &mut Journal) -> anyhow::Result<Outcome> {
    let mut drive = Drive {
        assignment: target.prepare(assignment)?,
        journal,
        begun: false,
        phase: None,
        end: None,
        deaths: 0,
        started: Instant::now(),
    };
    drive.expect();
    loop {
        let ended = drive.one_agent(target)?;
        if let Some(outcome) = drive.outcome(&ended) {
            return Ok(outcome);
        }
        match ended {
            Ended::Refused => return Ok(Outcome::Refused),
            Ended::Lost { how } => return Ok(Outcome::Lost { how }),
            Ended::Finished => bail!("the agent ended before the session did: this is a bug of packbench"),
            Ended::Died { how } => drive.bury(&how)?,
            Ended::Again => drive.make_sure_of_progress()?,
        }
        drive.goes_on();
        if let Some(end) = drive.end.take() {
            return Ok(Outcome::Ended(end));
        }
    }
}

struct Drive<'a> {
    /// What is left to do; grows shorter with each line.
    assignment: Assignment,
    journal: &'a mut Journal,
    /// Whether this segment's header was written: an agent that replaces a dead one belongs to the same segment.
    begun: bool,
    /// What was announced last.
    phase: Option<Phase>,
    end: Option<End>,
    deaths: u32,
    started: Instant,
}

impl Drive<'_> {
    fn expect(&mut self) {
        let (total, done) = (self.total(), self.assignment.done.len());
        self.journal.expect(total, done);
    }

    /// How many runs the session comes to.
    fn total(&self) -> usize {
        let Assignment { job, variants, purpose, .. } = &self.assignment;
        let blocks = if *purpose == Purpose::Verify { 1 } else { job.blocks.get() as usize };
        cases(job, variants).len() * blocks
    }

    fn one_agent(&mut self, target: &dyn Target) -> anyhow::Result<Ended> {
        for line in target.left(&self.assignment)? {
            self.take(line)?;
        }
        let mut agent = target.start(&self.assignment)?;
        interrupt::stops(agent.stopper());
        while let Some(line) = agent.next_line()? {
            self.take(line)?;
        }
        agent.finish()
    }

    fn outcome(&mut self, ended: &Ended) -> Option<Outcome> {
        match (self.end.take(), &self.assignment) {
            (Some(end), _) => Some(Outcome::Ended(end)),
            (None, Assignment { purpose: Purpose::Estimate, plan: Some(plan), .. })
                if *ended == Ended::Finished =>
            {
                Some(Outcome::Planned(plan.clone()))
            }
            _ => None,
        }
    }

    /// Agents that leave everything to the next one would go on for ever.
    fn make_sure_of_progress(&mut self) -> anyhow::Result<()> {
        self.deaths += 1;
        match self.deaths > DEATHS {
            true => bail!("the agent asks for a fresh process again and again: this is a bug of packbench"),
            false => Ok(()),
        }
    }

    /// The next agent goes on with this segment, where this one has learnt all that there is to learn about its models.
    fn goes_on(&mut self) {
        let elapsed = self.started.elapsed().as_nanos();
        let Assignment { plan, elapsed_ns, .. } = &mut self.assignment;
        *elapsed_ns = plan.as_ref().map(|_| u64::try_from(elapsed).unwrap_or(u64::MAX));
    }

    /// Records a line, and remembers what the next agent must know if this one dies.
    fn take(&mut self, line: Line) -> anyhow::Result<()> {
        let known = match &line {
            Line::Header(header) => self.header(header),
            Line::Variant(variant) => self.variant(variant),
            _ => false,
        };
        if !known {
            self.journal.take(&line)?;
        }
        match line {
            Line::Plan(plan) => {
                self.assignment.plan = Some(plan);
                self.expect();
            }
            Line::Phase(phase) => self.phase = Some(phase),
            Line::Run(run) => {
                self.assignment.done.push(run.key());
                self.phase = None;
                self.deaths = 0;
            }
            Line::End(end) => self.end = Some(end),
            Line::Redo(Redo { case, block, .. }) => {
                self.assignment.redone.push(RunKey { case, block });
                self.phase = None;
                self.deaths = 0;
            }
            Line::Header(_) | Line::Variant(_) | Line::Wait(_) => {}
        }
        Ok(())
    }

    /// Whether this segment has its header already.
    fn header(&mut self, header: &Header) -> bool {
        self.assignment.began.get_or_insert_with(|| Box::new(header.clone()));
        std::mem::replace(&mut self.begun, true)
    }

    /// Whether the model was known before.
    fn variant(&mut self, variant: &Variant) -> bool {
        let known = self.assignment.variants.contains(variant);
        if !known {
            self.assignment.variants.push(variant.clone());
        }
        known
    }

    /// Records the run in which an agent died; the session goes on without it.
    fn bury(&mut self, how: &str) -> anyhow::Result<()> {
        self.deaths += 1;
        match self.phase.take() {
            Some(Phase { phase, case: Some(case), block: Some(block), .. }) => {
                let key = RunKey { case, block };
                self.take(Line::Run(Run::killed(key, self.assignment.segment, phase, how)))?;
            }
            Some(Phase { phase, variant, .. }) => {
                let of = variant.map(|name| format!(" of {name}")).unwrap_or_default();
                bail!("the agent died in phase {phase}{of}: {how}")
            }
            None if self.deaths >= DEATHS || !self.begun => bail!("the agent died before it measured: {how}"),
            None => {}
        }
        if interrupt::came() {
            self.take(Line::End(self.cancelled()))?;
        }
        Ok(())
    }

    fn cancelled(&self) -> End {
        let runs = self.assignment.done.len();
        let missing = self.total().saturating_sub(runs) as u64;
        End { status: EndStatus::Cancelled, runs: runs as u64, missing }
    }
}
