//! What a person reads. Everything here is made from records; nothing is measured and nothing is decided.

mod comparisons;
mod doctor;
mod inspection;
mod plan;
mod progress;
mod report;
mod table;

pub use comparisons::comparisons;
pub use doctor::doctor;
pub use inspection::inspection;
pub use plan::{plan, verified};
pub use progress::Progress;
pub use report::{next_comparison, report};
