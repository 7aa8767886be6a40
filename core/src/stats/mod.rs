//! Statistics of samples: what a sample looks like, and how far two arms differ that were measured in the same blocks, or
//! apart. Pure numbers; what counts as faster, slower or same is `compare`'s to say.

pub mod bootstrap;
mod confidence;
mod counted;
mod differences;
mod estimate;
mod holm;
mod null;
mod paired;
mod summary;
mod trend;
mod unpaired;
mod walsh;

pub use confidence::Confidence;
pub use estimate::{Arm, ArmsError, Difference, Interval, NoInterval, Ratio};
pub use holm::holm;
pub use paired::{paired_difference, paired_ratio};
pub use summary::Summary;
pub use trend::{Trend, trend};
pub use unpaired::{unpaired_difference, unpaired_ratio};
