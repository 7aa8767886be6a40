//! What `packbench ci` tells a job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Comparisons, Context, Outcome, Tool};

/// One gate: a candidate held against a base, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// `packbench.summary/1`.
    pub schema: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it is invalid; `null` otherwise.
    pub reason: Option<String>,
    /// The program's: 0 passed or inconclusive, 1 regression, 2 invalid.
    pub exit_code: u8,
    /// The model that is compared against, by its name in the report.
    pub base: String,
    /// The model that is compared, by its name in the report.
    pub candidate: String,
    /// The smallest relative change that matters: 0.05 is 5 %.
    pub threshold: f64,
    /// Blocks that it takes before one of the comparisons can be a regression at all.
    pub blocks_to_gate: u32,
    /// What measured.
    pub tool: Tool,
    /// Where it was measured.
    pub context: Context,
    /// Milliseconds since 1970-01-01 UTC, of the session's start.
    pub started_unix_ms: u64,
    /// The report's file, beside this one.
    pub report: String,
    /// One for each metric that gates.
    pub answers: Vec<Comparisons>,
}
