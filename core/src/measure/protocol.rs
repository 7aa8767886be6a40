//! A run as a list of phases.

use crate::job::CacheState;
use crate::record::PhaseName;

/// The phases of one run, in order.
///
/// The file is opened anew for each run, because the kernel keeps the state of its readahead in the open file.
pub fn protocol(cache: CacheState) -> [PhaseName; 5] {
    let prepare = match cache {
        CacheState::Cold => PhaseName::Evict,
        CacheState::Warm => PhaseName::Fill,
    };
    [PhaseName::Open, prepare, PhaseName::Prove, PhaseName::Measure, PhaseName::Account]
}
