//! The line that opens a segment.

use super::{SessionError, Sink};
use crate::compare::differences;
use crate::os::Os;
use crate::record::wire::Assignment;
use crate::record::{Context, Header, Line, SCHEMA, Tool};

/// Says who measures, and where. Returns whether the processors that were asked for are the only ones used.
pub(super) fn write(
    os: &dyn Os,
    mut context: Context,
    assignment: &Assignment,
    tool: Tool,
    sink: &mut Sink<'_>,
) -> Result<bool, SessionError> {
    let Assignment { job, session, segment, began, .. } = assignment;
    let mut pinned = true;
    if !job.cpus.is_empty() {
        pinned = os.pin(&job.cpus).is_ok();
        context.cpus = pinned.then(|| job.cpus.clone());
    }
    context.fixed_performance = assignment.fixed_performance;
    let mut job = job.clone();
    job.models.iter_mut().for_each(|model| model.path = None);
    let header = Header {
        schema: SCHEMA.to_owned(),
        session: session.clone(),
        segment: *segment,
        started_unix_ms: os.unix_time_ms(),
        tool,
        job,
        context,
    };
    let difference = began.as_ref().and_then(|began| differences(began, &header).pop());
    match difference {
        Some(difference) => Err(SessionError::OtherDevice { difference }),
        None => Ok(sink(&Line::Header(header)).map(|()| pinned)?),
    }
}
