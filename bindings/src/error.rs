//! Errors that a screen can act on: one variant for each thing that its user can do, with the reason in words.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use packbench_core::error::chain;
use packbench_core::session::SessionError;

/// Why something was not done.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum PackbenchError {
    /// A session is under way in this process: wait for its end, or cancel it.
    #[error("another session is under way")]
    Busy,
    /// The job can't be carried out as it stands: mend it.
    #[error("{reason}")]
    Job {
        /// What is wrong with it.
        reason: String,
    },
    /// A model can't be measured, or not read: choose another file.
    #[error("{reason}")]
    Model {
        /// Which one and why.
        reason: String,
    },
    /// The phone or the app is in a state in which numbers mislead: mend that, or suppress the guards.
    #[error("{reason}")]
    Guarded {
        /// The guards that were found, by the names that a job suppresses.
        guards: Vec<String>,
        /// What to do about each.
        reason: String,
    },
    /// The report can't be written, read or gone on with: choose another, or make room.
    #[error("{reason}")]
    Report {
        /// Why.
        reason: String,
    },
    /// The question can't be answered from this report: ask another.
    #[error("{reason}")]
    Question {
        /// Why.
        reason: String,
    },
    /// What the app implements threw: mend the app. What was finished is in the report.
    #[error("{reason}")]
    App {
        /// What it threw.
        reason: String,
    },
    /// packbench is at fault. What was finished is in the report.
    #[error("{reason}")]
    Bug {
        /// What went wrong.
        reason: String,
    },
}

impl PackbenchError {
    /// Of a job that isn't one.
    pub(crate) fn job(error: &dyn Error) -> Self {
        PackbenchError::Job { reason: chain(error) }
    }

    /// Of a report that can't be used.
    pub(crate) fn report(error: &dyn Error) -> Self {
        PackbenchError::Report { reason: chain(error) }
    }
}

impl From<SessionError> for PackbenchError {
    fn from(error: SessionError) -> Self {
        let reason = chain(&error);
        match error {
            SessionError::Job(_) => PackbenchError::Job { reason },
            SessionError::Model { .. } => PackbenchError::Model { reason },
            SessionError::Guarded { guards } => {
                PackbenchError::Guarded { guards: guards.iter().map(ToString::to_string).collect(), reason }
            }
            SessionError::OtherDevice { .. } => PackbenchError::Report { reason },
            SessionError::Sink(source) => match source.downcast::<AppError>() {
                Ok(threw) => threw.into(),
                Err(_) => PackbenchError::Report { reason },
            },
        }
    }
}

/// What an implementation of the app's answers when it can't.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum AppError {
    /// It threw.
    #[error("{reason}")]
    Threw {
        /// What.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for AppError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        AppError::Threw { reason: error.reason }
    }
}

impl From<AppError> for PackbenchError {
    fn from(AppError::Threw { reason }: AppError) -> Self {
        PackbenchError::App { reason: format!("the app threw: {reason}") }
    }
}

/// Turns a panic into an error: an app goes on living.
pub(crate) fn no_panic<T>(work: impl FnOnce() -> Result<T, PackbenchError>) -> Result<T, PackbenchError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = format!("this is a bug of packbench: {}", words(&*panic));
        tracing::error!(reason);
        Err(PackbenchError::Bug { reason })
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}
