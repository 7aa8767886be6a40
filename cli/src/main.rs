//! `packbench`: asks a device how it brings model files into memory, and compares its answers.
//!
//! It never measures: it drives a target, and a process of its own measures there.

mod cache;
mod cmd;
mod interrupt;
mod measured;
mod named;
mod page;
#[cfg(feature = "llama")]
mod quality;
mod render;
mod shell;
mod target;
mod words;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

/// Exit codes, as `--help` lists them.
mod exit {
    pub const REGRESSION: u8 = 1;
    pub const INVALID: u8 = 2;
    pub const INTERRUPTED: u8 = 130;
}

fn main() -> ExitCode {
    match run(cmd::Cli::parse()) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // In one piece: an agent may be saying its last at the same time.
            let _ = io::stderr().write_all(format!("error: {error:#}\n").as_bytes());
            ExitCode::from(if interrupt::came() { exit::INTERRUPTED } else { exit::INVALID })
        }
    }
}

fn run(cli: cmd::Cli) -> anyhow::Result<ExitCode> {
    match cli.verb {
        cmd::Verb::Inspect(args) => cmd::inspect::run(&args),
        cmd::Verb::Repack(args) => cmd::repack::run(&args),
        cmd::Verb::Run(args) => cmd::run::run(*args),
        cmd::Verb::Trace(args) => cmd::trace::run(&args),
        #[cfg(feature = "llama")]
        cmd::Verb::Score(args) => cmd::score::run(&args),
        #[cfg(feature = "llama")]
        cmd::Verb::Quantize(args) => cmd::quantize::run(&args),
        #[cfg(feature = "llama")]
        cmd::Verb::Eval(args) => cmd::eval::run(&args),
        cmd::Verb::Report(args) => cmd::report::run(&args),
        cmd::Verb::Compare(args) => cmd::compare::run(&args),
        cmd::Verb::Ci(args) => cmd::ci::run(&args),
        cmd::Verb::Log(args) => cmd::log::run(&args),
        cmd::Verb::MergeScores(args) => cmd::merge_scores::run(&args),
        cmd::Verb::Plan(args) => cmd::plan::run(&args),
        cmd::Verb::EmitLlamaQuantize(args) => cmd::emit_llama_quantize::run(&args),
        cmd::Verb::Doctor(args) => cmd::doctor::run(&args),
        cmd::Verb::Schema(args) => cmd::schema::run(&args),
        cmd::Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut cmd::Cli::command(), "packbench", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        cmd::Verb::Man(args) => cmd::man::run(&args),
        cmd::Verb::Agent => Ok(packbench_agent::main()),
    }
}

/// `packbench … | head` is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.into_iter().any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
