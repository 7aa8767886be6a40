//! `packbench inspect`

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::layout::ModelFiles;
use packbench_core::os::{self, Os, write_whole};
use packbench_core::record::{INSPECTION_SCHEMA, Inspections, WeightTrace};

use crate::render;

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench inspect model.gguf
  packbench inspect model-00001-of-00003.gguf
  packbench inspect model.safetensors.index.json
  packbench inspect model.gguf --svg map.svg
  packbench inspect model.gguf model.forward.gguf --svg moves.svg
  packbench trace model.gguf -o trace.json && packbench inspect model.gguf --trace trace.json
  packbench inspect model.gguf --json | jq '.models[0].forward'")]
pub struct Args {
    /// Model files, GGUF or safetensors; any file of a model in several, or its index. Only headers are read. Each
    /// further model is held against the first.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take the forward order from this weight trace; without it, it is derived from the tensors' names.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, conflicts_with = "svg")]
    json: bool,
    /// Draw a map into this file.
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
}

/// Shows what files hold, and in which order.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let os = os::host();
    let models = open(&os, &args.files)?;
    let inspections = inspections(&models, args.trace.as_deref())?;
    if let Some(path) = &args.svg {
        check_map(&os, path, &models)?;
        write_whole(path, render::map(&inspections)).with_context(|| path.display().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::stdout().lock();
    match args.json {
        true => render::json(&mut out, &inspections)?,
        false => write!(out, "{}", render::inspections(&inspections))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens each model once, however many of its files are named.
fn open(os: &dyn Os, paths: &[PathBuf]) -> anyhow::Result<Vec<ModelFiles>> {
    let mut models: Vec<ModelFiles> = Vec::new();
    for path in paths {
        let named = || path.display().to_string();
        let file = os.open(path).with_context(named)?;
        let known = |model: &ModelFiles| model.files().len() > 1 && model.holds(file.facts());
        if !models.iter().any(known) {
            models.push(ModelFiles::open(os, path).with_context(named)?);
        }
    }
    Ok(models)
}

/// A map that would take the place of a model is a slip of the hand.
fn check_map(os: &dyn Os, path: &Path, models: &[ModelFiles]) -> anyhow::Result<()> {
    let there = os.open(path).ok();
    if there.is_some_and(|file| models.iter().any(|model| model.holds(file.facts()))) {
        bail!("{} is one of the models: name another file for the map", path.display());
    }
    if models.len() > 2 {
        bail!("found {} models, expected one or two in a map", models.len());
    }
    Ok(())
}

fn trace(path: &Path) -> anyhow::Result<WeightTrace> {
    let named = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(named)?;
    WeightTrace::from_json(&text).with_context(named)
}

fn inspections(models: &[ModelFiles], path: Option<&Path>) -> anyhow::Result<Inspections> {
    let trace = path.map(trace).transpose()?;
    let named = |model: &ModelFiles| model.layout().with_context(|| model.path().display().to_string());
    let layouts = models.iter().map(named).collect::<anyhow::Result<Vec<_>>>()?;
    let models = layouts.iter().map(|layout| layout.inspect(trace.as_ref())).collect::<Result<_, _>>()?;
    let moves = match &layouts[..] {
        [base, others @ ..] => others.iter().map(|other| base.moves_to(other)).collect(),
        [] => Vec::new(),
    };
    Ok(Inspections { schema: INSPECTION_SCHEMA.to_owned(), models, moves })
}
