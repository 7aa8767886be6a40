//! Probe *reads*: buffered `pread`. The clock is read once per read; histograms are made afterwards.

use hdrhistogram::Histogram;

use super::{Done, Taken};
use crate::os::{Meter, ModelFile, OsError, Reads};
use crate::record::Latency;
use crate::unit::Nanos;

/// Decimal digits to which a histogram keeps a latency.
const SIGNIFICANT_DIGITS: u8 = 2;

/// A read that takes longer is kept as this.
const LONGEST: Nanos = Nanos(3_600_000_000_000);

/// Makes the reads of `reads` and times each.
pub(super) fn probe(file: &dyn ModelFile, meter: &mut dyn Meter, reads: &Reads) -> Result<Taken, OsError> {
    let count = reads.order().len();
    // Written to, not only reserved: a page of fresh memory that is first touched in the measured region faults there.
    let mut buffer = vec![1u8; reads.io_size().0 as usize];
    let mut latencies = vec![Nanos(1); count];
    meter.start();
    let checksum = file.read(reads, &mut buffer, &mut latencies);
    let usage = meter.stop();
    let latency = Some(histogram(&latencies));
    let work = Some(Done { checksum: checksum?, operations: count as u64 });
    Ok(Taken { usage, work, latency, ..Taken::default() })
}

fn histogram(latencies: &[Nanos]) -> Latency {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST.0, SIGNIFICANT_DIGITS)
        .expect("2 digits up to an hour are within what a histogram can keep");
    latencies.iter().for_each(|latency| histogram.saturating_record(latency.0.max(1)));
    let buckets =
        histogram.iter_recorded().map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()));
    Latency { significant_digits: SIGNIFICANT_DIGITS, buckets_ns: buckets.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_keeps_every_read() {
        let latencies: Vec<Nanos> = (0..1000).map(|n| Nanos(n * n)).collect();
        let latency = histogram(&latencies);
        assert_eq!(latency.buckets_ns.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        let (largest, _) = latency.buckets_ns[latency.buckets_ns.len() - 1];
        assert!((998_001..998_001 + 9_981).contains(&largest), "{largest} is within 1 % of the largest");
    }
}
