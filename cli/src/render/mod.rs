//! What a person reads, or a program by --json. Everything here is made from records; nothing is measured and nothing is decided.

mod comparisons;
mod curve;
mod doctor;
mod first_token;
mod floor;
mod inspection;
mod measured;
mod pages;
mod plan;
mod progress;
mod quant_plan;
mod report;
mod table;
mod trace;

use std::io::{self, Write};

pub use comparisons::comparisons;
pub use curve::curve;
pub use doctor::doctor;
pub use inspection::inspection;
pub use plan::{plan, verified};
pub use progress::Progress;
pub use quant_plan::quant_plan;
pub use report::report;
pub use trace::trace;

/// Writes `value` for a program. Failures are those of `out`, so that a closed pipe is known as one.
pub fn json(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)
}
