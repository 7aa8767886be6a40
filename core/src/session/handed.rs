//! What an app is handed from elsewhere: its models are copied into the app first, so they lie elsewhere, too.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::job::{Guard, Job, Model};
use crate::record::wire::Assignment;

/// A job file, or an assignment that a computer hands out.
pub enum Handed {
    /// To carry out here.
    Job(Box<Job>),
    /// To carry out as much of as this process can.
    Assignment(Box<Assignment>),
}

/// It can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HandedError {
    /// What is neither.
    #[error("found no job and no assignment")]
    Neither(#[from] serde_json::Error),
    /// A model that nobody copied.
    #[error("{name} is missing: copy it to where the job is")]
    Missing {
        /// The file's name.
        name: String,
    },
}

impl Handed {
    /// Reads it. A job is a part of an assignment.
    ///
    /// # Errors
    /// What is neither.
    pub fn read(text: &str) -> Result<Self, HandedError> {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text.as_bytes())?;
        match fields.contains_key("job") {
            true => Ok(Handed::Assignment(Box::new(Assignment::from_json(text)?))),
            false => Ok(Handed::Job(Box::new(Job::from_json(text)?))),
        }
    }

    /// The names of its model files, each once.
    pub fn model_files(&mut self) -> Vec<String> {
        let mut files: Vec<String> = self.job().models.iter().map(file_name).collect();
        files.sort();
        files.dedup();
        files
    }

    /// Has it find its model files where `places` say, by name, and measure in spite of the guards in `suppress` as well.
    ///
    /// # Errors
    /// A model without a place.
    pub fn place(
        &mut self,
        places: &HashMap<String, String>,
        suppress: Vec<Guard>,
    ) -> Result<(), HandedError> {
        let job = self.job();
        for model in &mut job.models {
            let name = file_name(model);
            let place = places.get(&name).ok_or(HandedError::Missing { name })?;
            model.path = Some(PathBuf::from(place));
        }
        job.suppress.extend(suppress);
        Ok(())
    }

    fn job(&mut self) -> &mut Job {
        match self {
            Handed::Job(job) => job,
            Handed::Assignment(assignment) => &mut assignment.job,
        }
    }
}

fn file_name(model: &Model) -> String {
    let name = model.path.as_deref().and_then(Path::file_name).map(OsStr::to_string_lossy);
    name.map_or_else(|| model.name.clone(), |name| name.into_owned())
}
