//! CSV: a line a run, raw integers.

use anyhow::Context;
use packbench_core::job::Field;
use packbench_core::record::{PhaseName, Report, Run};
use strum::VariantArray;

const PHASES: [PhaseName; 4] = [PhaseName::Load, PhaseName::Context, PhaseName::Prefill, PhaseName::Decode];
const COUNTS: [&str; 8] = [
    "wall_ns",
    "cpu_ns",
    "major_faults",
    "minor_faults",
    "pages_paged_in",
    "bytes_fetched",
    "bytes_covered",
    "operations",
];

/// The runs of reports, their failures among them.
pub fn csv(reports: &[&Report]) -> anyhow::Result<String> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(header())?;
    for report in reports {
        for run in &report.runs {
            writer.write_record(row(report, run))?;
        }
    }
    String::from_utf8(writer.into_inner()?).context("a CSV of texts is text")
}

fn header() -> Vec<String> {
    let mut header =
        vec!["session".to_owned(), "device".to_owned(), "block".to_owned(), "segment".to_owned()];
    header.extend(Field::VARIANTS.iter().map(Field::to_string));
    header.extend(["status", "proof", "caveats"].map(str::to_owned));
    header.extend(COUNTS.map(str::to_owned));
    header.extend(PHASES.iter().map(|phase| format!("{phase}_ns")));
    header.push("error".to_owned());
    header
}

fn row(report: &Report, run: &Run) -> Vec<String> {
    let told = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let header = report.header();
    let mut row = vec![
        header.session.clone(),
        crate::page::device(report),
        run.block.to_string(),
        run.segment.to_string(),
    ];
    row.extend(Field::VARIANTS.iter().map(|&field| run.case.field(field).unwrap_or_default()));
    let caveats: Vec<String> = run.caveats.iter().map(ToString::to_string).collect();
    let proof = run.residency.as_ref().map(|residency| residency.proof.to_string());
    row.extend([run.status.to_string(), proof.unwrap_or_default(), caveats.join(" ")]);
    let metrics = run.metrics.as_ref();
    let counts = metrics.map(|metrics| {
        [
            Some(metrics.wall_ns),
            metrics.cpu_ns,
            metrics.major_faults,
            metrics.minor_faults,
            metrics.pages_paged_in,
            metrics.bytes_fetched,
            metrics.bytes_covered,
            metrics.operations,
        ]
    });
    row.extend(counts.unwrap_or_default().map(told));
    row.extend(PHASES.map(|phase| told(phase_ns(run, phase))));
    row.push(run.error.clone().unwrap_or_default());
    row.into_iter().map(harmless).collect()
}

/// The first of its name: with several decodes, the token after the first one.
fn phase_ns(run: &Run, wanted: PhaseName) -> Option<u64> {
    let phases = &run.first_token.as_ref()?.phases;
    phases.iter().find(|cost| cost.phase == wanted).map(|cost| cost.wall_ns)
}

/// Spreadsheets take a text that begins so for a formula.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
