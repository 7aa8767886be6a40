//! A question put to a report: which arms differ, by how much, and can that be told at all?
//!
//! Runs are paired within blocks, and only there: a device drifts. What was measured in two sessions can be compared, too,
//! and says so.

mod across;
mod arms;
mod budget;
mod compat;
mod family;
mod floor;
pub mod incomplete;
mod judge;
mod pairing;
mod watch;

pub use across::compare_reports;
pub use budget::{Affordable, NotAffordable, affordable};
pub use compat::{Difference, Incomparable, differences};
pub use family::{blocks_needed_by, blocks_to_gate, gate_together, outcome, too_few_blocks};
pub use floor::floors;
use pairing::Group;

use std::collections::BTreeMap;

use crate::job::{Field, Job, ProbeKind};
use crate::record::{Caveat, Comparison, Comparisons, Metric, Report};

/// The schema of [`Comparisons`].
pub const SCHEMA: &str = "packbench.comparison/1";

/// What is asked of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The fields in which the arms differ: one, or several to see what they do together. Two reports are held against each
    /// other case by case, by no field.
    pub by: Vec<Field>,
    /// What of their runs is compared.
    pub metric: Metric,
    /// The arm to compare against; the first in the order of the job when `None`.
    pub base: Option<String>,
    /// The smallest relative change that matters: 0.05 is 5 %.
    pub threshold: f64,
    /// What is compared all the same.
    pub allow: Vec<Allowed>,
}

/// Something that keeps runs from being compared, and that was allowed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A difference between the machines or the models.
    Incomparable(Incomparable),
    /// A doubt about single runs.
    Caveat(Caveat),
}

impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let difference = name.parse().map(Allowed::Incomparable).ok();
        let voiding =
            VOIDING.iter().find(|caveat| caveat.to_string() == name).map(|&caveat| Allowed::Caveat(caveat));
        difference.or(voiding).ok_or_else(|| format!("expected one of {}", Allowed::names().join(", ")))
    }
}

impl Allowed {
    /// All that can be allowed.
    pub fn names() -> Vec<String> {
        use strum::VariantArray;
        let differences = Incomparable::VARIANTS.iter().map(ToString::to_string);
        differences.chain(VOIDING.iter().map(ToString::to_string)).collect()
    }
}

/// A run with one of these isn't what its case says, so it isn't paired.
const VOIDING: [Caveat; 2] = [Caveat::NotCold, Caveat::NotWarm];

/// Why a question has no answer.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CompareError {
    /// The machines or the models differ.
    #[error("{0}. To compare all the same: --allow {name}", name = .0.what)]
    Incomparable(Difference),
    /// There are no two arms.
    #[error("no two arms differ in {by} alone: this report was measured with {by} {found}")]
    OneArm {
        /// The fields asked for.
        by: String,
        /// The values that the report has.
        found: String,
    },
    /// No arm is named so.
    #[error("no arm is named {base:?}: {by} is one of {found}")]
    NoSuchBase {
        /// The name asked for.
        base: String,
        /// The fields asked for.
        by: String,
        /// The values that the report has.
        found: String,
    },
    /// A report held against itself.
    #[error(
        "both reports are of session {session}: a session is compared by its arms, with one report and --by"
    )]
    SameSession {
        /// The session.
        session: String,
    },
    /// Two reports that measured different things.
    #[error(
        "no case of the candidate is one of the base: expected the same probes and settings on one model each, or on models of the same names"
    )]
    NothingInCommon,
    /// A threshold that isn't one.
    #[error("found a threshold of {found}, expected one above 0 and below 1: 0.05 is 5 %")]
    Threshold {
        /// The threshold asked for.
        found: f64,
    },
}

/// Answers `question` from `report`.
pub fn compare(report: &Report, question: &Question) -> Result<Comparisons, CompareError> {
    question.check()?;
    compat::check(report, question)?;
    let seams = report.seams();
    let groups = pairing::groups(report, question)?;
    let mut comparisons: Vec<Comparison> =
        groups.iter().flat_map(|group| compare_group(group, question)).collect();
    comparisons.iter_mut().for_each(|one| one.gated = gates(report.job(), &one.fixed));
    let mut answers = [Comparisons {
        schema: SCHEMA.to_owned(),
        session: report.header().session.clone(),
        candidate_session: None,
        by: question.by.clone(),
        metric: question.metric,
        threshold: question.threshold,
        seams: seams.into_iter().collect(),
        incomplete: incomplete::told(report, "the report"),
        gated_together: 0,
        comparisons,
        floors: floors(report),
    }];
    gate_together(&mut answers);
    let [answer] = answers;
    Ok(answer)
}

/// Floors are measured beside cold first tokens unasked.
fn gates(job: &Job, fixed: &BTreeMap<String, String>) -> bool {
    let is_floor = |probe: &String| *probe == ProbeKind::Floor.to_string();
    job.probes.contains(&ProbeKind::Floor) || !fixed.get(&Field::Probe.to_string()).is_some_and(is_floor)
}

impl Question {
    fn check(&self) -> Result<(), CompareError> {
        match self.threshold > 0.0 && self.threshold < 1.0 {
            true => Ok(()),
            false => Err(CompareError::Threshold { found: self.threshold }),
        }
    }

    fn allows(&self, difference: &Difference) -> bool {
        self.allow.contains(&Allowed::Incomparable(difference.what))
    }
}

fn compare_group(group: &Group<'_>, question: &Question) -> Vec<Comparison> {
    let (base, candidates) = group.arms.split_first().expect("a group has at least two arms");
    candidates.iter().map(|candidate| arms::compare_arms(group, base, candidate, question)).collect()
}
