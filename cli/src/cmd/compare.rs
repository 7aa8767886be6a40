//! `packbench compare`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::compare::{Allowed, Question, compare, compare_reports};
use packbench_core::job::Field;
use packbench_core::record::{Metric, Outcome, Report};

use crate::named::named;
use crate::{exit, render};

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench compare report.jsonl --by policy
  packbench compare report.jsonl --by variant --threshold 3% --json
  packbench compare report.jsonl --by variant,policy         layout, policy, and both together
  packbench compare report.jsonl --by policy --metric bytes_fetched --base will_need
  packbench compare base.jsonl candidate.jsonl               two sessions; never \"the same\"

Exit codes: 0 no arm is seen to be worse by the threshold, which it may be all the same where the answer is inconclusive, 1\nsome arm is (its whole interval lies beyond; of several comparisons, held to 2.5 % for all together), 2 nothing valid to say.\nFloors gate nothing unless the job names that probe. For a CI job there is packbench ci, which refuses too few blocks.")]
pub struct Args {
    /// The report of a session, whose arms are held against each other.
    report: PathBuf,
    /// The report of another session, to be held against the first one. What was measured apart says less: measure both in
    /// one session where you can.
    #[arg(conflicts_with_all = ["by", "base"])]
    candidate: Option<PathBuf>,
    /// The field in which the arms differ; they must agree in all others. Several fields show what each does, and what
    /// they do together.
    #[arg(long, value_name = "FIELD", required_unless_present = "candidate", value_delimiter = ',', value_parser = named::<Field>())]
    by: Vec<Field>,
    /// What of the runs is compared.
    #[arg(long, value_parser = named::<Metric>(), default_value = "wall_ns", hide_possible_values = false)]
    metric: Metric,
    /// The arm to compare against [default: the first in the order of the job].
    #[arg(long, value_name = "NAME")]
    base: Option<String>,
    /// The smallest change that matters, such as 5% or 0.05.
    #[arg(long, value_parser = fraction, default_value = "5%")]
    threshold: f64,
    /// Compare in spite of this: page_size, device, tool, payload, NotCold or NotWarm.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allow: Vec<Allowed>,
    /// Print JSON.
    #[arg(long, group = "form")]
    json: bool,
    /// Print Markdown: what a pull request's comment says.
    #[arg(long, group = "form")]
    markdown: bool,
    /// Print JUnit XML: a test for each comparison.
    #[arg(long, group = "form")]
    junit: bool,
}

/// Reads a report, answers, and turns the answer into an exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let report = read(&args.report)?;
    let question = Question {
        by: args.by.clone(),
        metric: args.metric,
        base: args.base.clone(),
        threshold: args.threshold,
        allow: args.allow.clone(),
    };
    let answer = match &args.candidate {
        Some(path) => compare_reports(&report, &read(path)?, &question)?,
        None => compare(&report, &question)?,
    };
    let mut out = io::stdout().lock();
    if args.json {
        render::json(&mut out, &answer)?;
    } else if args.markdown {
        write!(out, "{}", render::markdown::comparisons(&answer))?;
    } else if args.junit {
        write!(out, "{}", render::junit::comparisons(&answer)?)?;
    } else {
        write!(out, "{}", render::comparisons(&answer))?;
    }
    Ok(ExitCode::from(code(answer.outcome())))
}

/// What an outcome is to a CI job.
pub fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed | Outcome::Inconclusive => 0,
        Outcome::Regression => exit::REGRESSION,
        Outcome::Invalid => exit::INVALID,
    }
}

/// Reads a report from its file.
pub fn read(path: &std::path::Path) -> anyhow::Result<Report> {
    let named = || format!("reading {}", path.display());
    let file = std::fs::File::open(path).with_context(named)?;
    Report::read_from(io::BufReader::new(file)).with_context(named)
}

/// A share as people write it.
pub fn fraction(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (text, 1.0),
    };
    let fraction = number.trim().parse::<f64>().map(|value| value / scale).ok();
    let valid = fraction.filter(|fraction| *fraction > 0.0 && *fraction < 1.0);
    valid.ok_or_else(|| "expected a share between 0 and 1, such as 5% or 0.05".to_owned())
}

#[cfg(test)]
mod tests {
    use super::fraction;

    #[test]
    fn a_threshold_is_a_share() {
        assert_eq!(fraction("5%"), Ok(0.05));
        assert_eq!(fraction("0.05"), Ok(0.05));
        for wrong in ["5", "0", "-1%", "100%", "x", "NaN"] {
            assert!(fraction(wrong).is_err(), "{wrong}");
        }
    }
}
