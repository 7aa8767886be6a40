//! What an app is asked to measure: jobs that it offers, and those that come from elsewhere, whose models are copied into
//! the app first.

use std::collections::HashMap;
use std::path::Path;

use packbench_core::job::{self, Guard, Model};
use packbench_core::record::wire::Assignment;
use packbench_core::session::{Handed, HandedError};
use serde::Serialize;

use crate::PackbenchError;
use crate::error::no_panic;

/// What an app offers; anything else is a job file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Preset {
    /// Page faults, cold, about a minute.
    Quick,
    /// First tokens, cold, two minutes at most.
    FirstToken,
    /// Reads, cold, about a minute.
    Reads,
    /// Page faults and reads, cold and warm, five minutes at most.
    All,
}

/// All of them, in the order in which a screen shows them.
#[uniffi::export]
pub fn presets() -> Vec<Preset> {
    vec![Preset::Quick, Preset::FirstToken, Preset::Reads, Preset::All]
}

/// The job of a preset on the model at `model`, in spite of the guards that are named.
///
/// # Errors
/// A name that is no guard's.
#[uniffi::export]
pub fn preset_job(preset: Preset, model: &str, suppress: Vec<String>) -> Result<String, PackbenchError> {
    no_panic(|| {
        let name = Path::new(model).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let model = Model { name, path: Some(model.into()), arrangement: None };
        json(&job::Preset::from(preset).of(model, guards(&suppress)?))
    })
}

/// The names of the model files that a job, or an assignment that a computer hands out, takes.
///
/// # Errors
/// What is neither.
#[uniffi::export]
pub fn model_files(asked: &str) -> Result<Vec<String>, PackbenchError> {
    no_panic(|| Ok(Handed::read(asked)?.model_files()))
}

/// The same job or assignment, of model files that lie where `models` say, by name, in spite of the guards in `suppress`
/// as well. An assignment keeps payload hashes and weight traces in `cache`.
///
/// # Errors
/// What is neither; a model without a place; a name that is no guard's.
#[uniffi::export]
pub fn placed(
    asked: &str,
    models: HashMap<String, String>,
    suppress: Vec<String>,
    cache: &str,
) -> Result<String, PackbenchError> {
    no_panic(|| {
        let mut handed = Handed::read(asked)?;
        handed.place(&models, guards(&suppress)?)?;
        match handed {
            Handed::Job(job) => json(&*job),
            Handed::Assignment(assignment) => {
                json(&Assignment { cache_dir: Some(cache.into()), ..*assignment })
            }
        }
    })
}

fn json(asked: &impl Serialize) -> Result<String, PackbenchError> {
    serde_json::to_string(asked).map_err(|error| PackbenchError::job(&error))
}

fn guards(names: &[String]) -> Result<Vec<Guard>, PackbenchError> {
    let guard = |name: &String| {
        let unknown = |_| PackbenchError::Job {
            reason: format!("found no guard {name:?}: docs/GLOSSARY.md names them"),
        };
        name.trim().parse().map_err(unknown)
    };
    names.iter().map(guard).collect()
}

impl From<HandedError> for PackbenchError {
    fn from(error: HandedError) -> Self {
        PackbenchError::job(&error)
    }
}

impl From<Preset> for job::Preset {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Quick => job::Preset::Quick,
            Preset::FirstToken => job::Preset::FirstToken,
            Preset::Reads => job::Preset::Reads,
            Preset::All => job::Preset::All,
        }
    }
}
