//! `packbench man`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use super::Cli;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  packbench man ~/.local/share/man/man1 && man packbench-run")]
pub struct Args {
    /// The folder to write packbench.1 and a page for each verb to.
    folder: PathBuf,
}

/// Writes the pages, made from what `--help` says.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let named = || args.folder.display().to_string();
    std::fs::create_dir_all(&args.folder).with_context(named)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).with_context(named)?;
    Ok(ExitCode::SUCCESS)
}
