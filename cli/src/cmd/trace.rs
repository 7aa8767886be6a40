//! `packbench trace`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::job::Prompt;

use super::output::{check, write_json};
use crate::cache::cache_dir;
use crate::render;
use crate::target::{Place, TraceQuestion};

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench trace model.gguf
  packbench trace model.gguf -o trace.json
  packbench trace model.gguf --prompt 'The first token' -o trace.json")]
pub struct Args {
    /// The model file.
    model: PathBuf,
    /// Write the trace as JSON to this file; without it, show it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A prompt of so many tokens.
    #[arg(long, value_name = "N", default_value_t = 1)]
    prompt_tokens: u32,
    /// A prompt in words.
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_tokens")]
    prompt: Option<String>,
    /// Whose engine to ask.
    #[command(flatten)]
    place: Place,
}

/// Asks the target's engine in which order it reads the weights.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    check(args.output.as_deref(), [args.model.as_path()])?;
    let model = std::fs::canonicalize(&args.model).with_context(|| args.model.display().to_string())?;
    let prompt = args.prompt.clone().map_or(Prompt::Count(args.prompt_tokens), Prompt::Text);
    let question = TraceQuestion { model, prompt, cache_dir: cache_dir() };
    let trace = args.place.open()?.trace(&question)?;
    let Some(path) = &args.output else {
        write!(io::stdout().lock(), "{}", render::trace(&trace))?;
        return Ok(ExitCode::SUCCESS);
    };
    write_json(path, &trace)?;
    Ok(ExitCode::SUCCESS)
}
