//! `packbench emit-llama-quantize`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::quant::tensor_types;
use packbench_core::record::{Imatrix, Planning, QuantPlan};

use super::output::{check_names, write};
use crate::shell::quoted;

/// Arguments of `emit-llama-quantize`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench emit-llama-quantize quant_plan.json model-f16.gguf model-fim.gguf
  packbench emit-llama-quantize quant_plan.json in.gguf out.gguf --types-file fim.types | sh")]
pub struct Args {
    /// The plan.
    plan: PathBuf,
    /// The model to quantize.
    model: PathBuf,
    /// The file that the tool will make.
    output: PathBuf,
    /// Write the tool's list of tensors and their types to this file.
    #[arg(long, value_name = "FILE", default_value = "tensor-types.txt")]
    types_file: PathBuf,
    /// An importance matrix for the tool.
    #[arg(long, value_name = "FILE")]
    imatrix: Option<PathBuf>,
    /// Let the tool quantize what is quantized already.
    #[arg(long)]
    allow_requantize: bool,
    /// The tool.
    #[arg(long, value_name = "PROGRAM", default_value = "llama-quantize")]
    tool: PathBuf,
}

/// Writes the tool's list and prints its command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let inputs = [&args.plan, &args.model].into_iter().chain(&args.imatrix);
    check_names(&[&args.output, &args.types_file], inputs.map(PathBuf::as_path))?;
    let named = || format!("reading {}", args.plan.display());
    let plan = QuantPlan::read(&std::fs::read(&args.plan).with_context(named)?).with_context(named)?;
    let lines: Vec<String> = tensor_types(&plan).iter().map(|line| format!("{line}\n")).collect();
    write(&args.types_file, lines.concat().as_bytes())?;
    let command = command(args, &plan)?;
    writeln!(io::stdout().lock(), "{command}")?;
    for warning in plan.packbench.iter().flat_map(|planning| warnings(args, planning)) {
        writeln!(io::stderr(), "{warning}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn command(args: &Args, plan: &QuantPlan) -> anyhow::Result<String> {
    let mut words = vec![text(&args.tool)?];
    if args.allow_requantize {
        words.push("--allow-requantize");
    }
    if let Some(imatrix) = &args.imatrix {
        words.extend(["--imatrix", text(imatrix)?]);
    }
    // An empty list is no list to the tool.
    if !plan.packbench.as_ref().is_some_and(|planning| planning.tensors.is_empty()) {
        words.extend(["--tensor-type-file", text(&args.types_file)?]);
    }
    words.extend([text(&args.model)?, text(&args.output)?, plan.base_quant.as_str()]);
    Ok(words.into_iter().map(quoted).collect::<Vec<_>>().join(" "))
}

fn text(path: &Path) -> anyhow::Result<&str> {
    match path.to_str() {
        Some(text) => Ok(text),
        None => bail!("{}: a shell can't be told a path that isn't UTF-8", path.display()),
    }
}

/// Where the tool will not do what the plan's prediction is about.
fn warnings(args: &Args, planning: &Planning) -> Vec<&'static str> {
    let untold = planning.imatrix != Imatrix::None && args.imatrix.is_none();
    let warnings = [
        untold.then_some("the plan was made with an importance matrix: give the tool one by --imatrix"),
        planning.dither_seed.map(|_| "the plan was made for dithered weights, and the tool doesn't dither"),
    ];
    warnings.into_iter().flatten().collect()
}
