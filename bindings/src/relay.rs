//! The way of a line from a session to the report and to the app.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use packbench_core::job::Job;
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Line, Phase, PhaseName, Variant, cases};
use packbench_core::session::{ReportWriter, bytes};

use crate::AppError;

/// Hears of a session. It is called on the session's thread, which waits for it; it may cancel the session.
#[uniffi::export(with_foreign)]
pub trait Listener: Send + Sync {
    /// Another line is in the report.
    fn told(&self, progress: Progress) -> Result<(), AppError>;
}

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Progress {
    /// The runs that the report holds.
    pub done: u32,
    /// The runs that it will hold.
    pub total: u32,
    /// What the line says, for people.
    pub text: String,
    /// The line, as it stands in the report.
    pub line: String,
}

/// Where lines are recorded.
pub(crate) enum Record {
    /// In a report that is created when the first line comes: a session that can't begin leaves no file.
    Unborn(PathBuf),
    /// In a report.
    Report(ReportWriter),
    /// By whoever listens.
    Nowhere,
}

impl Record {
    fn take(&mut self, line: &Line) -> io::Result<()> {
        match self {
            Record::Unborn(path) => {
                *self = Record::Report(ReportWriter::create(path, line).map_err(io::Error::other)?);
                Ok(())
            }
            Record::Report(writer) => writer.append(line),
            Record::Nowhere => Ok(()),
        }
    }
}

/// Hands lines on to the report at once, and to the app except in a measured region: there they wait for its end.
pub(crate) struct Relay {
    record: Record,
    listener: Arc<dyn Listener>,
    job: Job,
    variants: Vec<Variant>,
    done: u32,
    held: Option<Vec<Line>>,
}

impl Relay {
    /// For the session of `assignment`.
    pub fn new(assignment: &Assignment, record: Record, listener: Arc<dyn Listener>) -> Self {
        let Assignment { job, variants, done, .. } = assignment;
        let done = done.len() as u32;
        Relay { record, listener, job: job.clone(), variants: variants.clone(), done, held: None }
    }

    /// Takes the next line.
    pub fn take(&mut self, line: &Line) -> io::Result<()> {
        self.record.take(line)?;
        match (phase(line), &mut self.held) {
            (
                Some(PhaseName::Load | PhaseName::Context | PhaseName::Prefill | PhaseName::Decode),
                Some(held),
            ) => {
                held.push(line.clone());
                Ok(())
            }
            (phase, _) => {
                self.release()?;
                self.tell(line)?;
                self.held = (phase == Some(PhaseName::Measure)).then(Vec::new);
                Ok(())
            }
        }
    }

    fn release(&mut self) -> io::Result<()> {
        self.held.take().unwrap_or_default().iter().try_for_each(|line| self.tell(line))
    }

    fn tell(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::Variant(variant) => self.variants.push(variant.clone()),
            Line::Run(_) => self.done += 1,
            _ => {}
        }
        let total = cases(&self.job, &self.variants).len() * self.job.blocks.get() as usize;
        let json = String::from_utf8_lossy(bytes(line).trim_ascii_end()).into_owned();
        let progress = Progress { done: self.done, total: total as u32, text: text(line), line: json };
        self.listener.told(progress).map_err(io::Error::other)
    }
}

fn phase(line: &Line) -> Option<PhaseName> {
    match line {
        Line::Phase(phase) => Some(phase.phase),
        _ => None,
    }
}

fn text(line: &Line) -> String {
    match line {
        Line::Header(header) => format!("session {}", header.session),
        Line::Variant(variant) => variant.name.clone(),
        Line::Plan(plan) => format!("{} cases", plan.cases),
        Line::Phase(Phase { phase, case: Some(case), .. }) => format!("{case}: {phase}"),
        Line::Phase(Phase { phase, variant: Some(variant), .. }) => format!("{variant}: {phase}"),
        Line::Phase(Phase { phase, .. }) => phase.to_string(),
        Line::Wait(wait) => format!("cooled for {} s: {}", wait.waited_ns / 1_000_000_000, wait.status),
        Line::Redo(redo) => format!("{}: throttled, once more", redo.case),
        Line::Run(run) => match &run.error {
            None => format!("{}: {}", run.case, run.status),
            Some(error) => format!("{}: {}: {error}", run.case, run.status),
        },
        Line::End(end) => end.status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use packbench_core::record::wire::Purpose;
    use packbench_core::session::new_name;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Listener for Heard {
        fn told(&self, progress: Progress) -> Result<(), AppError> {
            self.0.lock().expect("no test panics in here").push(progress.text);
            Ok(())
        }
    }

    #[test]
    fn the_app_hears_of_a_measured_region_when_it_is_over() {
        let heard = Arc::new(Heard::default());
        let assignment = Assignment::new(Purpose::Measure, Job::default(), new_name(), None);
        let mut relay = Relay::new(&assignment, Record::Nowhere, heard.clone());
        let mut heard_after = |phase| {
            relay.take(&Line::Phase(Phase { phase, variant: None, case: None, block: None })).unwrap();
            std::mem::take(&mut *heard.0.lock().unwrap())
        };
        assert_eq!(heard_after(PhaseName::Prove), ["prove"]);
        assert_eq!(heard_after(PhaseName::Measure), ["measure"], "it hears that one begins before it does");
        for inner in [PhaseName::Load, PhaseName::Context, PhaseName::Prefill, PhaseName::Decode] {
            assert!(heard_after(inner).is_empty());
        }
        let after = ["load", "context", "prefill", "decode", "account"];
        assert_eq!(heard_after(PhaseName::Account), after);
        assert_eq!(heard_after(PhaseName::Open), ["open"]);
    }
}
