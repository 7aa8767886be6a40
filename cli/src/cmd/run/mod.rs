//! `packbench run`

mod args;
mod drive;
mod journal;
mod remember;

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
pub use args::{Args, lay_over, model, read_job};
use drive::{Outcome, drive};
use journal::Journal;
use packbench_core::compare::{Question, compare};
use packbench_core::job::{Field, Job, Model};
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{End, EndStatus, Line, Metric, Report, Run, Status, Variant, cases};
use packbench_core::session::{self, COPIES_FOLDER, ReportWriter};

use crate::cache::cache_dir;
use crate::page::Quality;
use crate::shell::quoted;
use crate::target::Place;
use crate::{exit, render};

/// Carries out what was asked.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let quality = super::report::quality(&args.with)?;
    super::report::only_evaluations(&quality)?;
    match (args.purpose(), &args.resume) {
        (Purpose::Measure, Some(report)) => resume(&args, report, &quality),
        (Purpose::Measure, None) => measure(&args, &quality),
        (Purpose::Estimate, _) => list(&args),
        (Purpose::Verify, _) => verify(&args),
    }
}

fn assignment(args: &Args) -> anyhow::Result<Assignment> {
    let job = args.job()?;
    job.check()?;
    Ok(Assignment::new(args.purpose(), job, session::new_name(), cache_dir()))
}

fn measure(args: &Args, quality: &Quality) -> anyhow::Result<ExitCode> {
    let path = args.out.clone().unwrap_or_else(default_report_name);
    let outcome = begin(&args.place, assignment(args)?, &path, args.json)?;
    conclude(args, &path, outcome, quality)
}

/// Carries out `assignment` into a new report at `path`.
fn begin(place: &Place, assignment: Assignment, path: &Path, json: bool) -> anyhow::Result<Outcome> {
    remember::paths(&assignment);
    // Found out now, not after minutes of hashing.
    if path.exists() {
        bail!("{} exists: continue it with --resume, or choose another name with --out", path.display());
    }
    driven(place, assignment, path, &mut Journal::new(path, json))
}

/// Whatever ends the session, its error says how to go on with what was finished.
fn driven(
    place: &Place,
    assignment: Assignment,
    path: &Path,
    journal: &mut Journal,
) -> anyhow::Result<Outcome> {
    let outcome = place.open().and_then(|target| drive(&*target, assignment, journal));
    let kept = || {
        let (path, command) = (path.display(), command(place, path));
        format!("what was finished is in {path}, and {command} goes on with it")
    };
    if path.exists() { outcome.with_context(kept) } else { outcome }
}

/// Carries out `job` at `place` into the report at `path`: a new one, or what is missing of one that was cut short. Whether
/// the session came to its end; an agent that refused has said why.
///
/// # Errors
/// Also when the device went away.
pub fn measured(place: &Place, job: Job, path: &Path) -> anyhow::Result<bool> {
    job.check()?;
    let outcome = match path.exists() {
        false => {
            let assignment = Assignment::new(Purpose::Measure, job, session::new_name(), cache_dir());
            Some(begin(place, assignment, path, false)?)
        }
        true => go_on(place, path, &job.models, Some(job.blocks), false)?,
    };
    match outcome {
        Some(Outcome::Lost { how }) => bail!("the device went away: {how}. The same command goes on"),
        Some(Outcome::Ended(End { status: EndStatus::Complete | EndStatus::Budget, .. })) | None => Ok(true),
        Some(_) => Ok(false),
    }
}

fn default_report_name() -> PathBuf {
    PathBuf::from(format!("packbench-{}.jsonl", jiff::Zoned::now().strftime("%Y%m%d-%H%M%S")))
}

fn resume(args: &Args, path: &Path, quality: &Quality) -> anyhow::Result<ExitCode> {
    match go_on(&args.place, path, &args.models()?, args.blocks, args.json)? {
        Some(outcome) => conclude(args, path, outcome, quality),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// What is missing of the report at `path`; `None` when nothing is.
fn go_on(
    place: &Place,
    path: &Path,
    named: &[Model],
    blocks: Option<NonZeroU32>,
    json: bool,
) -> anyhow::Result<Option<Outcome>> {
    let (writer, report) =
        ReportWriter::resume(path).with_context(|| format!("resuming {}", path.display()))?;
    let header = report.header();
    let models = remember::models(&header.session, &header.job, named)?;
    let mut assignment = session::go_on(&report, models);
    if let Some(blocks) = blocks {
        assignment.job.blocks = blocks;
    }
    assignment.cache_dir = cache_dir();
    let missing = assignment.missing();
    if missing == 0 {
        let more = assignment.job.blocks.get() + 6;
        eprintln!("{} is complete. To add blocks: --blocks {more}", path.display());
        return Ok(None);
    }
    eprintln!("{missing} runs are missing");
    let mut journal = Journal::resumed(path, writer, json);
    Ok(Some(driven(place, assignment, path, &mut journal)?))
}

/// Shows what was measured, and what to type next.
fn conclude(args: &Args, path: &Path, outcome: Outcome, quality: &Quality) -> anyhow::Result<ExitCode> {
    let end = match outcome {
        Outcome::Ended(end) => end,
        Outcome::Lost { how } if path.exists() => bail!(
            "the device went away: {how}. What was finished is in {}: bring it back and go on with: {}",
            path.display(),
            command(&args.place, path)
        ),
        outcome => return unmeasured(outcome),
    };
    let report = super::compare::read(path)?;
    if !args.json {
        let mut out = io::stdout().lock();
        write!(out, "{}", super::report::tables(&report, quality))?;
        if args.aa {
            write!(out, "\n{}", render::comparisons(&compare(&report, &question(&[Field::Variant]))?))?;
        }
        writeln!(out, "\nReport: {}", path.display())?;
        if report.job().models.iter().any(|model| model.arrangement.is_some()) {
            writeln!(
                out,
                "Copies: in {COPIES_FOLDER}, beside the model; remove what you don't need any more"
            )?;
        }
        if let Some(next) = next(args, path, &report, &end) {
            writeln!(out, "{next}")?;
        }
    }
    Ok(match end.status {
        EndStatus::Cancelled => ExitCode::from(exit::INTERRUPTED),
        EndStatus::Complete | EndStatus::Budget if !report.has_measured() => ExitCode::from(exit::INVALID),
        EndStatus::Complete | EndStatus::Budget => ExitCode::SUCCESS,
    })
}

/// The command that goes on with a report.
fn command(place: &Place, path: &Path) -> String {
    format!("packbench run --resume {}{}", quoted(&path.to_string_lossy()), place.flags())
}

fn next(args: &Args, path: &Path, report: &Report, end: &End) -> Option<String> {
    let (go_on, path) = (command(&args.place, path), quoted(&path.to_string_lossy()));
    let go_on = format!("{} runs missing. Go on with: {go_on}", end.missing);
    match end.status {
        EndStatus::Complete if args.aa => None,
        EndStatus::Complete => {
            let by = first_comparison(report)?;
            Some(format!("Next:   packbench compare {path} --by {by}"))
        }
        EndStatus::Cancelled => Some(format!("Stopped with {go_on}")),
        EndStatus::Budget => Some(format!("The budget was used up with {go_on}")),
    }
}

/// Fields in which arms can be compared; the models first, for they are what was named. Where a model is arranged
/// in other ways, they are held against policies.
fn first_comparison(report: &Report) -> Option<String> {
    let arranged = report.job().models.iter().any(|model| model.arrangement.is_some());
    let both = arranged.then_some(&[Field::Variant, Field::Policy][..]);
    let fields = [Field::Variant, Field::Policy, Field::Pattern, Field::Prompt, Field::IoSize, Field::Cache];
    let mut questions = both.into_iter().chain(fields.iter().map(std::slice::from_ref));
    questions
        .find(|by| compare(report, &question(by)).is_ok())
        .map(|by| by.iter().map(Field::to_string).collect::<Vec<_>>().join(","))
}

fn question(by: &[Field]) -> Question {
    Question { by: by.to_vec(), metric: Metric::WallNs, base: None, threshold: 0.05, allow: Vec::new() }
}

fn list(args: &Args) -> anyhow::Result<ExitCode> {
    let assignment = assignment(args)?;
    let job = assignment.job.clone();
    let mut journal = Journal::unrecorded(args.json);
    let outcome = drive(&*args.place.open()?, assignment, &mut journal)?;
    let Outcome::Planned(plan) = outcome else { return unmeasured(outcome) };
    if !args.json {
        let variants: Vec<Variant> = journal.lines().iter().filter_map(variant_of).cloned().collect();
        let text = render::plan(&cases(&job, &variants), job.blocks.get(), &plan);
        write!(io::stdout().lock(), "{text}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &Args) -> anyhow::Result<ExitCode> {
    let mut journal = Journal::unrecorded(args.json);
    let outcome = drive(&*args.place.open()?, assignment(args)?, &mut journal)?;
    let Outcome::Ended(_) = outcome else { return unmeasured(outcome) };
    let runs: Vec<&Run> = journal.lines().iter().filter_map(run_of).collect();
    if !args.json {
        write!(io::stdout().lock(), "{}", render::verified(&runs))?;
    }
    let failed = runs.iter().any(|run| run.status != Status::Ok);
    Ok(if failed { ExitCode::from(exit::INVALID) } else { ExitCode::SUCCESS })
}

/// What was to be listed or tried didn't come to its end.
fn unmeasured(outcome: Outcome) -> anyhow::Result<ExitCode> {
    match outcome {
        Outcome::Lost { how } => bail!("the device went away: {how}"),
        _ => Ok(ExitCode::from(exit::INVALID)),
    }
}

fn variant_of(line: &Line) -> Option<&Variant> {
    match line {
        Line::Variant(variant) => Some(variant),
        _ => None,
    }
}

fn run_of(line: &Line) -> Option<&Run> {
    match line {
        Line::Run(run) => Some(run),
        _ => None,
    }
}

/// The models of a job, as names and paths.
fn names(job: &Job) -> impl Iterator<Item = (&str, &Path)> {
    job.models.iter().filter_map(|Model { name, path, .. }| Some((name.as_str(), path.as_deref()?)))
}
