//! What every device runs: model files as facts, orders of access, measurement in proved cache states, records and
//! verdicts. Nothing here prints, reads the environment or knows of a command line.
//!
//! Data flows one way: `gguf` → `layout` → `access` → `measure` → `session` → `record` → `compare`.

#![deny(unsafe_code)]

pub mod job;
#[allow(unsafe_code)]
pub mod os;
pub mod record;
pub mod gguf;
pub mod random;
pub mod stats;
pub mod unit;
