//! What ends a session, or keeps it from beginning.

use std::io;

use super::{ModelError, gate};
use crate::compare::Difference;
use crate::job::{Guard, JobError};

/// Why a session can't begin or can't go on. A run that fails is no such reason: it is recorded.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The job itself is impossible.
    #[error(transparent)]
    Job(#[from] JobError),
    /// A model can't be measured.
    #[error("{name}")]
    Model {
        /// The model.
        name: String,
        /// Why.
        source: Box<ModelError>,
    },
    /// The session was begun elsewhere.
    #[error("this report was begun elsewhere: {difference}. Begin a new report here")]
    OtherDevice {
        /// What differs.
        difference: Difference,
    },
    /// The phone or the app is in a state in which numbers mislead.
    #[error(
        "found {}. To measure all the same, let the job say \"suppress\": {}",
        gate::remedies(guards),
        gate::names(guards)
    )]
    Guarded {
        /// What was found.
        guards: Vec<Guard>,
    },
    /// The lines can't be handed on.
    #[error("the report can't be written")]
    Sink(#[from] io::Error),
}

impl SessionError {
    pub(super) fn model(name: &str, source: ModelError) -> Self {
        SessionError::Model { name: name.to_owned(), source: Box::new(source) }
    }
}
