//! Models that were cut into several files: what each says of its place, held against the others.

use super::{Error, Gguf};

/// A file's place in a model that was cut into several files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Which file this is, from 0.
    pub no: u64,
    /// How many files make the model.
    pub count: u64,
    /// How many tensors the whole model has; this file holds only its own.
    pub tensors: u64,
}

/// Why files are not the parts of one model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A `split.*` value that is no number.
    #[error(transparent)]
    Value(#[from] Error),
    /// A file that is another part, or of another model.
    #[error(
        "file {number} of {count} says that it is {found}: is it of another model, or under another name?"
    )]
    Place {
        /// Where it stands among the files, from 1.
        number: usize,
        /// How many files there are.
        count: usize,
        /// What it says of itself.
        found: String,
    },
    /// Tensors are missing, or too many.
    #[error("found {found} tensors in all files together, expected {expected}")]
    Tensors {
        /// How many there are.
        found: usize,
        /// How many the first file names.
        expected: u64,
    },
    /// A tensor that two files hold.
    #[error("found tensor {name:?} in two files, expected names to be unique")]
    Repeated {
        /// Its name.
        name: String,
    },
}

impl Gguf<'_> {
    /// The place of this file in a model of several files; `None` for a model in one file.
    ///
    /// # Errors
    /// A `split.*` value that is no unsigned number.
    pub fn split(&self) -> Result<Option<Split>, Error> {
        let value = |key| self.metadata.unsigned(key);
        Ok(match (value("split.no")?, value("split.count")?, value("split.tensors.count")?) {
            // llama.cpp's own tools leave the keys with a count of 0 or 1 when there is nothing to join
            (Some(no), Some(count), Some(tensors)) if count > 1 => Some(Split { no, count, tensors }),
            _ => None,
        })
    }
}

/// Holds the files of one model, in order, against each other.
///
/// # Errors
/// Names the file that isn't the part that it should be, or what the parts don't come to.
pub fn check_parts(parts: &[Gguf<'_>]) -> Result<(), SplitError> {
    let count = parts.len();
    let mut expected = 0;
    for (index, part) in parts.iter().enumerate() {
        match part.split()? {
            Some(split) if split.no == index as u64 && split.count == count as u64 => {
                expected = split.tensors
            }
            found => return Err(SplitError::Place { number: index + 1, count, found: shown(found) }),
        }
    }
    let mut names: Vec<&str> =
        parts.iter().flat_map(|part| &part.tensors).map(|tensor| tensor.name).collect();
    if names.len() as u64 != expected {
        return Err(SplitError::Tensors { found: names.len(), expected });
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SplitError::Repeated { name: super::excerpt(pair[0].as_bytes()) }),
        None => Ok(()),
    }
}

fn shown(split: Option<Split>) -> String {
    match split {
        Some(Split { no, count, .. }) => format!("number {} of {count}", no.saturating_add(1)),
        None => "a whole model".to_owned(),
    }
}
