//! The measured runs of a report, and what they come to: medians, speeds, rankings. Tables and pages are made from it.

pub mod joined;
pub mod ranking;

use packbench_core::job::{CacheState, Case, Field, ProbeKind, Prompt};
use packbench_core::record::{Comparison, Metrics, Proof, Report, Run, Status};
use packbench_core::stats::Summary;
use packbench_core::unit::{Bytes, Nanos};
use strum::VariantArray;

use crate::words::or_dash;

/// What of a run is counted.
pub type Count = fn(&Metrics) -> Option<u64>;

/// What a report says of one model file in one cache state.
pub struct Section<'a> {
    pub report: &'a Report,
    pub variant: &'a str,
    pub cache: CacheState,
}

impl<'a> Section<'a> {
    pub fn new(report: &'a Report, variant: &'a str, cache: CacheState) -> Self {
        Section { report, variant, cache }
    }

    /// The cases of one probe that were measured, prompt by prompt, in the order of the job, with their runs.
    pub fn measured(&self, probe: ProbeKind) -> Vec<Measured<'a>> {
        let is_asked = |case: &Case| {
            (case.variant.as_str(), case.cache, ProbeKind::from(&case.probe))
                == (self.variant, self.cache, probe)
        };
        let cases = self.report.cases().into_iter().filter(is_asked);
        let measured = cases.map(|case| Measured::of(self.report, case));
        let mut measured: Vec<Measured<'a>> = measured.filter(|measured| !measured.runs.is_empty()).collect();
        let prompts = &self.report.job().prompts;
        let place = |one: &Measured<'_>| prompts.iter().position(|prompt| Some(prompt) == one.case.prompt());
        measured.sort_by_key(place);
        measured
    }

    /// The line above a table.
    pub fn title(&self, what: &str) -> String {
        format!("\n{what}, {}, {} (medians over blocks)\n", self.cache, self.variant)
    }
}

/// What counts the waits for storage in a report, and what the count is called: Darwin counts another thing than Linux.
pub fn waits(report: &Report) -> (&'static str, Count) {
    let mut metrics = report.runs.iter().filter_map(|run| run.metrics.as_ref());
    match metrics.any(|metrics| metrics.pages_paged_in.is_some()) {
        true => ("pages paged in", |metrics| metrics.pages_paged_in),
        false => ("major faults", |metrics| metrics.major_faults),
    }
}

/// The fields in which the arms of a comparison agree, as a case lists them.
pub fn place(comparison: &Comparison) -> String {
    let values = Field::VARIANTS.iter().filter_map(|field| comparison.fixed.get(<&str>::from(field)));
    values.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The measured runs of one case.
pub struct Measured<'a> {
    pub case: Case,
    pub runs: Vec<&'a Run>,
}

fn runs<'a>(report: &'a Report, wanted: &Case) -> Vec<&'a Run> {
    report.runs.iter().filter(|run| run.status == Status::Ok && run.case == *wanted).collect()
}

impl<'a> Measured<'a> {
    /// The measured runs of `case`.
    pub fn of(report: &'a Report, case: Case) -> Self {
        Measured { runs: runs(report, &case), case }
    }

    /// All cases of a probe that were measured, of whatever model and cache state, in the order of the job.
    pub fn all(report: &'a Report, probe: ProbeKind) -> Vec<Self> {
        let is_asked = |case: &Case| ProbeKind::from(&case.probe) == probe;
        let measured = report.cases().into_iter().filter(is_asked).map(|case| Measured::of(report, case));
        measured.filter(|one| !one.runs.is_empty()).collect()
    }

    /// Of each run that tells, in the order of the blocks.
    pub fn samples(&self, value: impl Fn(&Metrics) -> Option<f64>) -> Vec<f64> {
        let mut runs = self.runs.clone();
        runs.sort_by_key(|run| run.block);
        runs.iter().filter_map(|run| value(run.metrics.as_ref()?)).collect()
    }

    /// Of all runs that tell.
    pub fn median(&self, value: impl Fn(&Metrics) -> Option<f64>) -> Option<f64> {
        let values = self.runs.iter().filter_map(|run| value(run.metrics.as_ref()?));
        Summary::of(values).map(|summary| summary.median)
    }

    /// A count, as tables show it.
    pub fn count(&self, value: Count) -> String {
        or_dash(self.number(value))
    }

    /// A time, as tables show it.
    pub fn time(&self, value: Count) -> String {
        or_dash(self.number(value).map(nanos))
    }

    /// Bytes, as tables show them.
    pub fn bytes(&self, value: Count) -> String {
        or_dash(self.number(value).map(bytes))
    }

    /// The median of a count.
    pub fn number(&self, value: Count) -> Option<f64> {
        self.median(|metrics| value(metrics).map(|number| number as f64))
    }

    /// How many runs began in the cache state that was asked for.
    pub fn proved(&self) -> String {
        format!("{} of {}", self.runs.iter().filter(|run| is_proved(run)).count(), self.runs.len())
    }

    /// The values of `fields` that don't go without saying.
    pub fn told(&self, fields: &[Field]) -> String {
        fields.iter().filter_map(|&field| self.case.told(field)).collect::<Vec<_>>().join(", ")
    }
}

/// A prompt without the word.
pub fn prompt(case: &Case) -> String {
    match case.prompt() {
        Some(Prompt::Count(count)) => count.to_string(),
        Some(Prompt::Text(text)) => format!("{text:?}"),
        None => or_dash::<String>(None),
    }
}

pub fn is_proved(run: &Run) -> bool {
    run.residency.as_ref().is_some_and(|residency| matches!(residency.proof, Proof::Cold | Proof::Warm))
}

pub fn nanos(value: f64) -> Nanos {
    Nanos(value.round() as u64)
}

pub fn bytes(value: f64) -> Bytes {
    Bytes(value.round() as u64)
}

/// Bytes per second.
pub fn speed(metrics: &Metrics) -> Option<f64> {
    let covered = metrics.bytes_covered.filter(|_| metrics.wall_ns > 0)?;
    Some(covered as f64 / metrics.wall_ns as f64 * 1e9)
}

/// Whether costs are nowhere more than others, and somewhere less.
pub fn dominates(own: &[f64], others: &[f64]) -> bool {
    own.iter().zip(others).all(|(own, other)| own <= other) && own != others
}
