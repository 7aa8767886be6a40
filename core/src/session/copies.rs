//! Copies of a model in the arrangements that a job names: made on the device that measures, beside the model, since another
//! folder may lie on other storage, and kept there for the next session.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::model::{Examined, ModelError};
use super::{SessionError, Sink, announce};
use crate::job::Model;
use crate::layout::Arrangement;
use crate::os::{Existing, NewFileError, Os, make_folder};
use crate::record::wire::Assignment;
use crate::record::{PhaseName, ReadBack};
use crate::repack::{ApplyError, RepackError, Repacking, repack};

/// Where the copies of the models of a folder lie.
pub const FOLDER: &str = "packbench-variants";

/// Raised whenever an arrangement comes out otherwise, so that copies which were kept are made again.
const REPACKING: u32 = 1;

/// Has a copy in the place of each model that `assignment` wants in another arrangement. `models` are those models, examined as
/// they are. Ends early once `cancel` is set.
pub(super) fn make(
    os: &dyn Os,
    assignment: &Assignment,
    models: &mut [Examined],
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Result<Assignment, SessionError> {
    let mut made = assignment.clone();
    let cache = assignment.cache_dir.as_deref();
    for (model, examined) in made.job.models.iter_mut().zip(models) {
        let Some(arrangement) = model.arrangement.clone() else { continue };
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let failed = |source| SessionError::model(&model.name, source);
        let copy = Copy::new(os, model, &arrangement, examined, cache).map_err(failed)?;
        if !copy.path.exists() {
            announce(sink, PhaseName::Repack, Some(&model.name))?;
            match copy.make(os, &arrangement, cancel) {
                Err(ModelError::Copy(error)) if is_cancelled(&error) => break,
                made => made.map_err(failed)?,
            }
        }
        let copied = Model { path: Some(copy.path), ..model.clone() };
        *examined = Examined::new(os, &copied)?.copy_of(copy.payload_hash);
        *model = copied;
    }
    Ok(made)
}

fn is_cancelled(error: &RepackError) -> bool {
    matches!(error, RepackError::Apply(ApplyError::Cancelled))
}

/// A copy of a model, made or to be made.
struct Copy {
    model: PathBuf,
    path: PathBuf,
    payload_hash: String,
}

impl Copy {
    /// The copy of `model` in `arrangement`, named by what both are.
    fn new(
        os: &dyn Os,
        model: &Model,
        arrangement: &Arrangement,
        examined: &Examined,
        cache: Option<&Path>,
    ) -> Result<Self, ModelError> {
        let model = model.path.clone().ok_or(ModelError::NoPath)?;
        let payload_hash = examined.identify(os, cache)?.payload_hash;
        let mapping = os.open(&model)?.map()?;
        let header = mapping.bytes().get(..examined.data_start().0 as usize).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{REPACKING}\0{arrangement}\0{payload_hash}\0").as_bytes()).update(header);
        let (hash, stem) = (hasher.finalize().to_hex(), model.file_stem().unwrap_or_default());
        let shown = arrangement.to_string().replace([':', '='], ".");
        let name = format!("{}.{shown}.{}.gguf", stem.to_string_lossy(), &hash[..12]);
        Ok(Copy { path: model.with_file_name(FOLDER).join(name), model, payload_hash })
    }

    fn make(&self, os: &dyn Os, arrangement: &Arrangement, cancel: &AtomicBool) -> Result<(), ModelError> {
        make_folder(&self.model.with_file_name(FOLDER))?;
        let repacking = Repacking {
            model: &self.model,
            out: &self.path,
            arrangement,
            merge: false,
            existing: Existing::Keep,
            read_back: ReadBack::Memory,
        };
        match repack(os, &repacking, cancel, &mut |_, _| ()) {
            // Another session was quicker.
            Err(RepackError::Apply(ApplyError::NewFile(NewFileError::Exists { .. }))) => Ok(()),
            other => other.map(drop).map_err(|error| ModelError::Copy(Box::new(error))),
        }
    }
}
