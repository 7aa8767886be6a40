//! The JSON of reports, jobs and comparisons. Only types in this folder are serialized, with their units in their names:
//! integers in base units, `null` for what this system doesn't tell, never 0.

mod assignment;
mod comparison;
mod doctor;
mod fields;
mod inspection;
mod lines;
mod metrics;
mod names;
mod repacked;
mod trace;

pub use assignment::{Assignment, Request};
pub use comparison::{Comparison, Comparisons, Floored, Obstacle};
pub use doctor::Check;
pub use inspection::*;
pub use lines::*;
pub use metrics::*;
pub use names::*;
pub use repacked::{ReadBack, Repacked};
pub use trace::{WeightRead, WeightTrace};
