//! What would be measured, and what a rehearsal found.

use std::time::Duration;

use packbench_core::job::{Case, Field, Job};
use packbench_core::record::{Plan, Run, Span};
use packbench_core::unit::{Bytes, Nanos};

use super::table::{or_dash, table};

/// `24 cases × 6 blocks, about 1m 20s`
pub fn estimate(plan: &Plan, blocks: u32) -> String {
    let whole = Duration::from_nanos(plan.estimated_block_ns.saturating_mul(u64::from(blocks)));
    let rounded = humantime::format_duration(Duration::from_secs(whole.as_secs().max(1)));
    format!("{} cases × {blocks} blocks, about {rounded}", plan.cases)
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
pub fn plan(job: &Job, plan: &Plan) -> String {
    const FIELDS: [Field; 6] =
        [Field::Variant, Field::Probe, Field::Pattern, Field::Policy, Field::IoSize, Field::Cache];
    let row = |case: &Case| FIELDS.map(|field| or_dash(case.field(field))).to_vec();
    let header = FIELDS.map(<&'static str>::from);
    let mut text = table(&header, header.len(), job.cases().iter().map(row));
    text += &format!("\n{}\n", estimate(plan, job.blocks.get()));
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
