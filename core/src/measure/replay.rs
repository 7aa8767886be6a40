//! Probe *replay*: touch the pages that a first token reads, in the order in which an engine reads them, without
//! computing. What a layout and a policy cost when compute is free.

use super::attempt::{Done, Taken};
use super::{MeasureError, Task, faults};
use crate::access;
use crate::job::{Advice, Policy, Timing};
use crate::os::{Mapping, Os, Scope};

/// Where a trace is replayed.
pub(super) struct Scene<'a> {
    pub os: &'a dyn Os,
    pub task: &'a Task<'a>,
    pub mapping: &'a dyn Mapping,
}

/// Touches the pages of the task's pieces in turn. A stream runs ahead of the touches as it would of compute.
pub(super) fn probe(scene: &Scene<'_>, policy: Policy) -> Result<Taken, MeasureError> {
    let Scene { os, task, mapping } = scene;
    let touches = access::replay(task.pieces);
    let ranges = access::extents(task.pieces, os.page_size(), task.work.span);
    let covered = ranges.iter().map(|range| range.len).sum();
    let advice = policy.advice().unwrap_or(Advice::Normal);
    let mut meter = os.meter(Scope::Thread)?;
    let Some(ahead) = policy.ahead() else {
        return Ok(faults::probe(*mapping, meter.as_mut(), advice, &touches, Timing::Whole, covered)?);
    };
    let stream = os.stream(&task.subject.path, task.pieces, ahead.lead)?;
    meter.start();
    let stream = stream.start();
    let checksum = mapping.touch(&touches);
    let usage = meter.stop();
    stream?.finish()?;
    let work = Done { checksum, operations: touches.order().len() as u64, covered };
    Ok(Taken { usage, work: Some(work), ..Taken::default() })
}
