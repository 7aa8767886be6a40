//! A report read back.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, BufRead};

use super::wire::LineError;
use super::{
    End, EndStatus, Header, Line, Phase, Plan, Redo, Run, RunKey, SCHEMA, Status, Variant, Wait, cases,
};
use crate::job::{Case, Job};

/// What a report holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// One for each segment, the oldest first. Never empty.
    pub headers: Vec<Header>,
    /// What each model file is.
    pub variants: Vec<Variant>,
    /// What was to be measured; `None` when the session died before it knew.
    pub plan: Option<Plan>,
    /// Each case measured once. A run that was killed is replaced by a later one of the same key.
    pub runs: Vec<Run>,
    /// Waits for a phone to cool down, with the segment that each came in.
    pub waits: Vec<(u32, Wait)>,
    /// Runs that were thrown away, with the segment that each was made in.
    pub redos: Vec<(u32, Redo)>,
    /// Runs that were made up for after they had been killed.
    pub redone: HashSet<RunKey>,
    /// Its last line, where that is a phase: whoever wrote it died in it.
    pub breaks_off_in: Option<Phase>,
    /// How many bytes are whole lines: what follows was being written when the process died.
    pub whole_bytes: u64,
    /// How many bytes follow those.
    pub cut_bytes: u64,
}

/// Why a report cannot be read. Lines are numbered from 1.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The first line is of something else.
    #[error(
        "line 1: found no report header, expected {{\"kind\":\"header\",\"schema\":\"{SCHEMA}\",…}}: is this a packbench report?"
    )]
    NotAReport,
    /// Another version wrote it.
    #[error(
        "line {line}: found schema {found:?}, expected {SCHEMA:?}: read it with the version of packbench that wrote it"
    )]
    Schema {
        /// The line.
        line: usize,
        /// What it says.
        found: String,
    },
    /// A line isn't what it should be.
    #[error("line {line}, column {}{}: {}", problem.column, field(problem), problem.what)]
    Line {
        /// The line.
        line: usize,
        /// What is wrong with it.
        problem: LineError,
    },
    /// The file can't be read.
    #[error("line {line}")]
    Io {
        /// The line.
        line: usize,
        /// Why not.
        source: io::Error,
    },
    /// Two lines answer the same question.
    #[error("line {line}: block {} of \"{}\" was recorded before, in line {first}: a report holds each run once", key.block, key.case)]
    Duplicate {
        /// The line.
        line: usize,
        /// The earlier one.
        first: usize,
        /// What both are of.
        key: Box<RunKey>,
    },
    /// Segments of different sessions.
    #[error(
        "line {line}: found a segment of session {found}, expected session {expected}: two reports were joined"
    )]
    OtherSession {
        /// The line.
        line: usize,
        /// The session of this segment.
        found: String,
        /// The session of the report.
        expected: String,
    },
    /// A run of a block that nobody asked for.
    #[error("line {line}, field block: found {found}, expected less than the job's {blocks} blocks")]
    Block {
        /// The line.
        line: usize,
        /// What it says.
        found: u32,
        /// As many as the headers so far ask for.
        blocks: u32,
    },
    /// A run of a segment that has no header.
    #[error("line {line}, field segment: found {found}, and no header of that segment before it")]
    Segment {
        /// The line.
        line: usize,
        /// What it says.
        found: u32,
    },
    /// One name for two models.
    #[error(
        "line {line}, field payload_hash: {name} is another model here than in an earlier line: two reports were joined"
    )]
    OtherPayload {
        /// The line.
        line: usize,
        /// The model's name.
        name: String,
    },
}

/// `, field metrics.wall_ns`
fn field(problem: &LineError) -> String {
    problem.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default()
}

impl Report {
    /// Reads a report. The end of a last line that was never finished is passed over; nothing else is.
    pub fn read(bytes: &[u8]) -> Result<Report, ReadError> {
        Self::read_from(bytes)
    }

    /// The same, line by line: a report of many runs needn't be in memory twice.
    pub fn read_from(mut source: impl BufRead) -> Result<Report, ReadError> {
        let mut reader = Reader::default();
        let (mut line, mut whole_bytes, mut text) = (1, 0, Vec::new());
        let cut_bytes = loop {
            text.clear();
            source.read_until(b'\n', &mut text).map_err(|source| ReadError::Io { line, source })?;
            if text.last() != Some(&b'\n') {
                break text.len() as u64;
            }
            reader.line(line, &text)?;
            whole_bytes += text.len() as u64;
            line += 1;
        };
        if reader.headers.is_empty() {
            return Err(ReadError::NotAReport);
        }
        let Reader { headers, variants, plan, runs, waits, redos, redone, breaks_off_in, .. } = reader;
        Ok(Report {
            headers,
            variants,
            plan,
            runs,
            waits,
            redos,
            redone,
            breaks_off_in,
            whole_bytes,
            cut_bytes,
        })
    }

    /// The header of the first segment.
    pub fn header(&self) -> &Header {
        &self.headers[0]
    }

    /// What was asked last: a resumed session may have been given more blocks.
    pub fn job(&self) -> &Job {
        &self.headers[self.headers.len() - 1].job
    }

    /// The cases that are measured, in the order of the job.
    pub fn cases(&self) -> Vec<Case> {
        cases(self.job(), &self.variants)
    }

    /// Blocks with a seam: their runs come from more than one segment. What lies between those is unknown, so these
    /// blocks are not paired. A run that was killed and redone leaves its block whole; it alone isn't paired.
    pub fn seams(&self) -> BTreeSet<u32> {
        let mut segments: HashMap<u32, u32> = HashMap::new();
        let crosses = |run: &&Run| *segments.entry(run.block).or_insert(run.segment) != run.segment;
        let first_tries = self.runs.iter().filter(|run| !self.redone.contains(&run.key()));
        first_tries.filter(crosses).map(|run| run.block).collect()
    }

    /// Whether any run of it came to something.
    pub fn has_measured(&self) -> bool {
        self.runs.iter().any(|run| run.status == Status::Ok)
    }

    /// Runs that need not be made again when the session is resumed.
    pub fn done(&self) -> Vec<RunKey> {
        self.runs.iter().filter(|run| run.status != Status::Killed).map(Run::key).collect()
    }
}

impl End {
    /// Why no verdict can be told from a report that ends so, and in which something was `measured` or not; `None` when one
    /// can.
    pub fn problem(&self, measured: bool) -> Option<&'static str> {
        match self.status {
            EndStatus::Cancelled => Some("the session was cancelled"),
            EndStatus::Complete | EndStatus::Budget if !measured => {
                Some("every run failed: the report says why")
            }
            EndStatus::Complete | EndStatus::Budget => None,
        }
    }
}

#[derive(Default)]
struct Reader {
    headers: Vec<Header>,
    variants: Vec<Variant>,
    plan: Option<Plan>,
    runs: Vec<Run>,
    waits: Vec<(u32, Wait)>,
    redos: Vec<(u32, Redo)>,
    redone: HashSet<RunKey>,
    breaks_off_in: Option<Phase>,
    /// Where each run stands: in `runs`, and in which line.
    seen: HashMap<RunKey, (usize, usize)>,
}

impl Reader {
    fn line(&mut self, number: usize, text: &[u8]) -> Result<(), ReadError> {
        let parsed = Line::read(text);
        if self.headers.is_empty() && !matches!(parsed, Ok(Line::Header(_))) {
            return Err(not_a_header(number, text, parsed));
        }
        self.breaks_off_in = None;
        match parsed.map_err(|problem| ReadError::Line { line: number, problem })? {
            Line::Header(header) => self.header(number, header),
            Line::Variant(variant) => self.variant(number, variant),
            Line::Plan(plan) => {
                self.plan.get_or_insert(plan);
                Ok(())
            }
            Line::Run(run) => self.run(number, run),
            Line::Wait(wait) => {
                self.waits.push((self.segment(), wait));
                Ok(())
            }
            Line::Redo(redo) => {
                self.redos.push((self.segment(), redo));
                Ok(())
            }
            Line::Phase(phase) => {
                self.breaks_off_in = Some(phase);
                Ok(())
            }
            Line::End(_) => Ok(()),
        }
    }

    /// That of the lines read now.
    fn segment(&self) -> u32 {
        self.headers.last().map_or(0, |header| header.segment)
    }

    fn header(&mut self, line: usize, header: Header) -> Result<(), ReadError> {
        if header.schema != SCHEMA {
            return Err(ReadError::Schema { line, found: header.schema });
        }
        if let Some(first) = self.headers.first().filter(|first| first.session != header.session) {
            let expected = first.session.clone();
            return Err(ReadError::OtherSession { line, found: header.session, expected });
        }
        self.headers.push(header);
        Ok(())
    }

    /// A later segment says it again.
    fn variant(&mut self, line: usize, variant: Variant) -> Result<(), ReadError> {
        let other =
            |known: &&Variant| known.name == variant.name && known.payload_hash != variant.payload_hash;
        if self.variants.iter().any(|known| other(&known)) {
            return Err(ReadError::OtherPayload { line, name: variant.name });
        }
        self.variants.retain(|known| known.name != variant.name);
        self.variants.push(variant);
        Ok(())
    }

    fn run(&mut self, line: usize, run: Run) -> Result<(), ReadError> {
        let blocks = self.headers.iter().map(|header| header.job.blocks.get()).max().unwrap_or(0);
        if run.block >= blocks {
            return Err(ReadError::Block { line, found: run.block, blocks });
        }
        if self.headers.iter().all(|header| header.segment != run.segment) {
            return Err(ReadError::Segment { line, found: run.segment });
        }
        let key = run.key();
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, (self.runs.len(), line));
                self.runs.push(run);
            }
            Some(&(place, _)) if self.runs[place].status == Status::Killed => {
                self.seen.insert(key.clone(), (place, line));
                self.redone.insert(key);
                self.runs[place] = run;
            }
            Some(&(_, first)) => return Err(ReadError::Duplicate { line, first, key: Box::new(key) }),
        }
        Ok(())
    }
}

/// A header of another schema may not even have this one's fields; its name is still worth saying.
fn not_a_header(line: usize, text: &[u8], parsed: Result<Line, LineError>) -> ReadError {
    let value: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    let schema = value.as_ref().and_then(|value| value.get("schema")?.as_str());
    match (schema, parsed) {
        (Some(found), _) if found != SCHEMA => ReadError::Schema { line, found: found.to_owned() },
        (Some(_), Err(problem)) => ReadError::Line { line, problem },
        _ => ReadError::NotAReport,
    }
}
