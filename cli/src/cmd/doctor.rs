//! `packbench doctor`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::render;
use crate::target::Place;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  packbench doctor\n  packbench doctor --folder /data/models --json")]
pub struct Args {
    /// The folder whose storage is examined, by a scratch file of 64 MiB that is removed again.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Whom to ask.
    #[command(flatten)]
    place: Place,
}

/// Asks the target what it can prove.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let checks = args.place.open()?.doctor(&args.folder)?;
    let mut out = io::stdout().lock();
    if args.json {
        render::json(&mut out, &checks)?;
    } else {
        writeln!(out, "{}", render::doctor(&checks))?;
    }
    Ok(ExitCode::SUCCESS)
}
