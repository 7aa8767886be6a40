//! A type for each tensor, by the strategy that was asked for.

use std::collections::HashMap;

use super::imatrix::makes;
use super::knapsack::{Choice, solve};
use super::table::Table;
use super::{Objective, PlanError, Question, Strategy, greedy, rules};
use crate::gguf::GgmlType;
use crate::random::Random;
use crate::record::{FimScores, Override, Pricing, StockMix, TensorPrices};
use crate::unit::Bytes;

/// The types that tensors get; those that aren't named stay as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Assignment<'a> {
    types: HashMap<&'a str, GgmlType>,
    /// No assignment within the budget is foretold a smaller KL divergence, in nats per token.
    pub bound: Option<f64>,
    /// What a further byte would be worth, in nats per token.
    pub loss_per_byte: Option<f64>,
}

impl<'a> Assignment<'a> {
    /// What a stock mix gives.
    pub fn stock(mix: &'a StockMix) -> Self {
        let types = mix.types.iter().map(|(name, &ggml_type)| (name.as_str(), ggml_type)).collect();
        Assignment { types, ..Assignment::default() }
    }

    /// By row of a table: the index of an option.
    fn chosen(table: &Table<'a>, chosen: &[usize]) -> Self {
        let rows = table.rows().iter().zip(chosen);
        let types =
            rows.map(|(row, &option)| (row.tensor.name.as_str(), row.options[option].ggml_type)).collect();
        Assignment { types, ..Assignment::default() }
    }

    /// The type of a tensor.
    pub fn of(&self, tensor: &TensorPrices) -> GgmlType {
        self.types.get(tensor.name.as_str()).copied().unwrap_or(tensor.ggml_type)
    }

    /// The KL divergence that is foretold, in nats per token; `None` when not every tensor has a price.
    pub fn loss(&self, pricing: &Pricing) -> Option<f64> {
        pricing.tensors.iter().map(|tensor| pricing.kld_as(tensor, self.of(tensor))).sum()
    }
}

/// The types that `question` gives; `budget` is for the whole file, `rules` are those of a published strategy.
pub(super) fn assign<'a>(
    scores: &FimScores,
    table: &Table<'a>,
    question: &Question,
    budget: Option<Bytes>,
    rules: Option<&[Override]>,
) -> Result<Assignment<'a>, PlanError> {
    if let Some(rules) = rules {
        return ruled(table, &question.base, rules);
    }
    let room = budget.map_or(Ok(Bytes(0)), |budget| table.room(budget))?;
    match &question.strategy {
        Strategy::Least(objective) => least(table, *objective, room, question.doubt),
        Strategy::Trace => {
            let score = |tensor: &TensorPrices| scores.by_tensor.get(&tensor.name).copied().unwrap_or(0.0);
            let scores: Vec<f64> = table.rows().iter().map(|row| score(row.tensor)).collect();
            let items = table.items(Objective::BySequence);
            Ok(Assignment::chosen(table, &greedy::by_score(&items, &scores, room)))
        }
        Strategy::Random(seed) => {
            let items = table.items(Objective::BySequence);
            Ok(Assignment::chosen(table, &greedy::at_random(&items, *seed, room)))
        }
        Strategy::Uniform(ggml_type) => {
            check_priced(table.pricing(), *ggml_type)?;
            let nearest: Vec<usize> = table.rows().iter().map(|row| row.nearest(*ggml_type)).collect();
            Ok(Assignment::chosen(table, &nearest))
        }
        Strategy::Stock(name) => Ok(Assignment::stock(made(table.pricing(), name)?)),
        Strategy::TopLayers(_) | Strategy::TopPercent(_) | Strategy::Groups(_) | Strategy::Thresholds => {
            Ok(Assignment::default())
        }
    }
}

/// What no tensor was priced in stands for nothing.
fn check_priced(pricing: &Pricing, ggml_type: GgmlType) -> Result<(), PlanError> {
    let types = Table::new(pricing, &[])?.types();
    if types.contains(&ggml_type) {
        return Ok(());
    }
    let priced = types.iter().map(GgmlType::to_string).collect::<Vec<_>>().join(", ");
    Err(PlanError::NotPriced { ggml_type, priced })
}

fn least<'a>(
    table: &Table<'a>,
    objective: Objective,
    room: Bytes,
    doubt: Option<u64>,
) -> Result<Assignment<'a>, PlanError> {
    let mut items = table.items(objective);
    if let Some(seed) = doubt {
        doubted(&mut items, seed);
    }
    let solution = solve(&items, room);
    let solution = solution.expect("each row has an option and the room holds the smallest");
    let assignment = Assignment::chosen(table, &solution.chosen);
    Ok(match (objective, doubt) {
        (Objective::BySequence, None) => Assignment {
            bound: Some(solution.bound),
            loss_per_byte: Some(solution.loss_per_byte),
            ..assignment
        },
        _ => assignment,
    })
}

/// Lays a factor between ½ and 2 over the prices of each item.
fn doubted(items: &mut [Vec<Choice>], seed: u64) {
    let mut random = Random::new(seed);
    for item in items {
        let exponent = random.next_u64() as f64 / u64::MAX as f64 * 2.0 - 1.0;
        item.iter_mut().for_each(|choice| choice.loss *= exponent.exp2());
    }
}

/// The base with the rules laid over it.
fn ruled<'a>(table: &Table<'a>, base: &str, rules: &[Override]) -> Result<Assignment<'a>, PlanError> {
    let mut assignment = Assignment::stock(made(table.pricing(), base)?);
    for row in table.rows() {
        let (group, layer) = (row.tensor.group.as_str(), row.tensor.layer);
        if let Some(rule) = rules.iter().find(|rule| rules::concerns(rule, group, layer)) {
            let ggml_type = row.options[row.nearest(rule.qtype)].ggml_type;
            assignment.types.insert(&row.tensor.name, ggml_type);
        }
    }
    Ok(assignment)
}

/// The stock mix of that name, which llama.cpp makes as the scores were made.
fn made<'a>(pricing: &'a Pricing, name: &str) -> Result<&'a StockMix, PlanError> {
    let mix = mix(pricing, name)?;
    if makes(pricing, mix) { Ok(mix) } else { Err(PlanError::WeightsNeeded { mix: mix.name.clone() }) }
}

/// The stock mix of that name.
///
/// # Errors
/// When the scores hold none of that name.
pub(super) fn mix<'a>(pricing: &'a Pricing, name: &str) -> Result<&'a StockMix, PlanError> {
    let same = |mix: &&StockMix| mix.name.eq_ignore_ascii_case(name);
    pricing.stock_mixes.iter().find(same).ok_or_else(|| {
        let names: Vec<&str> = pricing.stock_mixes.iter().map(|mix| mix.name.as_str()).collect();
        let known = if names.is_empty() { "none, for they hold no mix".to_owned() } else { names.join(", ") };
        PlanError::NoSuchMix { found: name.to_owned(), known }
    })
}
