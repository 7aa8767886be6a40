//! What a person reads, or a program by --json. Everything here is made from records; nothing is measured and nothing is decided.

mod comparisons;
mod csv;
mod curve;
mod doctor;
#[cfg(feature = "llama")]
mod evaluation;
mod first_token;
mod floor;
mod html;
mod inspection;
mod joined;
pub mod junit;
mod labels;
mod map;
pub mod markdown;
mod moves;
pub mod pages;
pub mod plan;
mod progress;
mod quant_plan;
mod repacked;
mod report;
#[cfg(feature = "llama")]
mod scores;
mod sequence;
mod table;
mod trace;

use std::io::{self, Write};

pub use comparisons::comparisons;
pub use csv::csv;
pub use curve::curve;
pub use doctor::doctor;
#[cfg(feature = "llama")]
pub use evaluation::evaluation;
pub use html::page as html;
pub use inspection::inspections;
pub use joined::joined;
pub use map::map;
pub use markdown::page as markdown;
pub use plan::{plan, verified};
pub use progress::Progress;
#[cfg(feature = "llama")]
pub use progress::Share;
pub use quant_plan::quant_plan;
pub use repacked::{Copying, repacked};
pub use report::report;
#[cfg(feature = "llama")]
pub use scores::scores;
pub use trace::trace;

/// Writes `value` for a program. Failures are those of `out`, so that a closed pipe is known as one.
pub fn json(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    out.flush()
}
