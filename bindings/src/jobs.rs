//! What an app is asked to measure: jobs that it offers, and those that come from elsewhere, whose models are copied into
//! the app first.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use packbench_core::job::{self, Guard, Job, Model};
use packbench_core::record::wire::Assignment;
use serde::{Serialize, de::DeserializeOwned};

use crate::PackbenchError;

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
    let mut job = job::Preset::from(preset).job();
    let name = file_name(Path::new(model)).unwrap_or_default();
    job.models = vec![Model { name, path: Some(model.into()), arrangement: None }];
    job.suppress = guards(&suppress)?;
    json(&job)
}

/// The names of the model files that a job, or an assignment that a computer hands out, takes.
///
/// # Errors
/// What is neither.
#[uniffi::export]
pub fn model_files(asked: &str) -> Result<Vec<String>, PackbenchError> {
    let job = Asked::read(asked)?.into_job();
    let mut files: Vec<String> =
        job.models.iter().filter_map(|model| file_name(model.path.as_deref()?)).collect();
    files.sort();
    files.dedup();
    Ok(files)
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
    let mut asked = Asked::read(asked)?;
    let job = asked.job();
    for model in &mut job.models {
        let name = model.path.as_deref().and_then(file_name).unwrap_or_else(|| model.name.clone());
        let place = models.get(&name);
        let missing =
            || PackbenchError::Job { reason: format!("{name} is missing: copy it to where the job is") };
        model.path = Some(PathBuf::from(place.ok_or_else(missing)?));
    }
    job.suppress.extend(guards(&suppress)?);
    match asked {
        Asked::Job(job) => json(&*job),
        Asked::Assignment(assignment) => json(&Assignment { cache_dir: Some(cache.into()), ..*assignment }),
    }
}

enum Asked {
    Job(Box<Job>),
    Assignment(Box<Assignment>),
}

impl Asked {
    /// A job is a part of an assignment.
    fn read(text: &str) -> Result<Self, PackbenchError> {
        // Of its own accord serde takes a list for the fields of a job, in order.
        let fields: serde_json::Map<String, serde_json::Value> = read(text)?;
        match fields.contains_key("job") {
            true => Ok(Asked::Assignment(read(text)?)),
            false => Ok(Asked::Job(read(text)?)),
        }
    }

    fn job(&mut self) -> &mut Job {
        match self {
            Asked::Job(job) => job,
            Asked::Assignment(assignment) => &mut assignment.job,
        }
    }

    fn into_job(self) -> Job {
        match self {
            Asked::Job(job) => *job,
            Asked::Assignment(assignment) => assignment.job,
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, PackbenchError> {
    let problem = |error| PackbenchError::Job { reason: format!("found no job and no assignment: {error}") };
    serde_json::from_str(text).map_err(problem)
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

fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(OsStr::to_string_lossy).map(|name| name.into_owned())
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
