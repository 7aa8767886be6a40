//! Loops as wide as the processor allows: programs are built for the least of its kind.

use pulp::Arch;

/// Runs `work`, whose loops, inlined into it, take as many numbers at a time as this processor's vectors hold.
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}
