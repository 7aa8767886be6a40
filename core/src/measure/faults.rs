//! Probe *faults*: touch a mapping, one byte a page. No clock is read per touch.

use super::Taken;
use crate::job::Policy;
use crate::os::{Mapping, Meter, OsError, Touches};

/// Brings pages in under `policy` and touches them. The advice belongs to the measured region: its cost is the policy's.
pub(super) fn probe(
    mapping: &dyn Mapping,
    meter: &mut dyn Meter,
    policy: Policy,
    touches: &Touches,
) -> Result<Taken, OsError> {
    meter.start();
    let applied = mapping.apply(policy, touches.pages());
    let checksum = mapping.touch(touches);
    let usage = meter.stop();
    applied?;
    Ok(Taken { usage, checksum, operations: touches.order().len() as u64, latency: None })
}
