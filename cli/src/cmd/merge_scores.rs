//! `packbench merge-scores`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::quant::{imatrix, merge};
use packbench_core::record::Imatrix;

use super::output::{LEFT_BY_SCORES, check, imatrix_path, imatrix_paths, write, write_json};
use super::plan::read;
use crate::words::list;

/// Arguments of `merge-scores`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  packbench score model.gguf --text a.txt --shard 1/2 -o one.json
  packbench score model.gguf --text a.txt --shard 2/2 -o two.json
  packbench merge-scores one.json two.json -o fim_scores.json

The importance matrices beside the parts are added up, too, into those beside the sum.")]
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
    check_outputs(args)?;
    let parts = args.parts.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let sum = merge(&parts).with_context(|| which(args))?;
    for kind in LEFT_BY_SCORES {
        let tokens = u64::from(sum.num_samples) * u64::from(sum.seq_length);
        merge_matrices(args, kind, tokens)?;
    }
    write_json(&args.output, &sum)?;
    let shards = sum.packbench.as_ref().map(|pricing| &pricing.shards);
    if let Some((shards, missing)) = shards.and_then(|shards| Some((shards, list(shards.missing())?))) {
        writeln!(io::stderr(), "of {} parts these are not in: {missing}", shards.of)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_outputs(args: &Args) -> anyhow::Result<()> {
    let with_matrices = |scores: &PathBuf| std::iter::once(scores.clone()).chain(imatrix_paths(scores));
    let outputs: Vec<PathBuf> = with_matrices(&args.output).collect();
    let inputs: Vec<PathBuf> = args.parts.iter().flat_map(with_matrices).collect();
    check(outputs.iter().map(PathBuf::as_path), inputs.iter().map(PathBuf::as_path))
}

/// What the parts left beside them, added up beside the sum; nothing where they left nothing there.
fn merge_matrices(args: &Args, kind: Imatrix, tokens: u64) -> anyhow::Result<()> {
    let paths: Vec<PathBuf> = args.parts.iter().map(|part| imatrix_path(part, kind)).collect();
    let (there, missing): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(|path| path.exists());
    if let (false, Some(missing)) = (there.is_empty(), missing.first()) {
        writeln!(io::stderr(), "{} isn't there: no sum of {kind} is written", missing.display())?;
    }
    if there.is_empty() || !missing.is_empty() {
        return Ok(());
    }
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
    let parts = paths.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let sums = imatrix::add(&parts).with_context(|| format!("the {kind} of {}", which(args)))?;
    let mut file = Vec::new();
    imatrix::write(sums.iter().map(|(name, sums)| (name.as_str(), sums.as_slice())), tokens, &mut file)?;
    write(&imatrix_path(&args.output, kind), &file)
}

/// The files by the numbers that errors give them.
fn which(args: &Args) -> String {
    let numbered =
        args.parts.iter().enumerate().map(|(index, path)| format!("{}: {}", index + 1, path.display()));
    numbered.collect::<Vec<_>>().join(", ")
}
