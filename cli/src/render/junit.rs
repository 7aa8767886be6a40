//! JUnit XML: what a CI system lists as tests. A comparison is a test; it fails when it is a regression.

use packbench_core::compare::too_few_blocks;
use packbench_core::record::{Comparison, Comparisons, Outcome, Report, Run, Status, Summary};
use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::comparisons::sentence;
use crate::measured::place;

/// What `packbench ci` found; why it found nothing valid is a test of its own.
pub fn gate(summary: &Summary) -> anyhow::Result<String> {
    let mut suites = compared(&summary.answers, summary.blocks_to_gate);
    if let Some(reason) = &summary.reason {
        let mut suite = TestSuite::new("gate");
        suite.add_test_case(TestCase::new("valid", unsuccessful(NonSuccessKind::Error, reason)));
        suites.push(suite);
    }
    finish(suites)
}

/// The comparisons of one answer.
pub fn comparisons(answer: &Comparisons) -> anyhow::Result<String> {
    finish(compared(std::slice::from_ref(answer), 0))
}

/// The comparisons of answers, a test each; a suite each metric. With fewer than `least_blocks` nothing passes.
fn compared(answers: &[Comparisons], least_blocks: u32) -> Vec<TestSuite> {
    let suite = |answer: &Comparisons| {
        let by: Vec<String> = answer.by.iter().map(ToString::to_string).collect();
        let by = if by.is_empty() { "session".to_owned() } else { by.join(", ") };
        let mut suite = TestSuite::new(format!("{} by {by}", answer.metric));
        suite.add_test_cases(answer.comparisons.iter().map(|one| comparison(answer, one, least_blocks)));
        suite
    };
    answers.iter().map(suite).collect()
}

/// The cases of reports, a test each: one that has a run that failed fails.
pub fn report(reports: &[&Report]) -> anyhow::Result<String> {
    finish(reports.iter().flat_map(|report| suites(report)).collect())
}

fn suites(report: &Report) -> Vec<TestSuite> {
    let cases = report.cases();
    let suites = report.variants.iter().map(|variant| {
        let mut suite = TestSuite::new(clean(&variant.name));
        let own = cases.iter().filter(|case| case.variant == variant.name);
        suite.add_test_cases(own.map(|case| {
            let runs: Vec<&Run> = report.runs.iter().filter(|run| run.case == *case).collect();
            measured(&case.to_string(), &variant.name, &runs)
        }));
        suite
    });
    suites.collect()
}

fn comparison(answer: &Comparisons, one: &Comparison, least_blocks: u32) -> TestCase {
    let status = match one.outcome(answer.threshold) {
        None => skipped("it tells of the storage, and gates nothing"),
        Some(Outcome::Regression) => unsuccessful(NonSuccessKind::Failure, &sentence(answer.metric, one)),
        Some(Outcome::Invalid) => {
            unsuccessful(NonSuccessKind::Error, one.reason.as_deref().unwrap_or("incomparable"))
        }
        Some(_) if one.blocks < least_blocks => {
            unsuccessful(NonSuccessKind::Error, &too_few_blocks(one.blocks, least_blocks))
        }
        Some(Outcome::Inconclusive) => skipped(&sentence(answer.metric, one)),
        Some(Outcome::Passed) => TestCaseStatus::success(),
    };
    let mut test = TestCase::new(clean(&format!("{} against {}", one.candidate, one.base)), status);
    test.set_classname(clean(&place(one)));
    test.set_system_out(clean(&sentence(answer.metric, one)));
    test
}

fn measured(name: &str, class: &str, runs: &[&Run]) -> TestCase {
    let failed = runs.iter().filter(|run| run.status != Status::Ok);
    let errors: Vec<String> = failed
        .map(|run| format!("block {}: {}", run.block, run.error.as_deref().unwrap_or("killed")))
        .collect();
    let status = match (runs.is_empty(), errors.is_empty()) {
        (true, _) => skipped("never measured"),
        (false, true) => TestCaseStatus::success(),
        (false, false) => unsuccessful(NonSuccessKind::Error, &errors.join("\n")),
    };
    let mut test = TestCase::new(clean(name), status);
    test.set_classname(clean(class));
    let walls = runs.iter().filter_map(|run| Some(run.metrics.as_ref()?.wall_ns));
    test.set_time(std::time::Duration::from_nanos(walls.fold(0, u64::saturating_add)));
    test
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(clean(message));
    status
}

fn unsuccessful(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(clean(message));
    status
}

/// XML can't hold most control characters, not even escaped.
fn clean(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' => '\n',
        letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(shown).collect()
}

fn finish(suites: Vec<TestSuite>) -> anyhow::Result<String> {
    let mut all = Suites::new("packbench");
    all.add_test_suites(suites);
    Ok(all.to_string()?)
}
