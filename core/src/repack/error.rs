//! Why a model isn't repacked.

use std::path::PathBuf;

use super::{ApplyError, SafetensorsError};
use crate::layout::{FilesError, OrderError, TraceError};
use crate::os::OsError;

/// Why a model isn't repacked. There is no new file then.
#[derive(Debug, thiserror::Error)]
pub enum RepackError {
    /// A model can't be read: the one to be repacked, or the one that it is to be like.
    #[error("{}", path.display())]
    Model {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: Box<FilesError>,
    },
    /// A file can't be opened.
    #[error("{}", path.display())]
    Open {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: OsError,
    },
    /// The weight trace can't be used.
    #[error("{}", path.display())]
    Trace {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: TraceError,
    },
    /// The order can't be followed.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The order can't be had in this format.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
    /// The format has no alignment.
    #[error("found an alignment for safetensors, whose tensors lie side by side without gaps: leave it out")]
    NoAlignment,
    /// Nobody has asked for one file of several.
    #[error("the model lies in {files} files: to put them into one, add --merge")]
    SeveralFiles {
        /// How many.
        files: usize,
    },
    /// There is only one of several.
    #[error("found part {number} of {of} alone: put the other parts beside it, or leave --merge out")]
    PartAlone {
        /// Which one.
        number: u64,
        /// Of how many.
        of: u64,
    },
    /// The new file would take the place of one that it is made from.
    #[error("{} is read to make the new file: give that another name", path.display())]
    SameFile {
        /// Which one.
        path: PathBuf,
    },
    /// The file can't be made.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}
