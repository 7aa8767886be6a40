//! What is answered: the lines of a report.
//!
//! A report is JSON Lines. The first line is a [`Header`]; a [`Run`] line follows for each case measured once, also
//! when it failed; an [`End`] line closes each segment. [`wire`] holds every type that is serialized and nothing else is.

mod caveat;
mod report;
pub mod wire;

pub use caveat::Caveat;
pub use report::{ReadError, Report, Seam};
pub use wire::{
    Change, Check, Comparison, Comparisons, Conditions, Context, Device, End, EndStatus, Finding, Header,
    Inspection, Latency, Line, Metric, Metrics, Part, Phase, PhaseName, Plan, Proof, Residency, Run,
    SelfTest, Span, Status, Storage, TensorFacts, Tool, Total, TypeShare, Variant, Verdict,
};

use crate::job::Case;

/// The schema that this version writes and reads.
pub const SCHEMA: &str = "packbench.report/1";

/// What a run is of: one case in one block. No two runs of a report share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunKey {
    /// The case.
    pub case: Case,
    /// The block, from 0.
    pub block: u32,
}

impl Run {
    /// The case and the block.
    pub fn key(&self) -> RunKey {
        RunKey { case: self.case.clone(), block: self.block }
    }
}

/// The JSON Schema of one line of a report.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Line).to_value()
}
