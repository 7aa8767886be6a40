//! Statistics of samples: what a sample looks like, and how far two arms differ when they were measured in the same
//! blocks. Pure numbers; what counts as faster, slower or same is `compare`'s to say.

pub mod bootstrap;
mod confidence;
mod paired;
mod signed_rank;
mod summary;
mod walsh;

pub use confidence::Confidence;
pub use paired::{Arm, NoInterval, PairedError, PairedRatio, RatioInterval, paired_ratio};
pub use summary::Summary;
