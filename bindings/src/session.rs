//! A session within an app.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use packbench_core::job::{Job, Model};
use packbench_core::os::{self, Told};
use packbench_core::record::wire::{Assignment, FreshProcess, Purpose};
use packbench_core::record::{self, End, Line};
use packbench_core::session::{self, ReportWriter, bury, go_on};

use crate::error::no_panic;
use crate::phone::Asked;
use crate::relay::{Record, Relay};
use crate::{Listener, PackbenchError, Phone};

/// One process measures one thing at a time: two sessions would measure each other.
static MEASURING: Mutex<()> = Mutex::new(());

/// One session, and what cancels it.
#[derive(Default, uniffi::Object)]
pub struct Session {
    cancelled: AtomicBool,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Outcome {
    /// Why it ended.
    pub status: EndStatus,
    /// The runs that the report holds now.
    pub runs: u64,
    /// The runs that are still missing.
    pub missing: u64,
    /// The runs that failed in this segment.
    pub failed: u64,
    /// Why no verdict can be told from the report, in words; null when one can.
    pub problem: Option<String>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum EndStatus {
    /// Nothing is missing.
    Complete,
    /// It was cancelled.
    Cancelled,
    /// The budget was used up.
    Budget,
}

/// How far this process carried a session that is driven from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Carried {
    /// To its end.
    Through,
    /// To a run that takes a fresh process: what is left is for another one.
    SoFar,
}

#[uniffi::export]
impl Session {
    /// A session that hasn't begun.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Carries out `job` in this process and writes the report to `report`, where nothing may be yet. Keeps payload
    /// hashes and weight traces in `cache`. Ends when the session does: call it on a thread of its own.
    ///
    /// # Errors
    /// [`PackbenchError`]; what was finished is in the report.
    pub fn run(
        &self,
        job: &str,
        report: &str,
        cache: &str,
        phone: Arc<dyn Phone>,
        listener: Arc<dyn Listener>,
    ) -> Result<Outcome, PackbenchError> {
        no_panic(|| {
            let job = Job::from_json(job).map_err(|error| PackbenchError::job(&error))?;
            let assignment = Assignment::new(Purpose::Measure, job, session::new_name(), Some(cache.into()));
            self.record(assignment, Record::Unborn(report.into()), false, phone, listener)
        })
    }

    /// Goes on with the session of the report at `report`, whose models lie where `models` say, by name.
    ///
    /// # Errors
    /// [`PackbenchError`]; what was finished is in the report.
    pub fn resume(
        &self,
        report: &str,
        models: HashMap<String, String>,
        cache: &str,
        phone: Arc<dyn Phone>,
        listener: Arc<dyn Listener>,
    ) -> Result<Outcome, PackbenchError> {
        no_panic(|| {
            let (mut writer, earlier) =
                ReportWriter::resume(Path::new(report)).map_err(|error| PackbenchError::report(&error))?;
            let path = |name: &str| models.get(name).map(PathBuf::from);
            let named = |model: &Model| Model { path: path(&model.name), ..model.clone() };
            let models = earlier.job().models.iter().map(named).collect();
            let mut assignment = Assignment { cache_dir: Some(cache.into()), ..go_on(&earlier, models) };
            bury(&mut writer, &earlier, &mut assignment).map_err(|error| PackbenchError::report(&error))?;
            self.record(assignment, Record::Report(writer), earlier.has_measured(), phone, listener)
        })
    }

    /// Carries out as much as this process can of an assignment that `packbench run` on a computer hands out. The lines
    /// of the report go to `listener` alone.
    ///
    /// # Errors
    /// [`PackbenchError`].
    pub fn carry_out(
        &self,
        assignment: &str,
        phone: Arc<dyn Phone>,
        listener: Arc<dyn Listener>,
    ) -> Result<Carried, PackbenchError> {
        no_panic(|| {
            let assignment =
                Assignment::from_json(assignment).map_err(|error| PackbenchError::job(&error))?;
            let mut relay = Relay::new(&assignment, Record::Nowhere, listener);
            match self.measure(&assignment, phone, &mut |line| relay.take(line))? {
                session::Carried::Through => Ok(Carried::Through),
                session::Carried::SoFar => Ok(Carried::SoFar),
            }
        })
    }

    /// Asks it to stop after the run under way; before it has begun, to end as soon as it does.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Session {
    /// In this process alone, into a report, in which something has been `measured` before or not.
    fn record(
        &self,
        assignment: Assignment,
        record: Record,
        measured: bool,
        phone: Arc<dyn Phone>,
        listener: Arc<dyn Listener>,
    ) -> Result<Outcome, PackbenchError> {
        let assignment = Assignment { fresh_process: FreshProcess::Unavailable, ..assignment };
        let mut relay = Relay::new(&assignment, record, listener);
        let (mut end, mut failed, mut measured) = (None, 0, measured);
        self.measure(&assignment, phone, &mut |line| {
            relay.take(line)?;
            match line {
                Line::Run(run) if run.status == record::Status::Ok => measured = true,
                Line::Run(_) => failed += 1,
                Line::End(told) => end = Some(told.clone()),
                _ => {}
            }
            Ok(())
        })?;
        let end: End = end.expect("a session that was carried through has told its end");
        let problem = end.problem(measured).map(str::to_owned);
        let End { status, runs, missing } = end;
        Ok(Outcome { status: status.into(), runs, missing, failed, problem })
    }

    fn measure(
        &self,
        assignment: &Assignment,
        phone: Arc<dyn Phone>,
        sink: &mut session::Sink<'_>,
    ) -> Result<session::Carried, PackbenchError> {
        let _alone = alone()?;
        let os = Told::new(os::host(), Asked::new(phone)?);
        Ok(packbench_agent::carry_out(&os, assignment, &self.cancelled, sink)?)
    }
}

fn alone() -> Result<MutexGuard<'static, ()>, PackbenchError> {
    match MEASURING.try_lock() {
        Ok(alone) => Ok(alone),
        // It guards nothing that a panic could have left half done.
        Err(TryLockError::Poisoned(left)) => Ok(left.into_inner()),
        Err(TryLockError::WouldBlock) => Err(PackbenchError::Busy),
    }
}

impl From<record::EndStatus> for EndStatus {
    fn from(status: record::EndStatus) -> Self {
        match status {
            record::EndStatus::Complete => EndStatus::Complete,
            record::EndStatus::Cancelled => EndStatus::Cancelled,
            record::EndStatus::Budget => EndStatus::Budget,
        }
    }
}
