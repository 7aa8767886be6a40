//! A question put to scores: which type for each tensor?

use super::against::against;
use super::assign::{Assignment, assign};
use super::overrides::{self, Named};
use super::table::{Table, whole_file};
use super::{Budget, PlanError, Strategy, rules};
use crate::gguf::GgmlType;
use crate::record::{
    FimScores, Override, PLAN_SCHEMA, PlanBudget, PlannedTensor, Planning, Pricing, QuantPlan, TensorPrices,
};

/// What is asked of scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// How the plan is made.
    pub strategy: Strategy,
    /// Among which types; all that were priced when none is named.
    pub types: Vec<GgmlType>,
    /// What the file may cost.
    pub budget: Option<Budget>,
    /// The stock mix that published strategies start from.
    pub base: String,
    /// The type that published strategies raise to.
    pub upgrade: GgmlType,
    /// Another plan than the optimum: the one that would be it if each tensor's prices erred by a factor between ½ and
    /// 2, drawn from this seed. What it is foretold to lose is by the prices as they are.
    pub doubt: Option<u64>,
}

/// Answers `question` from `scores`.
///
/// # Errors
/// A budget out of reach, types that a tensor doesn't take, strategies that need more than the scores hold.
pub fn plan(scores: &FimScores, question: &Question) -> Result<QuantPlan, PlanError> {
    check_budget(question)?;
    let rules = rules::overrides(&question.strategy, scores, question.upgrade).transpose()?;
    match (&scores.packbench, rules) {
        (Some(pricing), rules) => priced(scores, pricing, question, rules),
        (None, Some(rules)) => Ok(unpriced(scores, question, rules)),
        (None, None) => Err(PlanError::NoPrices { strategy: question.strategy.to_string() }),
    }
}

fn check_budget(question: &Question) -> Result<(), PlanError> {
    let strategy = question.strategy.to_string();
    match (question.strategy.takes_budget(), &question.budget) {
        (true, None) => Err(PlanError::NoBudget { strategy }),
        (false, Some(_)) => Err(PlanError::BudgetNotTaken { strategy }),
        _ => Ok(()),
    }
}

/// Without shapes and prices there is nothing to foretell.
fn unpriced(scores: &FimScores, question: &Question, rules: Vec<Override>) -> QuantPlan {
    let named = |name: &String| {
        let (layer, group) = name.split_once('.')?;
        Some((group.to_owned(), layer.parse().ok()))
    };
    let type_of = |group: &str, layer| {
        rules.iter().find(|rule| rules::concerns(rule, group, layer)).map(|rule| rule.qtype)
    };
    let named = scores.by_layer_group.keys().filter_map(named);
    let tensors: Vec<Named> =
        named.map(|(group, layer)| Named { ggml_type: type_of(&group, layer), group, layer }).collect();
    overrides::published(&question.base, rules, question.upgrade, &tensors, None)
}

fn priced(
    scores: &FimScores,
    pricing: &Pricing,
    question: &Question,
    rules: Option<Vec<Override>>,
) -> Result<QuantPlan, PlanError> {
    let table = Table::new(pricing, &question.types)?;
    let budget = question.budget.as_ref().map(|budget| budget.bytes(&table)).transpose()?;
    let assignment = assign(scores, &table, question, budget, rules.as_deref())?;
    let file_bytes = whole_file(pricing, |tensor| assignment.of(tensor))?;
    let asked = question.budget.as_ref().map(Budget::to_string);
    let planning = Planning {
        schema: PLAN_SCHEMA.to_owned(),
        payload_hash: Some(pricing.model.payload_hash.clone()),
        strategy: question.strategy.to_string(),
        types: table.types(),
        budget: asked.zip(budget).map(|(asked, bytes)| PlanBudget { asked, bytes: bytes.0 }),
        imatrix: pricing.imatrix,
        dither_seed: pricing.dither_seed,
        file_bytes: Some(file_bytes.0),
        predicted_kld_nats: assignment.loss(pricing),
        kld_bound_nats: assignment.bound,
        nats_per_mib: assignment.loss_per_byte.map(|loss| loss * f64::from(1 << 20)),
        tensors: table.matrices().map(|tensor| planned(pricing, tensor, &assignment)).collect(),
        against: against(&table, &assignment, file_bytes, question)?,
    };
    let tensors: Vec<Named> = planning
        .tensors
        .iter()
        .zip(table.matrices())
        .map(|(planned, tensor)| Named {
            group: tensor.group.clone(),
            layer: tensor.layer,
            ggml_type: Some(planned.ggml_type),
        })
        .collect();
    let base = overrides::base(question, &planning, &tensors);
    let rules = rules.unwrap_or_else(|| overrides::departures(&table, &assignment, &base));
    Ok(overrides::published(&base, rules, question.upgrade, &tensors, Some(planning)))
}

fn planned(pricing: &Pricing, tensor: &TensorPrices, assignment: &Assignment<'_>) -> PlannedTensor {
    let ggml_type = assignment.of(tensor);
    PlannedTensor {
        name: tensor.name.clone(),
        ggml_type,
        bytes: tensor.bytes_as(ggml_type).ok().map(|bytes| bytes.0),
        kld_nats: pricing.kld_as(tensor, ggml_type),
    }
}
