//! `packbench inspect`

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::layout::{Layout, ModelFiles};
use packbench_core::os::{self, Os};
use packbench_core::record::{INSPECTION_SCHEMA, Inspections, WeightTrace};

use crate::render;

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench inspect model.gguf
  packbench inspect model-00001-of-00003.gguf
  packbench inspect model.safetensors.index.json
  packbench inspect model.gguf model.forward.gguf
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
    #[arg(long)]
    json: bool,
}

/// Shows what files hold, and in which order.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let layouts = layouts(&os::host(), &args.files)?;
    let trace = args.trace.as_deref().map(trace).transpose()?;
    let inspections = inspections(&layouts, trace.as_ref())?;
    let mut out = io::stdout().lock();
    match args.json {
        true => render::json(&mut out, &inspections)?,
        false => write!(out, "{}", render::inspections(&inspections))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens each model once, however many of its files are named.
fn layouts(os: &dyn Os, paths: &[PathBuf]) -> anyhow::Result<Vec<Layout>> {
    let mut models: Vec<ModelFiles> = Vec::new();
    for path in paths {
        let named = || path.display().to_string();
        let facts = os.open(path).with_context(named)?.facts().clone();
        let file = |model: &ModelFiles| model.files().len() > 1 && model.holds(&facts);
        if !models.iter().any(file) {
            models.push(ModelFiles::open(os, path).with_context(named)?);
        }
    }
    let named = |model: &ModelFiles| model.layout().with_context(|| model.path().display().to_string());
    models.iter().map(named).collect()
}

fn trace(path: &Path) -> anyhow::Result<WeightTrace> {
    let named = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(named)?;
    WeightTrace::from_json(&text).with_context(named)
}

fn inspections(layouts: &[Layout], trace: Option<&WeightTrace>) -> anyhow::Result<Inspections> {
    let models = layouts.iter().map(|layout| layout.inspect(trace)).collect::<Result<_, _>>()?;
    let moves = match layouts {
        [base, others @ ..] => others.iter().map(|other| base.moves_to(other)).collect(),
        [] => Vec::new(),
    };
    Ok(Inspections { schema: INSPECTION_SCHEMA.to_owned(), models, moves })
}
