//! What takes away from the trust, in words.

use std::collections::BTreeSet;

use packbench_core::compare::incomplete;
use packbench_core::record::{Caveat, Report, Run, Status};

use crate::measured::is_proved;
use crate::words::count;

/// A sentence each, what concerns all runs first.
pub fn words(report: &Report) -> Vec<String> {
    let (measured, unfinished): (Vec<&Run>, Vec<&Run>) =
        report.runs.iter().partition(|run| run.status == Status::Ok);
    let proved = measured.iter().filter(|run| is_proved(run)).count();
    let mut words = vec![format!("{proved} of {} runs began in a proved cache state.", measured.len())];
    if !unfinished.is_empty() {
        words.push(format!("{} failed or were killed.", count(unfinished.len() as u32, "run")));
    }
    let seams = report.seams();
    if !seams.is_empty() {
        words.push(format!("{} cut and resumed, and not paired.", count(seams.len() as u32, "block")));
    }
    words.extend(incomplete::told(report, "the report").iter().map(|told| sentence(told)));
    if report.header().context.device.virtual_machine == Some(true) {
        words.push("A virtual machine: a page that is cold to it may lie in its host's memory.".to_owned());
    }
    let caveats: BTreeSet<Caveat> = report.runs.iter().flat_map(|run| run.caveats.iter().copied()).collect();
    for caveat in caveats {
        let runs = report.runs.iter().filter(|run| run.caveats.contains(&caveat)).count() as u32;
        words.push(format!("{caveat} ({}): {}.", count(runs, "run"), caveat.meaning()));
    }
    words
}

fn sentence(told: &str) -> String {
    let mut letters = told.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// `2026-11-24 07:30 UTC`
pub fn date(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| "at a time that is none".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
