//! Where the lines of a session go: into the report, onto standard output, past the eyes of whoever waits.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use packbench_core::record::Line;
use packbench_core::session::{self, ReportWriter};

use crate::render::Progress;

/// Takes each line as soon as it is known.
pub struct Journal {
    record: Record,
    json: bool,
    progress: Progress,
}

enum Record {
    /// Begun when the first line comes, so that a session that can't begin leaves no file.
    Unborn(PathBuf),
    Report {
        path: PathBuf,
        writer: ReportWriter,
    },
    Memory(Vec<Line>),
}

impl Journal {
    /// A new report at `path`.
    pub fn new(path: &Path, json: bool) -> Self {
        Journal { record: Record::Unborn(path.to_owned()), json, progress: Progress::new() }
    }

    /// The report at `path`, to be gone on with.
    pub fn resumed(path: &Path, writer: ReportWriter, json: bool) -> Self {
        Journal { record: Record::Report { path: path.to_owned(), writer }, json, progress: Progress::new() }
    }

    /// No report.
    pub fn unrecorded(json: bool) -> Self {
        Journal { record: Record::Memory(Vec::new()), json, progress: Progress::new() }
    }

    /// The lines that weren't recorded.
    pub fn lines(&self) -> &[Line] {
        match &self.record {
            Record::Memory(lines) => lines,
            Record::Unborn(_) | Record::Report { .. } => &[],
        }
    }

    /// How many runs the session will have come to, and how many it has.
    pub fn expect(&mut self, total: usize, done: usize) {
        self.progress.expect(total, done);
    }

    /// Takes a line.
    pub fn take(&mut self, line: &Line) -> anyhow::Result<()> {
        match &mut self.record {
            Record::Unborn(path) => {
                let writer = ReportWriter::create(path, line)?;
                self.record = Record::Report { path: path.clone(), writer };
            }
            Record::Report { path, writer } => {
                writer.append(line).with_context(|| {
                    format!(
                        "writing {}: what was finished is in it; make room and go on with --resume",
                        path.display()
                    )
                })?;
            }
            Record::Memory(lines) => lines.push(line.clone()),
        }
        if self.json {
            let mut out = io::stdout().lock();
            out.write_all(&session::bytes(line))?;
            out.flush()?;
        }
        self.progress.show(line);
        Ok(())
    }
}
