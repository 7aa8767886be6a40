//! `packbench schema`

use std::io;
use std::process::ExitCode;

use packbench_core::record;

use crate::render;

/// Prints the schema as it is committed in docs/.
pub fn run() -> anyhow::Result<ExitCode> {
    render::json(&mut io::stdout().lock(), &record::json_schema())?;
    Ok(ExitCode::SUCCESS)
}
