//! Questions to files: what a model holds, what a report shows.

use std::error::Error;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use packbench_core::compare::{self, Allowed};
use packbench_core::error::chain;
use packbench_core::job::CacheState;
use packbench_core::layout::{ModelFiles, OrderError};
use packbench_core::os::{self, Existing};
use packbench_core::record::{INSPECTION_SCHEMA, Inspections, Outcome, ReadBack, Report, Status};
use packbench_core::repack::{self, Repacking};
use packbench_core::session::go_on;
use packbench_core::stats::Summary;

use crate::PackbenchError;
use crate::error::no_panic;

/// What is asked of a report. Words are those of `packbench compare`.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Question {
    /// The field in which the arms differ; several are separated by commas.
    pub by: String,
    /// What of their runs is compared.
    #[uniffi(default = "wall_ns")]
    pub metric: String,
    /// The arm to compare against; the first in the order of the job when null.
    #[uniffi(default = None)]
    pub base: Option<String>,
    /// The smallest relative change that matters.
    #[uniffi(default = 0.05)]
    pub threshold: f64,
    /// What is compared all the same.
    #[uniffi(default = [])]
    pub allow: Vec<String>,
}

/// An answer.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Comparison {
    /// As `packbench compare --json` prints it.
    pub json: String,
    /// What it tells a CI job.
    pub gate: Gate,
}

/// Whether a CI job passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Gate {
    /// No arm is seen to be worse by the threshold, which an inconclusive one may be all the same.
    Passed,
    /// Some arm's whole interval lies beyond the threshold.
    Regression,
    /// Some arms could not be compared.
    Invalid,
}

/// How long a case took, over the blocks of a report.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Median {
    /// The case, for people.
    pub case: String,
    /// Whether it began cold.
    pub cold: bool,
    /// Runs that were measured.
    pub runs: u32,
    /// The median of their wall times.
    pub median_ns: f64,
    /// The shortest.
    pub least_ns: f64,
    /// The longest.
    pub most_ns: f64,
}

/// What the model file at `path` holds, as `packbench inspect --json` prints it.
///
/// # Errors
/// [`PackbenchError::Model`].
#[uniffi::export]
pub fn inspect(path: &str) -> Result<String, PackbenchError> {
    no_panic(|| {
        let read = || -> Result<_, Box<dyn Error>> {
            let models = vec![ModelFiles::open(&os::host(), Path::new(path))?.layout()?.inspect(None)?];
            let schema = INSPECTION_SCHEMA.to_owned();
            Ok(serde_json::to_string_pretty(&Inspections { schema, models, moves: Vec::new() })?)
        };
        read().map_err(|error| PackbenchError::Model { reason: chain(&*error) })
    })
}

/// Makes a file at `target`, where nothing may be yet, of the tensors of the model at `source`, in another order: an
/// arrangement, such as `forward:align=16384`. Answers as `packbench repack --json` does.
///
/// # Errors
/// [`PackbenchError::Job`] for what is no arrangement, else [`PackbenchError::Model`]; then there is no new file.
#[uniffi::export]
pub fn repack(source: &str, target: &str, order: &str) -> Result<String, PackbenchError> {
    no_panic(|| {
        let arrangement = order.parse().map_err(|error: OrderError| PackbenchError::job(&error))?;
        let repacking = Repacking {
            model: Path::new(source),
            out: Path::new(target),
            arrangement: &arrangement,
            merge: false,
            existing: Existing::Keep,
            read_back: ReadBack::Memory,
        };
        let repacked = repack::repack(&os::host(), &repacking, &AtomicBool::new(false), &mut |_, _| ())
            .map_err(|error| PackbenchError::Model { reason: chain(&error) })?;
        serde_json::to_string_pretty(&repacked).map_err(|error| PackbenchError::report(&error))
    })
}

/// How many runs of the report at `path` are still to be made.
///
/// # Errors
/// [`PackbenchError::Report`].
#[uniffi::export]
pub fn missing(path: &str) -> Result<u32, PackbenchError> {
    no_panic(|| {
        let report = read(path)?;
        Ok(go_on(&report, report.job().models.clone()).missing() as u32)
    })
}

/// Answers `question` from the report at `path`.
///
/// # Errors
/// [`PackbenchError::Report`], [`PackbenchError::Question`].
#[uniffi::export]
pub fn compare(path: &str, question: &Question) -> Result<Comparison, PackbenchError> {
    no_panic(|| {
        let report = read(path)?;
        let answer = compare::compare(&report, &asked(question)?)
            .map_err(|error| PackbenchError::Question { reason: chain(&error) })?;
        let json = serde_json::to_string_pretty(&answer).map_err(|error| PackbenchError::report(&error))?;
        let gate = match answer.outcome() {
            Outcome::Passed | Outcome::Inconclusive => Gate::Passed,
            Outcome::Regression => Gate::Regression,
            Outcome::Invalid => Gate::Invalid,
        };
        Ok(Comparison { json, gate })
    })
}

/// The cases of the report at `path` that were measured, in the order of its job.
///
/// # Errors
/// [`PackbenchError::Report`].
#[uniffi::export]
pub fn medians(path: &str) -> Result<Vec<Median>, PackbenchError> {
    no_panic(|| {
        let report = read(path)?;
        let median = |case| {
            let measured = report.runs.iter().filter(|run| run.case == case && run.status == Status::Ok);
            let walls = measured.filter_map(|run| Some(run.metrics.as_ref()?.wall_ns as f64));
            let walls: Vec<f64> = walls.collect();
            let Summary { median, min, max, .. } = Summary::of(walls.iter().copied())?;
            Some(Median {
                case: case.to_string(),
                cold: case.cache == CacheState::Cold,
                runs: walls.len() as u32,
                median_ns: median,
                least_ns: min,
                most_ns: max,
            })
        };
        Ok(report.cases().into_iter().filter_map(median).collect())
    })
}

fn read(path: &str) -> Result<Report, PackbenchError> {
    let refused = |error: &dyn Error| PackbenchError::Report { reason: format!("{path}: {}", chain(error)) };
    let bytes = std::fs::read(path).map_err(|error| refused(&error))?;
    Report::read(&bytes).map_err(|error| refused(&error))
}

fn asked(question: &Question) -> Result<compare::Question, PackbenchError> {
    Ok(compare::Question {
        by: question.by.split(',').map(word).collect::<Result<_, _>>()?,
        metric: word(&question.metric)?,
        base: question.base.clone(),
        threshold: question.threshold,
        allow: question.allow.iter().map(|name| word::<Allowed>(name)).collect::<Result<_, _>>()?,
    })
}

fn word<T: FromStr<Err: ToString>>(text: &str) -> Result<T, PackbenchError> {
    let unknown =
        |error: T::Err| PackbenchError::Question { reason: format!("{text:?}: {}", error.to_string()) };
    text.parse().map_err(unknown)
}
