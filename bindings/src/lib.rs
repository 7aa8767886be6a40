//! packbench for apps. What is here is a bridge: it turns types of core into types that cross it, and holds no rule of
//! its own. docs/adr/0010-uniffi-jna-jni.md says how it is crossed.
//!
//! Nothing crosses it in a measured region: what the app is to hear of one it hears after it.

#![deny(unsafe_code)]

#[cfg(target_os = "android")]
mod android;
mod error;
mod jobs;
mod phone;
mod relay;
mod reports;
mod session;

pub use error::{AppError, PackbenchError};
pub use jobs::{Preset, model_files, placed, preset_job, presets};
pub use phone::{Facts, Identity, Phone, ThermalStatus};
pub use relay::{Listener, Progress};
pub use reports::{Comparison, Gate, Median, Question, compare, inspect, medians, missing, repack};
pub use session::{Carried, EndStatus, Outcome, Session};

uniffi::setup_scaffolding!();
