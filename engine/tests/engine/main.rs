//! The engine on small models made on the spot, and on real ones where scripts/get-model has put them.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panics and say what they skip")]
#![cfg(any(target_os = "linux", target_os = "android"))]

mod errors;
mod loading;
mod order;
mod quantize;
mod repack;
mod shared;
mod tokens;
mod trace;
