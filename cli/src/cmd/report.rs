//! `packbench report`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::record::Report;

use super::output::write;
use crate::page::{Page, Quality, Source};
use crate::render;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench report packbench-20261124-073025.jsonl
  packbench report report.jsonl -o report.html              one page, everything in it
  packbench report phone.jsonl tablet.jsonl -o both.html    device beside device
  packbench report report.jsonl --with fim_scores.json --with quant_plan.json -o report.html
  packbench report report.jsonl --markdown | gh pr comment --body-file -
  packbench report report.jsonl --csv > runs.csv            a line a run, raw integers")]
pub struct Args {
    /// The reports of sessions, finished or not.
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// Write to this file; its ending says what: .html, .md, .csv, or .xml (JUnit).
    #[arg(short, long, value_name = "FILE", group = "form")]
    output: Option<PathBuf>,
    /// Show these beside the reports: fim_scores.json, quant_plan.json, eval_results.json, a curve, an inspection.
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// Print Markdown, short: what a pull request's comment says.
    #[arg(long, group = "form")]
    markdown: bool,
    /// Print a line of CSV for each run.
    #[arg(long, group = "form")]
    csv: bool,
    /// Print JUnit XML: a test for each case.
    #[arg(long, group = "form")]
    junit: bool,
}

/// What is made of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tables,
    Html,
    Markdown,
    Csv,
    Junit,
}

/// Shows what sessions measured, as `run` does at its end or as asked for.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let form = form(args)?;
    let sources = args.reports.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<Source>>>()?;
    let quality = quality(&args.with)?;
    taken(form, &quality)?;
    let text = shown(form, &sources, &quality)?;
    match &args.output {
        Some(path) => write(path, text.as_bytes())?,
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn form(args: &Args) -> anyhow::Result<Form> {
    let asked = [(args.markdown, Form::Markdown), (args.csv, Form::Csv), (args.junit, Form::Junit)];
    let asked = asked.into_iter().find_map(|(asked, form)| asked.then_some(form));
    let Some(path) = &args.output else { return Ok(asked.unwrap_or(Form::Tables)) };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "html" | "htm" => Ok(Form::Html),
        "md" => Ok(Form::Markdown),
        "csv" => Ok(Form::Csv),
        "xml" => Ok(Form::Junit),
        "txt" => Ok(Form::Tables),
        _ => bail!("found {}, expected a name that ends in .html, .md, .csv, .xml or .txt", path.display()),
    }
}

/// Only a page shows all of what `--with` takes; what would be left out is refused.
fn taken(form: Form, quality: &Quality) -> anyhow::Result<()> {
    match form {
        Form::Html => Ok(()),
        Form::Tables => only_evaluations(quality),
        Form::Markdown | Form::Csv | Form::Junit if quality.is_empty() => Ok(()),
        Form::Markdown | Form::Csv | Form::Junit => {
            bail!("--with is for pages and tables: name an .html with -o")
        }
    }
}

/// Tables take nothing else from `--with`.
pub fn only_evaluations(quality: &Quality) -> anyhow::Result<()> {
    match quality.has_others() {
        true => bail!(
            "found more than evaluations in --with, expected eval_results.json alone: only a page (-o report.html) shows the rest"
        ),
        false => Ok(()),
    }
}

fn shown(form: Form, sources: &[Source], quality: &Quality) -> anyhow::Result<String> {
    let reports: Vec<&Report> = sources.iter().map(|source| &source.report).collect();
    Ok(match form {
        Form::Tables => reports.iter().map(|report| tables(report, quality)).collect::<Vec<_>>().join("\n"),
        Form::Html => render::html(&Page::of(sources, quality), sources)?,
        Form::Markdown => render::markdown(&Page::of(sources, quality)),
        Form::Csv => render::csv(&reports)?,
        Form::Junit => render::junit::report(&reports)?,
    })
}

/// The tables of a session, and below them what it and each evaluation say of the same files.
pub fn tables(report: &Report, quality: &Quality) -> String {
    let joined = quality.evaluations.iter().map(|evaluation| render::joined(report, evaluation));
    render::report(report) + &joined.collect::<String>()
}

/// Reads what is shown beside reports.
pub fn quality(paths: &[PathBuf]) -> anyhow::Result<Quality> {
    let mut quality = Quality::default();
    for path in paths {
        let named = || format!("reading {}", path.display());
        let bytes = std::fs::read(path).with_context(named)?;
        quality.take(&bytes).with_context(named)?;
    }
    Ok(quality)
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let named = || format!("reading {}", path.display());
    let bytes = std::fs::read(path).with_context(named)?;
    let report = Report::read(&bytes).with_context(named)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Source { name, bytes, report })
}
