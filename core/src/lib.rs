//! What every device runs: model files as facts, orders of access, measurement in proved cache states, records and
//! verdicts. Nothing here prints, reads the environment or knows of a command line.
//!
//! Data flows one way: `gguf` → `layout` → `access` → `measure` → `session` → `record` → `compare`.

#![deny(unsafe_code)]

pub mod access;
pub mod compare;
pub mod error;
pub mod gguf;
pub mod job;
pub mod layout;
pub mod measure;
#[allow(unsafe_code)]
pub mod os;
pub mod quant;
pub mod random;
pub mod record;
pub mod repack;
pub mod safetensors;
pub mod session;
pub mod stats;
pub mod unit;
