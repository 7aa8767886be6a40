//! `packbench inspect`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::layout;
use packbench_core::os::{self, Os};

use crate::render;

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  packbench inspect model.gguf\n  packbench inspect model.gguf --json | jq '.by_group'"
)]
pub struct Args {
    /// The model file. Only its header is read.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows what a file holds.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let named = || args.file.display().to_string();
    let file = os::host().open(&args.file).with_context(named)?;
    let mapping = file.map().with_context(named)?;
    let inspection = layout::inspect(mapping.bytes()).with_context(named)?;
    let mut out = io::stdout().lock();
    if args.json {
        render::json(&mut out, &inspection)?;
    } else {
        write!(out, "{}", render::inspection(&inspection))?;
    }
    Ok(ExitCode::SUCCESS)
}
