//! The GGUF reader and writer against each other and against hostile bytes.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint knows only functions marked as such"
)]

mod hostile;
#[path = "../kept_seeds/mod.rs"]
mod kept_seeds;
mod round_trip;
mod samples;
mod seeds;
