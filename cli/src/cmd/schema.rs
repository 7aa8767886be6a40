//! `packbench schema`

use std::io::{self, Write};
use std::process::ExitCode;

use packbench_core::record;

/// Prints the schema as it is committed in docs/.
pub fn run() -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &record::json_schema())?;
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}
