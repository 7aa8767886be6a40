//! The verbs, one file each.

pub mod ci;
pub mod compare;
pub mod doctor;
pub mod emit_llama_quantize;
#[cfg(feature = "llama")]
pub mod eval;
#[cfg(feature = "llama")]
mod imatrix;
pub mod inspect;
pub mod log;
pub mod man;
#[cfg(feature = "llama")]
mod measuring;
pub mod merge_scores;
mod output;
pub mod plan;
#[cfg(feature = "llama")]
pub mod quantize;
pub mod repack;
pub mod report;
pub mod run;
pub mod schema;
#[cfg(feature = "llama")]
pub mod score;
pub mod trace;

use clap::{Parser, Subcommand};

/// Which order of a model file, and which policy of bringing its pages in, gives the first token soonest on this device?
///
/// packbench answers with proof: it measures page faults and reads, cold and warm, proves each cache state, keeps every
/// sample, and says "inconclusive" when that is the answer.
#[derive(Debug, Parser)]
#[command(
    name = "packbench",
    version,
    after_help = "Exit codes: 0 done, 1 a comparison found a regression, 2 invalid input or an invalid comparison, \
                  130 interrupted.\n\nStart with: packbench run MODEL.gguf"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what model files hold, and how their order suits the first token.
    Inspect(inspect::Args),
    /// Write a model's tensors into a new file in another order.
    Repack(repack::Args),
    /// Measure how this device brings model files in.
    Run(Box<run::Args>),
    /// Show in which order the engine first reads a model's weights.
    Trace(trace::Args),
    /// Find out how much a model minds errors in each tensor, and what each quantization type would cost it.
    #[cfg(feature = "llama")]
    Score(score::Args),
    /// Make a smaller file of a model, by a plan or by one of the engine's own recipes.
    #[cfg(feature = "llama")]
    Quantize(quantize::Args),
    /// Measure how far quantized models are from the model that they were made of.
    #[cfg(feature = "llama")]
    Eval(eval::Args),
    /// Show the tables of a report.
    Report(report::Args),
    /// Hold the arms of a report against each other.
    Compare(compare::Args),
    /// Measure a candidate beside a base, and fail when it is worse: for CI jobs.
    Ci(Box<ci::Args>),
    /// Keep reports in a folder of results that is only ever added to.
    Log(log::Args),
    /// Add up scores of parts of the sequences.
    MergeScores(merge_scores::Args),
    /// Choose a quantization type for each tensor, from scores and a budget.
    Plan(plan::Args),
    /// Print the command of llama.cpp's own tool that carries a plan out.
    EmitLlamaQuantize(emit_llama_quantize::Args),
    /// Say what this machine can prove, and what to do about the rest.
    Doctor(doctor::Args),
    /// Print the JSON Schema of a report's lines, or of a summary.
    Schema(schema::Args),
    /// Print a completion script for your shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages.
    Man(man::Args),
    /// Serve one request as an agent (how packbench starts itself to measure).
    #[command(hide = true)]
    Agent,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        super::Cli::command().debug_assert();
    }

    /// A line that is broken where it is shown is another command where it is pasted.
    #[test]
    fn examples_are_as_wide_as_what_is_no_terminal() {
        const WIDTH: usize = 100;
        let command = super::Cli::command();
        let wide = command.get_subcommands().flat_map(|verb| {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let is_wide = |line: &&str| line.starts_with("  ") && line.chars().count() > WIDTH;
            help.lines().filter(is_wide).map(str::to_owned).collect::<Vec<_>>()
        });
        assert_eq!(wide.collect::<Vec<_>>(), [""; 0]);
    }
}
