//! Which runs stand beside which: arms that differ in the fields asked for, runs of one block.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use strum::VariantArray;

use super::{Allowed, CompareError, Question, VOIDING};
use crate::job::{Case, Field};
use crate::record::{Caveat, Report, Run, Status};

/// Arms that agree in all fields but those asked for. Never fewer than two; the base comes first.
pub(super) struct Group<'a> {
    pub fixed: BTreeMap<String, String>,
    pub arms: Vec<Arm<'a>>,
}

/// The runs of one case.
pub(super) struct Arm<'a> {
    pub name: String,
    /// Its values of the fields asked for.
    pub values: Vec<String>,
    /// By block; only runs that may be paired.
    pub runs: BTreeMap<u32, &'a Run>,
    /// Runs that may not, by reason.
    pub left_out: BTreeMap<LeftOut, u32>,
}

/// Why a run isn't paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    /// It was given up or its process died.
    Failed,
    /// It was made up for after it had been killed: its block was over by then.
    Redone,
    /// Its block was measured in more than one segment.
    Seam,
    /// Another policy was in force than the one asked for.
    OtherPolicy,
    /// The reads went another way than the one asked for.
    OtherIo,
    /// It isn't what its case says.
    Void(Caveat),
}

/// The groups that `question` asks about, in the order of the job.
pub(super) fn groups<'a>(report: &'a Report, question: &Question) -> Result<Vec<Group<'a>>, CompareError> {
    let cases = report.cases();
    let of_case = runs_by_case(report);
    let sieve = Sieve::new(report, &question.allow);
    let mut keys: Vec<Vec<Option<String>>> = Vec::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for case in &cases {
        let Some(values) = question.by.iter().map(|&field| case.field(field)).collect() else { continue };
        let key = others(case, &question.by);
        let place = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            keys.push(key);
            groups.push(Group { fixed: fixed(case, &question.by), arms: Vec::new() });
            groups.len() - 1
        });
        let runs = of_case.get(case).map(Vec::as_slice).unwrap_or_default();
        groups[place].arms.push(sieve.arm(values, runs));
    }
    groups.retain(|group| group.arms.len() > 1);
    if groups.is_empty() {
        return Err(CompareError::OneArm { by: named(&question.by), found: values(&cases, &question.by) });
    }
    if let Some(base) = &question.base {
        put_first(&mut groups, base).ok_or_else(|| CompareError::NoSuchBase {
            base: base.clone(),
            by: named(&question.by),
            found: values(&cases, &question.by),
        })?;
    }
    Ok(groups)
}

pub(super) fn runs_by_case(report: &Report) -> HashMap<&Case, Vec<&Run>> {
    let mut runs: HashMap<&Case, Vec<&Run>> = HashMap::new();
    report.runs.iter().for_each(|run| runs.entry(&run.case).or_default().push(run));
    runs
}

fn others(case: &Case, by: &[Field]) -> Vec<Option<String>> {
    Field::VARIANTS.iter().filter(|field| !by.contains(field)).map(|&field| case.field(field)).collect()
}

fn fixed(case: &Case, by: &[Field]) -> BTreeMap<String, String> {
    let fields = Field::VARIANTS.iter().filter(|field| !by.contains(field));
    fields.filter_map(|&field| Some((field.to_string(), case.told(field)?))).collect()
}

/// `variant and policy`
fn named(by: &[Field]) -> String {
    by.iter().map(Field::to_string).collect::<Vec<_>>().join(" and ")
}

fn values(cases: &[Case], by: &[Field]) -> String {
    let mut found: Vec<String> = Vec::new();
    for value in cases.iter().flat_map(|case| by.iter().filter_map(|&field| case.field(field))) {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    if found.is_empty() { "not at all".to_owned() } else { found.join(", ") }
}

/// Puts the arm named `base` first in each group that has it, and drops the groups that don't.
fn put_first(groups: &mut Vec<Group<'_>>, base: &str) -> Option<()> {
    groups.retain(|group| group.arms.iter().any(|arm| arm.name == base));
    for group in groups.iter_mut() {
        let place = group.arms.iter().position(|arm| arm.name == base)?;
        let arm = group.arms.remove(place);
        group.arms.insert(0, arm);
    }
    (!groups.is_empty()).then_some(())
}

/// Tells which runs are paired.
pub(super) struct Sieve<'a> {
    report: &'a Report,
    seams: BTreeSet<u32>,
    allow: &'a [Allowed],
}

impl<'s> Sieve<'s> {
    pub fn new(report: &'s Report, allow: &'s [Allowed]) -> Self {
        Sieve { report, seams: report.seams(), allow }
    }

    /// For runs that aren't paired: a seam takes nothing from them.
    pub fn apart(report: &'s Report, allow: &'s [Allowed]) -> Self {
        Sieve { report, seams: BTreeSet::new(), allow }
    }

    pub fn arm<'a>(&self, values: Vec<String>, runs: &[&'a Run]) -> Arm<'a> {
        let name = values.join(", ");
        let mut arm = Arm { name, values, runs: BTreeMap::new(), left_out: BTreeMap::new() };
        for run in runs {
            match self.left_out(run) {
                Some(reason) => *arm.left_out.entry(reason).or_default() += 1,
                None => {
                    arm.runs.insert(run.block, run);
                }
            }
        }
        arm
    }

    fn left_out(&self, run: &Run) -> Option<LeftOut> {
        let voids =
            |caveat: &&Caveat| VOIDING.contains(caveat) && !self.allow.contains(&Allowed::Caveat(**caveat));
        if run.status != Status::Ok {
            Some(LeftOut::Failed)
        } else if self.report.redone.contains(&run.key()) {
            Some(LeftOut::Redone)
        } else if self.seams.contains(&run.block) {
            Some(LeftOut::Seam)
        } else if run.policy_effective != run.case.policy() {
            Some(LeftOut::OtherPolicy)
        } else if run.io_effective.is_some_and(|io| Some(io) != run.case.io()) {
            Some(LeftOut::OtherIo)
        } else {
            run.caveats.iter().find(voids).map(|&caveat| LeftOut::Void(caveat))
        }
    }
}
