//! `packbench ci`

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::compare::{
    Allowed, CompareError, Incomparable, Question, blocks_needed_by, blocks_to_gate, compare, gate_together,
    outcome,
};
use packbench_core::job::{CacheState, Field, Job, Model, Policy, ProbeKind, Prompt};
use packbench_core::record::{Comparisons, Metric, Outcome, Report, SUMMARY_SCHEMA, Summary};

use super::compare as comparing;
use super::output::{write, write_json};
use super::run::{lay_over, measured, model, read_job};
use crate::named::{named, policy};
use crate::page::{Page, Quality, Source};
use crate::target::Place;
use crate::words::count;
use crate::{exit, interrupt, render};

/// What lies in the folder.
const REPORT: &str = "report.jsonl";
const SUMMARY: &str = "summary.json";

/// Arguments of `ci`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Both models are measured in one session, interleaved in blocks of drawn order, and held against each other. Into the folder
go report.jsonl, summary.json, summary.md, junit.xml and report.html (docs/CI.md). A session that was cut short goes on
when the same command is given again.

Examples:
  packbench ci --base main.gguf --cand branch.gguf
  packbench ci --base main.gguf --cand branch.gguf --policy normal,stream --blocks 20 --threshold 3%
  packbench ci --base gate.json --cand branch.gguf --metric wall_ns,major_faults
  packbench ci --base main.gguf --cand branch.gguf &&
      jq --exit-status '.outcome == \"passed\"' packbench-ci/summary.json

Exit codes: 0 no regression was seen (passed, or inconclusive: summary.json tells which), 1 the candidate is worse by more\nthan the threshold, 2 nothing valid to say, or the device was lost and the same command goes on, 130 interrupted.")]
pub struct Args {
    /// The model that is compared against, or a job (.json) that names it and what to measure.
    #[arg(long, value_name = "MODEL|JOB")]
    base: PathBuf,
    /// The model that may be worse.
    #[arg(long, value_name = "MODEL")]
    cand: PathBuf,
    /// The folder for what comes of it; made when it isn't there.
    #[arg(long, value_name = "FOLDER", default_value = "packbench-ci")]
    out: PathBuf,
    #[command(flatten)]
    place: Place,
    /// What to measure [default: first_token].
    #[arg(long, value_delimiter = ',', value_parser = named::<ProbeKind>())]
    probe: Vec<ProbeKind>,
    /// How the weights come in [default: stock_load, what apps ship].
    #[arg(long, value_delimiter = ',', value_parser = policy())]
    policy: Vec<Policy>,
    /// From which state of the page cache [default: cold].
    #[arg(long, value_delimiter = ',', value_parser = named::<CacheState>())]
    cache: Vec<CacheState>,
    /// Lengths of the prompt before the first token [default: 1].
    #[arg(long, value_name = "N", value_delimiter = ',')]
    prompt_tokens: Vec<u32>,
    /// How often each case is measured [default: 12]. The more is gated, the more blocks it takes.
    #[arg(long, value_name = "N")]
    blocks: Option<NonZeroU32>,
    /// The longest that it may take, such as 90s or 15m [default: 15m].
    #[arg(long, value_name = "TIME")]
    budget: Option<humantime::Duration>,
    /// What gates. Several metrics are held to the same error together and take at least 10 blocks.
    #[arg(long, value_delimiter = ',', value_parser = named::<Metric>(), default_value = "wall_ns", hide_possible_values = false)]
    metric: Vec<Metric>,
    /// The smallest change that matters, such as 5% or 0.05.
    #[arg(long, value_parser = comparing::fraction, default_value = "5%")]
    threshold: f64,
    /// Compare in spite of this: page_size, device, tool, NotCold or NotWarm. Models may differ: that is the question.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow: Vec<Allowed>,
}

/// Measures, compares, writes, and turns the outcome into an exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let job = args.job()?;
    let metrics = args.metric.len();
    let least = blocks_to_gate(metrics as u32, metrics);
    if job.blocks.get() < least {
        let gated = count(metrics as u32, "metric");
        bail!("found {} blocks, expected at least {least} to gate {gated}: --blocks", job.blocks);
    }
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let path = args.out.join(REPORT);
    may_be_written(&args.out, &path, &job)?;
    if !measured(&args.place, job.clone(), &path)? {
        if path.exists() {
            eprintln!("not finished: the same command goes on with {}", path.display());
        }
        return Ok(ExitCode::from(if interrupt::came() { exit::INTERRUPTED } else { exit::INVALID }));
    }
    conclude(args, &job, &path)
}

impl Args {
    /// What is measured of the two models.
    fn job(&self) -> anyhow::Result<Job> {
        let is_job = self.base.extension().is_some_and(|ending| ending == "json");
        let mut job = if is_job { read_job(&self.base)? } else { default_job(model(&self.base, &[])?) };
        let found = job.models.len();
        let [base] = &job.models[..] else {
            bail!("{}: found {found} models, expected one: the base", self.base.display())
        };
        let candidate = model(&self.cand, std::slice::from_ref(base))?;
        job.models.push(candidate);
        lay_over(&mut job.probes, &self.probe);
        lay_over(&mut job.policies, &self.policy);
        lay_over(&mut job.caches, &self.cache);
        let prompts: Vec<Prompt> = self.prompt_tokens.iter().map(|&count| Prompt::Count(count)).collect();
        lay_over(&mut job.prompts, &prompts);
        job.blocks = self.blocks.unwrap_or(job.blocks);
        job.budget = self.budget.map_or(job.budget, Into::into);
        Ok(job)
    }

    fn question(&self, metric: Metric) -> Question {
        let mut allow = self.allow.clone();
        allow.push(Allowed::Incomparable(Incomparable::Payload));
        Question { by: vec![Field::Variant], metric, base: None, threshold: self.threshold, allow }
    }
}

/// One comparison: what apps ship, cold.
fn default_job(base: Model) -> Job {
    Job {
        models: vec![base],
        probes: vec![ProbeKind::FirstToken],
        policies: vec![Policy::StockLoad],
        caches: vec![CacheState::Cold],
        prompts: vec![Prompt::Count(1)],
        blocks: NonZeroU32::new(12).expect("12 is not 0"),
        budget: std::time::Duration::from_secs(15 * 60),
        ..Job::default()
    }
}

/// What lies there already is a session of this job that was cut short, or nothing.
fn may_be_written(folder: &Path, path: &Path, job: &Job) -> anyhow::Result<()> {
    if folder.join(SUMMARY).exists() {
        bail!("{} holds a finished gate: remove it, or name another folder by --out", folder.display());
    }
    if !path.exists() {
        return Ok(());
    }
    let report = comparing::read(path)?;
    let nameless = |job: &Job| {
        let models = job.models.iter().map(|model| Model { path: None, ..model.clone() }).collect();
        Job { models, blocks: NonZeroU32::MIN, ..job.clone() }
    };
    match nameless(report.job()) == nameless(job) {
        true => Ok(()),
        false => bail!("{} is of another job: remove it, or name another folder by --out", path.display()),
    }
}

fn conclude(args: &Args, job: &Job, path: &Path) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let report = Report::read(&bytes).with_context(|| path.display().to_string())?;
    let summary = summary(args, job, &report);
    write(&args.out.join("summary.md"), markdown(&summary).as_bytes())?;
    write(&args.out.join("junit.xml"), render::junit::gate(&summary)?.as_bytes())?;
    page(&args.out, Source { name: REPORT.to_owned(), bytes, report });
    // Where it stands the gate is finished, so it comes last.
    write_json(&args.out.join(SUMMARY), &summary)?;
    let mut out = io::stdout().lock();
    for answer in &summary.answers {
        writeln!(out, "{}", render::comparisons(answer))?;
    }
    writeln!(out, "{}\n\nWritten to {}", headline(&summary), args.out.display())?;
    Ok(ExitCode::from(summary.exit_code))
}

/// One answer for each metric, gated together.
fn answers(args: &Args, report: &Report) -> Result<Vec<Comparisons>, CompareError> {
    let metrics = args.metric.iter();
    let mut answers =
        metrics.map(|&metric| compare(report, &args.question(metric))).collect::<Result<Vec<_>, _>>()?;
    gate_together(&mut answers);
    Ok(answers)
}

fn summary(args: &Args, job: &Job, report: &Report) -> Summary {
    let (answers, (outcome, reason)) = match answers(args, report) {
        Ok(answers) => {
            let outcome = outcome(&answers);
            (answers, outcome)
        }
        Err(error) => (Vec::new(), (Outcome::Invalid, Some(error.to_string()))),
    };
    let header = report.header();
    let name = |place: usize| job.models[place].name.clone();
    Summary {
        schema: SUMMARY_SCHEMA.to_owned(),
        outcome,
        reason,
        exit_code: comparing::code(outcome),
        base: name(0),
        candidate: name(1),
        threshold: args.threshold,
        blocks_to_gate: blocks_needed_by(&answers),
        tool: header.tool.clone(),
        context: header.context.clone(),
        started_unix_ms: header.started_unix_ms,
        report: REPORT.to_owned(),
        answers,
    }
}

fn headline(summary: &Summary) -> String {
    let Summary { base, candidate, outcome, threshold, reason, .. } = summary;
    let what = match outcome {
        Outcome::Passed => format!(
            "passed: {candidate} is not worse than {base}, as far as {:.1} % matters",
            100.0 * threshold
        ),
        Outcome::Inconclusive => {
            format!(
                "inconclusive: no regression was seen, and {:.1} % is not excluded: measure more blocks",
                100.0 * threshold
            )
        }
        Outcome::Regression => {
            format!("regression: {candidate} is worse than {base} by more than {:.1} %", 100.0 * threshold)
        }
        Outcome::Invalid => format!("invalid: {}", reason.as_deref().unwrap_or("nothing can be compared")),
    };
    format!("Outcome: {what}")
}

fn markdown(summary: &Summary) -> String {
    let mut text = format!("{}\n", headline(summary));
    summary.answers.iter().for_each(|answer| text += &format!("\n{}", render::markdown::comparisons(answer)));
    text
}

/// A page that can't be made takes nothing from the outcome.
fn page(folder: &Path, source: Source) {
    let sources = [source];
    let text = render::html(&Page::of(&sources, &Quality::default()), &sources);
    let written = text.and_then(|text| write(&folder.join("report.html"), text.as_bytes()));
    if let Err(error) = written {
        eprintln!("report.html was not made: {error:#}");
    }
}
