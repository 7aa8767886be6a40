//! What a score leaves behind, read back: its importance matrices, and its state when it was stopped.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint knows only functions marked as such"
)]

mod checkpoint;
mod imatrix;
#[path = "../kept_seeds/mod.rs"]
mod kept_seeds;
mod seeds;
