//! What a report lacks, and what it holds that nobody asked for: said, so that nothing is dropped in silence.

use std::collections::HashSet;

use crate::job::Case;
use crate::record::{Report, Run};

/// In words, with `name` for the report.
pub fn told(report: &Report, name: &str) -> Vec<String> {
    let cases: HashSet<Case> = report.cases().into_iter().collect();
    let (asked, stray): (Vec<&Run>, Vec<&Run>) =
        report.runs.iter().partition(|run| cases.contains(&run.case));
    let wanted = cases.len() * report.job().blocks.get() as usize;
    let missing = wanted.saturating_sub(asked.len());
    [cut(report, name), absent(missing, wanted, name), strayed(&stray, name)].into_iter().flatten().collect()
}

fn cut(report: &Report, name: &str) -> Option<String> {
    (report.cut_bytes > 0).then(|| {
        format!("{name} ends in the middle of a line: its last {} bytes were passed over", report.cut_bytes)
    })
}

fn absent(missing: usize, wanted: usize, name: &str) -> Option<String> {
    (missing > 0).then(|| format!("{missing} of the {wanted} runs that its job asks for are not in {name}"))
}

fn strayed(stray: &[&Run], name: &str) -> Option<String> {
    let first = stray.first()?;
    let count = stray.len();
    Some(format!(
        "{count} runs in {name} are of no case of its job and were left out, the first is {}",
        first.case
    ))
}
