//! Probe *faults*: touch a mapping, one byte a page.

use super::attempt::{Done, Taken};
use super::latency::{histogram, room};
use crate::job::{Advice, Timing};
use crate::os::{Mapping, Meter, OsError, Touches};
use crate::unit::Bytes;

/// Brings pages in as `advice` says and touches them. The advice belongs to the measured region: its cost is the policy's.
pub(super) fn probe(
    mapping: &dyn Mapping,
    meter: &mut dyn Meter,
    advice: Advice,
    touches: &Touches,
    timing: Timing,
    covered: Bytes,
) -> Result<Taken, OsError> {
    let operations = touches.order().len();
    let latencies = match timing {
        Timing::Whole => Vec::new(),
        Timing::Each => room(operations),
    };
    meter.start();
    let applied = mapping.apply(advice, touches.pages());
    let checksum = match timing {
        Timing::Whole => mapping.touch(touches),
        Timing::Each => mapping.touch_each(touches, &latencies),
    };
    let usage = meter.stop();
    applied?;
    let work = Done { checksum, operations: operations as u64, covered };
    let latency = (timing == Timing::Each).then(|| histogram(&latencies));
    Ok(Taken { usage, work: Some(work), latency, ..Taken::default() })
}
