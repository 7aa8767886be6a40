//! `packbench merge-scores`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::quant::merge;

use super::output::write_json;
use super::plan::read;

/// Arguments of `merge-scores`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  packbench score model.gguf --text a.txt --shard 1/2 -o one.json
  packbench score model.gguf --text a.txt --shard 2/2 -o two.json
  packbench merge-scores one.json two.json -o fim_scores.json")]
pub struct Args {
    /// Parts of one scoring, in any order.
    #[arg(required = true)]
    parts: Vec<PathBuf>,
    /// Write the sum to this file.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Adds parts up.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let parts = args.parts.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let sum = merge(&parts).with_context(|| which(args))?;
    write_json(&args.output, &sum)?;
    if let Some(shards) = sum.packbench.as_ref().map(|pricing| &pricing.shards) {
        let missing: Vec<String> = (1..=shards.of)
            .filter(|shard| !shards.held.contains(shard))
            .map(|shard| shard.to_string())
            .collect();
        if !missing.is_empty() {
            writeln!(io::stderr(), "of {} parts these are not in: {}", shards.of, missing.join(", "))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The files by the numbers that errors give them.
fn which(args: &Args) -> String {
    let numbered =
        args.parts.iter().enumerate().map(|(index, path)| format!("{}: {}", index + 1, path.display()));
    numbered.collect::<Vec<_>>().join(", ")
}
