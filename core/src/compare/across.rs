//! Two sessions held against each other, case by case. Nothing is paired: what lies between two sessions isn't known.

use std::collections::BTreeMap;

use strum::VariantArray;

use super::arms::{caveats, unjudged};
use super::judge::{Design, Samples};
use super::pairing::{Arm, Sieve, runs_by_case};
use super::{CompareError, Question, SCHEMA, compat, gate_together, gates, incomplete};
use crate::job::{Case, Field};
use crate::record::{Caveat, Comparison, Comparisons, Report, Run, Variant};

/// Answers `question` from two reports; its `by` and `base` say nothing here. Each comparison carries
/// [`Caveat::CrossSession`], and none says "same".
///
/// Cases are held against the same cases. So are the models: by name, or, where each report has one, that one.
///
/// # Errors
/// When machines, tools or models differ and the question doesn't allow it, when both reports are of one session, and
/// when they have no case in common.
pub fn compare_reports(
    base: &Report,
    candidate: &Report,
    question: &Question,
) -> Result<Comparisons, CompareError> {
    question.check()?;
    let (session, other) = (&base.header().session, &candidate.header().session);
    if session == other {
        return Err(CompareError::SameSession { session: session.clone() });
    }
    compat::check(base, question)?;
    compat::check(candidate, question)?;
    let models = models(base, candidate);
    let payloads = models.iter().filter_map(|(base, other)| compat::payload_difference(base, other));
    let machines = compat::differences(base.header(), candidate.header());
    compat::refuse(machines.into_iter().chain(payloads), question)?;
    let across = Across { base, candidate, models };
    let comparisons = across.comparisons(question);
    if comparisons.is_empty() {
        return Err(CompareError::NothingInCommon);
    }
    let mut answers = [Comparisons {
        schema: SCHEMA.to_owned(),
        session: session.clone(),
        candidate_session: Some(other.clone()),
        by: Vec::new(),
        metric: question.metric,
        threshold: question.threshold,
        seams: Vec::new(),
        incomplete: across.incomplete(),
        gated_together: 0,
        comparisons,
        floors: Vec::new(),
    }];
    gate_together(&mut answers);
    let [answer] = answers;
    Ok(answer)
}

/// The models that are held against each other.
fn models<'a>(base: &'a Report, candidate: &'a Report) -> Vec<(&'a Variant, &'a Variant)> {
    if let ([base], [candidate]) = (&base.variants[..], &candidate.variants[..]) {
        return vec![(base, candidate)];
    }
    let named = |variant: &Variant| candidate.variants.iter().find(|other| other.name == variant.name);
    base.variants.iter().filter_map(|variant| Some((variant, named(variant)?))).collect()
}

struct Across<'a> {
    base: &'a Report,
    candidate: &'a Report,
    models: Vec<(&'a Variant, &'a Variant)>,
}

impl Across<'_> {
    fn comparisons(&self, question: &Question) -> Vec<Comparison> {
        let (of_base, of_candidate) = (runs_by_case(self.base), runs_by_case(self.candidate));
        let sieves = [self.base, self.candidate].map(|report| Sieve::apart(report, &question.allow));
        let compared = |case: Case| {
            let counterpart = self.counterpart(&case)?;
            let (base, candidate) = (of_base.get(&case)?, of_candidate.get(&counterpart)?);
            let arms = [("base", base), ("candidate", candidate)];
            let [base, candidate] = [0, 1].map(|side| {
                let (name, runs) = arms[side];
                sieves[side].arm(vec![name.to_owned()], runs)
            });
            let fixed = self.fixed(&case, &counterpart);
            let gated = gates(self.base.job(), &fixed);
            Some(Comparison { gated, ..compare_arms(fixed, &base, &candidate, question) })
        };
        self.base.cases().into_iter().filter_map(compared).collect()
    }

    /// The same case of the other report.
    fn counterpart(&self, case: &Case) -> Option<Case> {
        let (_, other) = self.models.iter().find(|(base, _)| base.name == case.variant)?;
        Some(Case { variant: other.name.clone(), ..case.clone() })
    }

    fn fixed(&self, case: &Case, counterpart: &Case) -> BTreeMap<String, String> {
        let told = |&field: &Field| Some((field.to_string(), case.told(field)?));
        let mut fixed: BTreeMap<String, String> = Field::VARIANTS.iter().filter_map(told).collect();
        if case.variant != counterpart.variant {
            fixed.insert(Field::Variant.to_string(), format!("{} → {}", case.variant, counterpart.variant));
        }
        fixed
    }

    fn incomplete(&self) -> Vec<String> {
        let of_candidate = self.candidate.cases();
        let cases = self.base.cases();
        let matched = cases
            .iter()
            .filter(|case| self.counterpart(case).is_some_and(|other| of_candidate.contains(&other)))
            .count();
        let unmatched = [("base", cases.len()), ("candidate", of_candidate.len())];
        let unmatched = unmatched.into_iter().filter(|(_, all)| *all > matched);
        let unmatched = unmatched.map(|(name, all)| {
            format!("{} of the {all} cases of the {name} are not in the other report", all - matched)
        });
        let both = [(self.base, "the base"), (self.candidate, "the candidate")];
        both.into_iter().flat_map(|(report, name)| incomplete::told(report, name)).chain(unmatched).collect()
    }
}

fn compare_arms(
    fixed: BTreeMap<String, String>,
    base: &Arm<'_>,
    candidate: &Arm<'_>,
    question: &Question,
) -> Comparison {
    let values = |arm: &Arm<'_>| -> Vec<f64> {
        arm.runs.values().filter_map(|run| question.metric.of_run(run)).collect()
    };
    let (bases, candidates) = (values(base), values(candidate));
    let runs = base.runs.values().chain(candidate.runs.values()).copied().collect::<Vec<&Run>>();
    let mut caveats = caveats(runs);
    caveats.push(Caveat::CrossSession);
    let left_out: Vec<String> = [base, candidate].into_iter().flat_map(Arm::left_out).collect();
    let unjudged = Comparison {
        fixed,
        base: base.name.clone(),
        candidate: candidate.name.clone(),
        left_out,
        caveats,
        ..unjudged(&bases, &candidates)
    };
    if bases.is_empty() || candidates.is_empty() {
        let reason = match unjudged.left_out.is_empty() {
            true => format!("one of the reports doesn't tell {} of this case", question.metric),
            false => unjudged.left_out.join("; "),
        };
        return Comparison { reason: Some(reason), ..unjudged };
    }
    let samples = Samples {
        design: Design::Apart,
        metric: question.metric,
        threshold: question.threshold,
        base: &bases,
        candidate: &candidates,
    };
    samples.judge(unjudged)
}
