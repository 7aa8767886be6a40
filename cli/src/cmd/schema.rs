//! `packbench schema`

use std::io;
use std::process::ExitCode;

use packbench_core::record;

use crate::render;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  packbench schema > report.schema.json\n  packbench schema summary > summary.schema.json"
)]
pub struct Args {
    /// What is described.
    #[arg(value_enum, default_value = "report")]
    of: Described,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Described {
    /// A line of a report.
    Report,
    /// The summary.json of `packbench ci`.
    Summary,
}

/// Prints the schema as it is committed in docs/.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let schema = match args.of {
        Described::Report => record::json_schema(),
        Described::Summary => record::summary_schema(),
    };
    render::json(&mut io::stdout().lock(), &schema)?;
    Ok(ExitCode::SUCCESS)
}
