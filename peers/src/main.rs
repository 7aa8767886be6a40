//! packbench beside other programs that do the same work. Each stage prints what both sides took or counted, beside
//! the bar that it is held against, and fails when a bar is missed.

mod allocations;
mod bridge_cost;
mod c_loops;
mod counts;
mod fault_counts;
mod fio;
mod harness;
mod harness_cost;
mod header_parse;
mod helper;
mod ratio;
mod repack_cost;
mod repack_readers;
mod report;
mod rounds;
mod score_cost;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::bridge_cost::Jvm;
use crate::repack_readers::Readers;
use crate::report::Report;
use crate::rounds::Plan;
use crate::score_cost::{Bench, Programs};

/// Holds packbench against other programs that do the same work.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    stage: Stage,
    /// Also write a line of JSON a row to this file
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Stage {
    /// Our probes beside C loops with the same system calls
    HarnessCost {
        /// Where the measured file is made: a folder on a local disk
        #[arg(long)]
        folder: PathBuf,
        #[command(flatten)]
        repeat: Repeat,
    },
    /// Our header parse beside candle-core's reader
    HeaderParse {
        /// Where the file is made
        #[arg(long)]
        folder: PathBuf,
        #[command(flatten)]
        repeat: Repeat,
    },
    /// Our header parse beside gguf-parser-go, large metadata skipped
    HeaderParseGo {
        /// Where the file is made
        #[arg(long)]
        folder: PathBuf,
        /// The program built from go/
        #[arg(long)]
        reader: PathBuf,
        #[command(flatten)]
        repeat: Repeat,
    },
    /// The faults that our probe counts beside fio's mmap engine
    FaultCounts {
        /// Where the measured file is made: a folder on a device with readahead 128 KiB
        #[arg(long)]
        folder: PathBuf,
    },
    /// Our repacking of a model of 1.1 GB beside cp and sync
    RepackCost {
        /// Where the model is made and copied: a folder on a local disk with room for three times its size
        #[arg(long)]
        folder: PathBuf,
        #[command(flatten)]
        repeat: Repeat,
    },
    /// Sessions that a JVM carries out over our bridge beside the same without one
    BridgeCost {
        /// Where the model is made: a folder on a local disk
        #[arg(long)]
        folder: PathBuf,
        /// Where the JVM finds the Kotlin library and its tests
        #[arg(long)]
        classpath: String,
        /// The folder of libpackbench_ffi.so
        #[arg(long)]
        library: PathBuf,
        #[command(flatten)]
        repeat: Repeat,
    },
    /// What other readers find in repacked files
    RepackReaders {
        /// Where the files are made
        #[arg(long)]
        folder: PathBuf,
        /// A Python that has gguf and safetensors
        #[arg(long)]
        python: PathBuf,
        /// py/facts.py
        #[arg(long)]
        script: PathBuf,
        /// The program built from go/
        #[arg(long)]
        reader: Option<PathBuf>,
        /// A real model, beside those that are made
        #[arg(long)]
        model: Option<PathBuf>,
    },
    /// Our squared gradients beside PyTorch's, on models of 0.5B and 1.5B
    ScoreCost {
        /// Where the models are made, one after the other
        #[arg(long)]
        folder: PathBuf,
        /// packbench, built with profile bench-device
        #[arg(long)]
        packbench: PathBuf,
        /// A Python that has torch and gguf
        #[arg(long)]
        python: PathBuf,
        /// py/torch_squares.py
        #[arg(long)]
        script: PathBuf,
        #[command(flatten)]
        repeat: Repeat,
    },
    /// One repacking: how repack-cost starts itself
    #[command(hide = true)]
    Repack {
        /// The model
        model: PathBuf,
        /// The new file
        out: PathBuf,
        /// Read it back from storage
        #[arg(long)]
        verify: bool,
    },
}

#[derive(Args, Clone, Copy, Debug)]
struct Repeat {
    /// How often each arm runs
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(6..))]
    rounds: u32,
    /// Decides the order of arms and pages
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl From<Repeat> for Plan {
    fn from(Repeat { rounds, seed }: Repeat) -> Self {
        Plan { rounds, seed }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all bars were reached.
fn run(cli: Cli) -> Result<bool> {
    let mut report = Report::new(cli.json.as_deref())?;
    match cli.stage {
        Stage::HarnessCost { folder, repeat } => {
            let bench = harness_cost::bench(&folder, repeat.into())?;
            report.show(&bench.beside_c()?)?;
            if fio::is_there() {
                report.show(&bench.beside_fio()?)?;
            }
        }
        Stage::HeaderParse { folder, repeat } => {
            report.show(&header_parse::beside_candle(&folder, repeat.into())?)?;
            report.show(&[header_parse::allocation(&folder)?])?;
        }
        Stage::HeaderParseGo { folder, reader, repeat } => {
            report.show(&header_parse::beside_go(&folder, repeat.into(), &reader)?)?;
        }
        Stage::FaultCounts { folder } => report.show(&fault_counts::run(&folder)?)?,
        Stage::RepackCost { folder, repeat } => {
            let bench = repack_cost::Bench::new(&folder, repeat.into())?;
            report.show(&[bench.memory()?])?;
            report.show(&bench.beside_cp()?)?;
        }
        Stage::BridgeCost { folder, classpath, library, repeat } => {
            let plan = repeat.into();
            let added = |jvm| bridge_cost::Bench::new(&folder, &classpath, &library, jvm, plan)?.added();
            report.show(&[added(Jvm::Usual)?, added(Jvm::Interpreted)?])?;
        }
        Stage::RepackReaders { folder, python, script, reader, model } => {
            let readers = Readers { python: &python, script: &script, go: reader.as_deref() };
            report.show(&repack_readers::rows(&folder, &readers, model.as_deref())?)?;
        }
        Stage::ScoreCost { folder, packbench, python, script, repeat } => {
            let programs = Programs { packbench: &packbench, python: &python, script: &script };
            Bench::each(&folder, &programs, |bench| {
                report.show(&bench.memory()?)?;
                report.show(&bench.times(repeat.into())?)
            })?;
        }
        Stage::Repack { model, out, verify } => repack_cost::once(&model, &out, verify)?,
    }
    Ok(report.holds())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
