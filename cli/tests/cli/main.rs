//! The program as people and CI jobs use it: what it prints, what it writes, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod adb;
mod bad_days;
mod ci;
mod compare;
mod inspect;
mod kill;
mod layouts;
mod log;
mod man;
mod page;
mod plan;
mod quality;
mod readme;
mod repack;
mod repack_bad_days;
mod rig;
mod run;
mod scratch;
mod variants;
mod vm;
mod xcrun;
