//! The same tensors in another order: a new file, put together from those that a model lies in.
//!
//! ```text
//! headers ─ order → plan ─ room taken → header, read back and held against the plan
//!                        → data, copied and compared → storage → name
//! ```

mod apply;
mod check;
mod error;
mod plan;
mod prepare;

use std::path::Path;
use std::sync::atomic::AtomicBool;

pub use apply::{Apply, ApplyError, Source};
pub use error::RepackError;
pub use plan::{Plan, Relocation, SafetensorsError, Section, gguf, safetensors};

use crate::layout::Arrangement;
use crate::os::{Existing, Os};
use crate::record::{REPACKED_SCHEMA, ReadBack, Repacked};
use crate::unit::Bytes;
use prepare::Prepared;

/// What is to become of a model.
#[derive(Clone, Copy, Debug)]
pub struct Repacking<'a> {
    /// One of the model's files, or its index.
    pub model: &'a Path,
    /// The new file.
    pub out: &'a Path,
    /// The layout that it is to have.
    pub arrangement: &'a Arrangement,
    /// Whether a model in several files becomes one.
    pub merge: bool,
    /// What to do if `out` is there.
    pub existing: Existing,
    /// From where the new file is read back to be compared with the model.
    pub read_back: ReadBack,
}

/// Makes a model's file in another layout. `progress` is told again and again how many bytes of how many are there.
///
/// # Errors
/// Then there is no new file; the model's are never written to.
pub fn repack(
    os: &dyn Os,
    repacking: &Repacking<'_>,
    cancel: &AtomicBool,
    progress: &mut dyn FnMut(Bytes, Bytes),
) -> Result<Repacked, RepackError> {
    let Prepared { plan, format, layout, sources } = Prepared::new(os, repacking)?;
    let describes = |bytes: &[u8]| check::describes(bytes, format, &layout, &plan);
    let total = plan.data.iter().map(|relocation| relocation.range.len).sum();
    let mut done = Bytes(0);
    let apply = Apply {
        os,
        plan: &plan,
        sources: &sources,
        describes: &describes,
        cancel,
        progress: &mut |more| {
            done = done + more;
            progress(done, total);
        },
    };
    let read_back = apply.make(repacking.out, repacking.existing, repacking.read_back)?;
    Ok(Repacked {
        schema: REPACKED_SCHEMA.to_owned(),
        order: repacking.arrangement.order.to_string(),
        alignment_bytes: plan.alignment.map(|bytes| bytes.0),
        format: layout.format.clone(),
        files: layout.files.len() as u64,
        tensors: layout.tensors.len() as u64,
        tensor_bytes: layout.tensors.iter().map(|tensor| tensor.data.len).sum::<Bytes>().0,
        file_bytes: plan.len.0,
        restores: plan.restores,
        read_back,
    })
}
