//! What a run counted, and what the machine was like around it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Facts, PhaseName, Proof};
use crate::unit::Bytes;

/// What a run counted. All are differences over the measured region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Elapsed time.
    pub wall_ns: u64,
    /// Processor time of the measuring thread, or of all threads where an engine computes.
    pub cpu_ns: Option<u64>,
    /// Faults of the same threads that waited for storage.
    pub major_faults: Option<u64>,
    /// Faults of the same threads that found the page in memory.
    pub minor_faults: Option<u64>,
    /// Pages that had to be brought in when the process first touched them; Darwin alone counts so, and counts no major
    /// faults.
    pub pages_paged_in: Option<u64>,
    /// Bytes that the process caused to be fetched from storage, readahead included.
    pub bytes_fetched: Option<u64>,
    /// Bytes of the file that the probe covered; `null` when an engine decided what is read.
    pub bytes_covered: Option<u64>,
    /// Touches or reads made; `null` when an engine made them.
    pub operations: Option<u64>,
    /// Sum of the first byte of each page covered, as the plan foretold it; `null` when an engine read.
    pub checksum: Option<u64>,
}

/// A first token, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstToken {
    /// In order. The first token is there at the end of prefill: up to there goes `wall_ns` of the metrics, which also
    /// holds what lies between the phases.
    pub phases: Vec<PhaseCost>,
    /// The first token, by its number in the vocabulary.
    pub token: u32,
    /// Threads that computed.
    pub threads: u32,
    /// What computed.
    pub backend: String,
    /// Requests of the engine to prefetch that were withheld.
    pub prefetches_withheld: u32,
    /// Weights that lie in a mapping of the file.
    pub mapped_bytes: u64,
    /// Weights that were copied elsewhere.
    pub copied_bytes: u64,
}

/// What one phase cost the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseCost {
    /// Which one.
    pub phase: PhaseName,
    /// Elapsed time.
    pub wall_ns: u64,
    /// Processor time of all threads.
    pub cpu_ns: Option<u64>,
    /// Faults of all threads that waited for storage.
    pub major_faults: Option<u64>,
    /// Faults of all threads that found the page in memory.
    pub minor_faults: Option<u64>,
    /// Pages that had to be brought in when the process first touched them, on Darwin.
    pub pages_paged_in: Option<u64>,
    /// Bytes fetched from storage, readahead included.
    pub bytes_fetched: Option<u64>,
    /// Pages of the file in memory at its end; `null` when this system doesn't tell.
    pub resident_pages: Option<u64>,
    /// Memory of the process that is no file's, at its end.
    pub anonymous_bytes: Option<u64>,
}

/// Latencies as a histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Decimal digits to which a bucket holds a latency.
    pub significant_digits: u8,
    /// The largest latency of each bucket that isn't empty, in ns, and how many reads or touches fell into it.
    pub buckets_ns: Vec<(u64, u64)>,
}

/// What was in memory of the bytes that the probe covers, in pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Residency {
    /// Just before the measured region; `null` when this system doesn't tell.
    pub before_pages: Option<u64>,
    /// Just after it; `null` when this system doesn't tell.
    pub after_pages: Option<u64>,
    /// All of them.
    pub total_pages: u64,
    /// What `before_pages` proves.
    pub proof: Proof,
}

/// The machine before and after a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Before; `null` when the process died.
    pub before: Option<Conditions>,
    /// After; `null` when the process died.
    pub after: Option<Conditions>,
}

/// What may differ from run to run on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conditions {
    /// Since the segment began.
    pub elapsed_ns: u64,
    /// Memory that could be had without swapping.
    pub memory_available_bytes: Option<u64>,
    /// Runnable tasks, averaged over a minute, in thousandths.
    pub load_1m_milli: Option<u64>,
    /// The slowest processor's clock.
    pub cpu_min_khz: Option<u64>,
    /// The hottest sensor, in thousandths of a degree Celsius.
    pub temperature_max_milli_c: Option<i64>,
    /// What the app tells; `null` outside an app.
    pub facts: Option<Facts>,
}

impl Conditions {
    /// What a process could take now: no more than there is, and no more than its system lets it have.
    pub fn memory_to_be_had(&self) -> Option<Bytes> {
        let left = self.facts.as_ref().and_then(|facts| facts.process_memory_left_bytes);
        self.memory_available_bytes.into_iter().chain(left).min().map(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_have_what_there_is_and_what_it_is_let_have() {
        let had = |memory_available_bytes, process_memory_left_bytes| {
            let facts = Some(Facts { process_memory_left_bytes, ..Facts::default() });
            Conditions { memory_available_bytes, facts, ..Conditions::default() }.memory_to_be_had()
        };
        assert_eq!([had(Some(3), None), had(None, Some(5))], [Some(Bytes(3)), Some(Bytes(5))]);
        assert_eq!([had(Some(3), Some(5)), had(Some(9), Some(5))], [Some(Bytes(3)), Some(Bytes(5))]);
        assert_eq!(had(None, None), None);
        assert_eq!(Conditions::default().memory_to_be_had(), None);
    }
}
