//! `packbench report`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::render;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  packbench report packbench-20261124-073025.jsonl")]
pub struct Args {
    /// The report of a session, finished or not.
    report: PathBuf,
}

/// Shows what a session measured, as `run` does at its end.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let report = super::compare::read(&args.report)?;
    write!(io::stdout().lock(), "{}", render::report(&report))?;
    Ok(ExitCode::SUCCESS)
}
