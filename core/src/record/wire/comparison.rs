//! What a comparison says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, ObstacleName, Verdict};
use crate::job::{Case, Field};
use crate::record::Caveat;

/// The answer to one question put to a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparisons {
    /// `packbench.comparison/1`.
    pub schema: String,
    /// The session that was measured; of two, that of the base.
    pub session: String,
    /// The session of the candidate; `null` when both arms are of one session.
    pub candidate_session: Option<String>,
    /// The fields in which the arms differ; none where they are of two sessions.
    pub by: Vec<Field>,
    /// What of their runs is compared.
    pub metric: Metric,
    /// The smallest relative change that matters: 0.05 is 5 %.
    pub threshold: f64,
    /// Blocks that were measured in more than one segment, and so are not paired.
    pub seams: Vec<u32>,
    /// What the reports lack or hold too much of, in words: runs that are missing, a line that was cut.
    pub incomplete: Vec<String>,
    /// How many comparisons were gated together, those of other metrics included: what a regression is corrected for.
    pub gated_together: u32,
    /// One for each arm beside the base, for each combination of the other fields.
    pub comparisons: Vec<Comparison>,
    /// Each cold first token against its floor, whatever was asked.
    #[serde(default)]
    pub floors: Vec<Floored>,
}

/// A cold first token held against its floor: a read of the bytes that it needs, past the page cache, measured in the same
/// blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Floored {
    /// The first token.
    pub case: Case,
    /// Bytes per read of the floor.
    pub io_size_bytes: u64,
    /// What must come in.
    pub needed_bytes: u64,
    /// Blocks that hold a run of each.
    pub blocks: u32,
    /// The floor: median over blocks.
    pub floor_ns: u64,
    /// The first token: median over blocks.
    pub first_token_ns: u64,
    /// The same with everything in memory, under this policy or else under the first that was measured so; `null` when
    /// none was.
    pub warm_ns: Option<u64>,
    /// First token ÷ floor: the pseudo-median over blocks.
    pub ratio: Option<f64>,
    /// Where that ratio lies: `[low, high]`.
    pub interval: Option<(f64, f64)>,
    /// What stands between the two, as far as it is worth naming.
    pub obstacles: Vec<Obstacle>,
}

/// Something that keeps a first token from its floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Obstacle {
    /// What it is.
    pub what: ObstacleName,
    /// What it costs; see [`ObstacleName`].
    pub wall_ns: u64,
    /// How much of it there is: bytes that nobody needed, or bytes for each wait.
    pub bytes: Option<u64>,
    /// How often it happens: waits.
    pub count: Option<u64>,
}

/// One arm held against the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The other fields, in which the arms agree.
    pub fixed: BTreeMap<String, String>,
    /// The arm that is compared against.
    pub base: String,
    /// The arm that is compared.
    pub candidate: String,
    /// In which of the fields asked for the two differ: what the effect is one of.
    pub differ_in: Vec<Field>,
    /// Blocks that hold a run of each; of two sessions, the runs of the arm that has fewer.
    pub blocks: u32,
    /// Of the base's paired runs, in the metric's unit.
    pub base_median: Option<f64>,
    /// Of the candidate's paired runs, in the metric's unit.
    pub candidate_median: Option<f64>,
    /// Candidate ÷ base: the pseudo-median over blocks.
    pub ratio: Option<f64>,
    /// Where that ratio lies: `[low, high]`.
    pub interval: Option<(f64, f64)>,
    /// How often such an interval holds the true value.
    pub coverage: Option<f64>,
    /// Candidate − base, of counts: the pseudo-median over blocks, in the metric's unit. Counts are judged by it, for they
    /// may be 0; `null` for times.
    pub difference: Option<f64>,
    /// Where that difference lies: `[low, high]`.
    pub difference_interval: Option<(f64, f64)>,
    /// The chance of blocks this one-sided, or more, if the arms were alike; two-sided.
    pub p_value: Option<f64>,
    /// The chance of blocks this far above 1 + threshold, or further, if the candidate took just that; one-sided.
    pub p_regression: Option<f64>,
    /// Whether it counts for a CI job: all do but for floors that the job didn't name, which tell of the storage.
    #[serde(default = "gated")]
    pub gated: bool,
    /// Whether the candidate is worse by more than the threshold, held to all that were gated together.
    pub regression: bool,
    /// The smallest effect that could have been seen: 0.04 is 4 %.
    pub smallest_effect: Option<f64>,
    /// How many blocks with this spread would show an effect as large as the threshold in four of five sessions.
    pub blocks_needed: Option<u32>,
    /// Whether both arms moved as the session went on; `null` where that can't be told.
    pub drift: Option<Drift>,
    /// Whether it matters which arm ran first in a block; `null` where that can't be told.
    pub order_effect: Option<OrderEffect>,
    /// What that says.
    pub verdict: Verdict,
    /// Why there is no better one; `null` when there is nothing to say.
    pub reason: Option<String>,
    /// Runs of either arm that were not paired, and why.
    pub left_out: Vec<String>,
    /// Why the paired runs deserve less trust.
    pub caveats: Vec<Caveat>,
}

/// Before it was told, all were.
fn gated() -> bool {
    true
}

/// Whether the arms of a comparison rose or fell together over the blocks. It takes nothing from a ratio, which is taken
/// within blocks, and much from a median.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The later half of the blocks against the earlier half, medians: 0.1 is 10 % more.
    pub change: f64,
    /// The chance of such an order of blocks, or a clearer one, if time had no part in it; two-sided.
    pub p_value: f64,
}

/// Whether running second in a block costs something. Orders are drawn, so that it widens intervals and moves none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderEffect {
    /// What the arm that ran second took, as a ratio − 1.
    pub cost: f64,
    /// The chance of that, or more, if the order had no part in it; two-sided.
    pub p_value: f64,
}
