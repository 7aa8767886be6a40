//! What would be measured, and what a rehearsal found.

use std::time::Duration;

use packbench_core::job::{Case, Field};
use packbench_core::record::{Plan, Run, Span};
use packbench_core::unit::{Bytes, Nanos};
use strum::VariantArray;

use super::table::table;
use crate::words::{count, or_dash};

/// `24 cases × 6 blocks, about 1m 20s`
pub fn estimate(plan: &Plan, blocks: u32) -> String {
    let whole = Duration::from_nanos(plan.estimated_block_ns.saturating_mul(u64::from(blocks)));
    let rounded = humantime::format_duration(Duration::from_secs(whole.as_secs().max(1)));
    format!("{} × {}, about {rounded}", count(plan.cases, "case"), count(blocks, "block"))
}

/// What of a file is measured.
pub fn span(span: &Span) -> String {
    let (name, len) = (&span.variant, Bytes(span.len_bytes));
    match span.sampled {
        false => format!("{name}: all {len}"),
        true => format!(
            "{name}: {len} from byte {} on (sampled to keep within the budget; --budget 30m measures more)",
            span.start_bytes
        ),
    }
}

/// The answer of `run --list`.
pub fn plan(cases: &[Case], blocks: u32, plan: &Plan) -> String {
    let told = |field: &&Field| cases.iter().any(|case| case.told(**field).is_some());
    let fields: Vec<&Field> = Field::VARIANTS.iter().filter(told).collect();
    let row = |case: &Case| fields.iter().map(|&&field| or_dash(case.told(field))).collect();
    let header: Vec<&str> = fields.iter().map(|&field| field.into()).collect();
    let mut text = table(&header, header.len(), cases.iter().map(row));
    text += &format!("\n{}\n", estimate(plan, blocks));
    plan.spans.iter().for_each(|one| text += &format!("{}\n", span(one)));
    text
}

/// The answer of `run --verify`.
pub fn verified(runs: &[&Run]) -> String {
    let row = |run: &&Run| {
        let wall = run.metrics.as_ref().map(|metrics| Nanos(metrics.wall_ns));
        let proof = run.residency.as_ref().map(|residency| residency.proof);
        vec![
            run.case.to_string(),
            run.status.to_string(),
            or_dash(proof),
            or_dash(wall),
            run.error.clone().unwrap_or_default(),
        ]
    };
    table(&["case", "status", "proof", "wall", ""], 3, runs.iter().map(row))
}
