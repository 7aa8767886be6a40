//! The file in which a score is kept while it runs.

use std::io::ErrorKind;
use std::path::PathBuf;

use packbench_core::os::write_whole;
use packbench_core::quant::checkpoint::{CheckpointError, Key, State, read, write};

use crate::FimError;

/// Where a score's state is kept, and under which key.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// A hash of all that the score depends on.
    pub key: Key,
}

impl Checkpoint {
    /// What was kept; `None` when nothing was.
    ///
    /// # Errors
    /// A file that isn't one, is damaged, or is of another score; what doesn't fit this one.
    pub fn load(&self, fits: impl FnOnce(&State) -> bool) -> Result<Option<State>, FimError> {
        let file = match std::fs::read(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refuse(error)),
        };
        let state = read(&file, &self.key).map_err(|error| self.refuse(error))?;
        if fits(&state) { Ok(Some(state)) } else { Err(self.refuse(CheckpointError::Damaged)) }
    }

    /// Keeps `state`, in place of what was kept before.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn save(&self, state: &State) -> Result<(), FimError> {
        let kept = write_whole(&self.path, write(state, &self.key));
        kept.map_err(|source| FimError::Keep { path: self.path.display().to_string(), source })
    }

    /// Removes what was kept, once the scores lie elsewhere.
    pub fn remove(&self) {
        // One that can't be removed is found to be done, or of another score.
        let _ = std::fs::remove_file(&self.path);
    }

    fn refuse(&self, problem: impl ToString) -> FimError {
        FimError::Checkpoint { path: self.path.display().to_string(), problem: problem.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_where_it_fits() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Checkpoint { path: folder.path().join("scores.partial"), key: [1; 32] };
        assert_eq!(ours.load(|_| true).unwrap(), None);
        let state = State { layers_left: 1, ..State::default() };
        ours.save(&state).unwrap();
        assert_eq!(ours.load(|_| true).unwrap(), Some(state));
        let other = Checkpoint { key: [2; 32], ..ours.clone() };
        assert!(other.load(|_| true).unwrap_err().to_string().contains("of another model, text or setting"));
        assert!(ours.load(|_| false).unwrap_err().to_string().contains("damaged"));
        ours.remove();
        assert_eq!(ours.load(|_| true).unwrap(), None);
    }
}
