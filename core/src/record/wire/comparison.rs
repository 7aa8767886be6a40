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
    /// The session that was measured.
    pub session: String,
    /// The fields in which the arms differ.
    pub by: Vec<Field>,
    /// What of their runs is compared.
    pub metric: Metric,
    /// The smallest relative change that matters: 0.05 is 5 %.
    pub threshold: f64,
    /// Blocks that were measured in more than one segment, and so are not paired.
    pub seams: Vec<u32>,
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
    /// Blocks that hold a run of each.
    pub blocks: u32,
    /// Of the base's paired runs, in the metric's unit.
    pub base_median: Option<f64>,
    /// Of the candidate's paired runs, in the metric's unit.
    pub candidate_median: Option<f64>,
    /// Candidate ÷ base: the pseudo-median over blocks.
    pub ratio: Option<f64>,
    /// Where that ratio lies: `[low, high]`.
    pub interval: Option<(f64, f64)>,
    /// How often such an interval holds the true ratio.
    pub coverage: Option<f64>,
    /// The smallest effect that could have been seen: 0.04 is 4 %.
    pub smallest_effect: Option<f64>,
    /// What that says.
    pub verdict: Verdict,
    /// Why there is no better one; `null` when there is nothing to say.
    pub reason: Option<String>,
    /// Runs of either arm that were not paired, and why.
    pub left_out: Vec<String>,
    /// Why the paired runs deserve less trust.
    pub caveats: Vec<Caveat>,
}
