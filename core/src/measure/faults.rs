//! Probe *faults*: touch a mapping, one byte a page. No clock is read per touch.

use super::{Done, Taken};
use crate::job::Advice;
use crate::os::{Mapping, Meter, OsError, Touches};

/// Brings pages in as `advice` says and touches them. The advice belongs to the measured region: its cost is the policy's.
pub(super) fn probe(
    mapping: &dyn Mapping,
    meter: &mut dyn Meter,
    advice: Advice,
    touches: &Touches,
) -> Result<Taken, OsError> {
    meter.start();
    let applied = mapping.apply(advice, touches.pages());
    let checksum = mapping.touch(touches);
    let usage = meter.stop();
    applied?;
    let work = Some(Done { checksum, operations: touches.order().len() as u64 });
    Ok(Taken { usage, work, ..Taken::default() })
}
