//! Latencies of single operations, taken in the measured region and put into a histogram after it.

use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;

use crate::record::Latency;
use crate::unit::Nanos;

/// Decimal digits to which a histogram keeps a latency.
const SIGNIFICANT_DIGITS: u8 = 2;

/// An operation that takes longer is kept as this.
const LONGEST: Nanos = Nanos(3_600_000_000_000);

/// Room for `count` latencies. Written to, not only reserved: a page of fresh memory that is first touched in the measured
/// region faults there.
pub(super) fn room(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(1)).collect()
}

/// What was taken.
pub(super) fn histogram(latencies: &[AtomicU64]) -> Latency {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST.0, SIGNIFICANT_DIGITS)
        .expect("2 digits up to an hour are within what a histogram can keep");
    for latency in latencies {
        histogram.saturating_record(latency.load(Ordering::Relaxed).max(1));
    }
    let buckets =
        histogram.iter_recorded().map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()));
    Latency { significant_digits: SIGNIFICANT_DIGITS, buckets_ns: buckets.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_keeps_every_latency() {
        let latencies: Vec<AtomicU64> = (0..1000).map(|n| AtomicU64::new(n * n)).collect();
        let latency = histogram(&latencies);
        assert_eq!(latency.buckets_ns.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        let (largest, _) = latency.buckets_ns[latency.buckets_ns.len() - 1];
        assert!((998_001..998_001 + 9_981).contains(&largest), "{largest} is within 1 % of the largest");
    }
}
