//! What is answered: the lines of a report, and the files of quantization: scores, plans, evaluations.
//!
//! A report is JSON Lines. The first line is a [`Header`]; a [`Run`] line follows for each case measured once, also
//! when it failed; an [`End`] line closes each segment. [`wire`] holds every type that is serialized and nothing else is.

mod caveat;
mod evaluation;
mod json;
mod quant_plan;
mod report;
mod scores;
pub mod wire;

pub use caveat::Caveat;
pub use evaluation::EVALUATION_SCHEMA;
pub use json::JsonError;
pub use quant_plan::PLAN_SCHEMA;
pub use report::{ReadError, Report};
pub use scores::SCORES_SCHEMA;
pub use wire::{
    Against, AgreedLayers, Answer, App, Change, Check, Comparison, Comparisons, Conditions, Context, Curve,
    CurvePoint, Device, Drift, End, EndStatus, Evaluated, EvaluatedModel, Evaluation, EvaluationResult,
    Facts, FimScores, Finding, FirstToken, Floored, Forward, ForwardSource, Gaps, Header, Imatrix,
    InspectedFile, Inspection, Inspections, KldDifference, Labels, Latency, Line, Locality, Metric, Metrics,
    Move, Moves, Need, NotedPlan, Obstacle, ObstacleName, OrderEffect, Outcome, Override, PageFacts, Part,
    Phase, PhaseCost, PhaseName, PlacedRead, Plan, PlanBudget, PlanStats, PlannedTensor, Planning, Price,
    PricedModel, Pricing, Proof, QuantPlan, ReadBack, Redo, Repacked, Residency, Run, ScoreCost, SelfTest,
    Shards, Span, Status, StockMix, Storage, Summary, TensorFacts, TensorPrices, Text, ThermalStatus, Tool,
    Total, TypeChange, TypeShare, Variant, Verdict, Wait, WaitStatus, WeightRead, WeightTrace,
};

use std::collections::BTreeMap;

use crate::job::{Case, Job, Pattern};

/// The schema that this version writes and reads.
pub const SCHEMA: &str = "packbench.report/1";

/// The schema of what `packbench inspect` tells.
pub const INSPECTION_SCHEMA: &str = "packbench.inspection/1";

/// The schema of what `packbench repack` tells.
pub const REPACKED_SCHEMA: &str = "packbench.repacked/1";

/// The schema of what `packbench ci` tells.
pub const SUMMARY_SCHEMA: &str = "packbench.summary/1";

/// What a run is of: one case in one block. No two runs of a report share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunKey {
    /// The case.
    pub case: Case,
    /// The block, from 0.
    pub block: u32,
}

/// The cases of `job` that are worth measuring now that its models are known, in the order of the job.
///
/// Where the header lists the tensors by offset, their order is that of the file: what it would show is what
/// [`Pattern::Sequential`] shows.
pub fn cases(job: &Job, variants: &[Variant]) -> Vec<Case> {
    let by_offset =
        |name: &str| variants.iter().any(|variant| variant.name == name && variant.tensors_by_offset);
    let mut cases = job.cases();
    cases.retain(|case| case.pattern() != Some(Pattern::TensorOrder) || !by_offset(&case.variant));
    cases
}

impl Latency {
    /// All of `parts` together; `None` when there are none, or when they were kept to different precisions.
    pub fn merged(parts: &[&Latency]) -> Option<Latency> {
        let significant_digits = parts.first()?.significant_digits;
        let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
        for part in parts {
            if part.significant_digits != significant_digits {
                return None;
            }
            part.buckets_ns
                .iter()
                .for_each(|(largest, count)| *buckets.entry(*largest).or_default() += count);
        }
        Some(Latency { significant_digits, buckets_ns: buckets.into_iter().collect() })
    }

    /// The time, in ns, that a `share` of them took at most.
    pub fn within(&self, share: f64) -> u64 {
        let total: u64 = self.buckets_ns.iter().map(|(_, count)| count).sum();
        let wanted = (share * total as f64).ceil() as u64;
        let mut so_far = 0;
        let reaches = |&&(_, count): &&(u64, u64)| {
            so_far += count;
            so_far >= wanted
        };
        self.buckets_ns.iter().find(reaches).map_or(0, |(largest, _)| *largest)
    }
}

impl Run {
    /// The case and the block.
    pub fn key(&self) -> RunKey {
        RunKey { case: self.case.clone(), block: self.block }
    }

    /// The run of `key` of which nothing was measured.
    pub fn unmeasured(key: RunKey, segment: u32, status: Status) -> Run {
        Run {
            case: key.case,
            block: key.block,
            segment,
            status,
            error: None,
            policy_effective: None,
            io_effective: None,
            metrics: None,
            latency: None,
            first_token: None,
            residency: None,
            conditions: Change { before: None, after: None },
            caveats: Vec::new(),
        }
    }

    /// The run of `key` in which whoever measured died, in `phase`.
    pub fn killed(key: RunKey, segment: u32, phase: PhaseName, how: &str) -> Run {
        let error = Some(format!("the agent died in phase {phase}: {how}"));
        Run { error, ..Run::unmeasured(key, segment, Status::Killed) }
    }
}

/// The JSON Schema of one line of a report.
pub fn json_schema() -> serde_json::Value {
    strict(schemars::schema_for!(Line).to_value())
}

/// The JSON Schema of `summary.json`.
pub fn summary_schema() -> serde_json::Value {
    strict(schemars::schema_for!(Summary).to_value())
}

/// What isn't known is `null`, so every field is required; only a job, which people write, may leave fields out.
fn strict(mut schema: serde_json::Value) -> serde_json::Value {
    require_all(&mut schema);
    let definitions = schema.get_mut("$defs").and_then(serde_json::Value::as_object_mut);
    for (name, definition) in definitions.into_iter().flatten() {
        if !["Job", "Model"].contains(&name.as_str()) {
            require_all(definition);
        }
    }
    schema
}

fn require_all(definition: &mut serde_json::Value) {
    let properties = definition.get("properties").and_then(serde_json::Value::as_object);
    if let Some(names) = properties.map(|properties| properties.keys().cloned().collect::<Vec<_>>()) {
        definition["required"] = names.into();
    }
}
