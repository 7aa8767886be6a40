//! The report's file, and how a session goes on from it.

use std::io;
use std::path::Path;

use crate::job::Model;
use crate::os::{AppendError, AppendFile};
use crate::record::wire::{Assignment, Purpose};
use crate::record::{Line, Phase, ReadError, Report, Run, RunKey};

/// Appends lines to a report that no other process writes to.
#[derive(Debug)]
pub struct ReportWriter {
    file: AppendFile,
}

/// Why a session can't go on from a report.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The file can't be opened.
    #[error(transparent)]
    File(#[from] AppendError),
    /// It isn't a report.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ReportWriter {
    /// A new report whose first line is `header`. Nothing appears under `path` before that line is whole.
    pub fn create(path: &Path, header: &Line) -> Result<Self, AppendError> {
        Ok(ReportWriter { file: AppendFile::create(path, &bytes(header))? })
    }

    /// Opens the report at `path` to go on with it. The end of a line that was never finished is cut off.
    pub fn resume(path: &Path) -> Result<(Self, Report), ResumeError> {
        let mut file = AppendFile::open(path)?;
        let report = Report::read(&file.read()?)?;
        file.truncate(report.whole_bytes)?;
        Ok((ReportWriter { file }, report))
    }

    /// Appends a line and hands it to the system.
    pub fn append(&mut self, line: &Line) -> io::Result<()> {
        self.file.append(&bytes(line))
    }
}

/// A line as it stands in a report.
pub fn bytes(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("lines hold no map with keys that aren't strings");
    bytes.push(b'\n');
    bytes
}

/// Records the run that `report` breaks off in as killed, and leaves it out of what `assignment` has yet to do: an app that
/// dies of a run would meet it each time that it goes on.
pub fn bury(writer: &mut ReportWriter, report: &Report, assignment: &mut Assignment) -> io::Result<()> {
    let Some(Phase { phase, case: Some(case), block: Some(block), .. }) = &report.breaks_off_in else {
        return Ok(());
    };
    let segment = report.headers.iter().map(|header| header.segment).max().unwrap_or(0);
    let key = RunKey { case: case.clone(), block: *block };
    writer.append(&Line::Run(Run::killed(key.clone(), segment, *phase, "the report breaks off there")))?;
    assignment.done.push(key);
    Ok(())
}

/// What is left to do of the session that `report` is of; `models` say where its files lie.
pub fn go_on(report: &Report, models: Vec<Model>) -> Assignment {
    let header = report.header();
    let segment = report.headers.iter().map(|header| header.segment).max().unwrap_or(0) + 1;
    let mut job = report.job().clone();
    job.models = models;
    Assignment {
        segment,
        done: report.done(),
        plan: report.plan.clone(),
        variants: report.variants.clone(),
        began: Some(Box::new(header.clone())),
        ..Assignment::new(Purpose::Measure, job, header.session.clone(), None)
    }
}
