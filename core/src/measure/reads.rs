//! Probe *reads*: `pread`, through the page cache or past it. The clock is read once per read; histograms are made
//! afterwards.

use super::attempt::{Done, Taken};
use super::latency::{histogram, room};
use crate::os::{Buffer, Meter, ModelFile, OsError, Reads};
use crate::unit::Bytes;

/// Makes the reads of `reads`, which cover `covered` bytes, by so many threads, and times each.
pub(super) fn probe(
    file: &dyn ModelFile,
    meter: &mut dyn Meter,
    reads: &Reads,
    threads: u32,
    covered: Bytes,
) -> Result<Taken, OsError> {
    let latencies = room(reads.order().len());
    let mut buffers: Vec<Buffer> = (0..threads).map(|_| Buffer::new(reads.io_size())).collect();
    let (checksum, usage) = file.read(reads, &mut buffers, &latencies, meter)?;
    let work = Done { checksum, operations: latencies.len() as u64, covered };
    Ok(Taken { usage, work: Some(work), latency: Some(histogram(&latencies)), ..Taken::default() })
}
