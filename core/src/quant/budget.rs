//! From what was asked for to bytes.

use super::assign::{Assignment, mix};
use super::knapsack::{Solution, least_bytes, solve};
use super::table::{Table, whole_file};
use super::{Budget, Objective, PlanError};
use crate::record::TensorPrices;
use crate::unit::Bytes;

impl Budget {
    /// The most bytes that the whole file may have.
    ///
    /// # Errors
    /// A mix that the scores don't hold, a loss that no types reach, a time that wasn't turned into bytes.
    pub(super) fn bytes(&self, table: &Table<'_>) -> Result<Bytes, PlanError> {
        match self {
            Budget::Bytes(bytes) => Ok(*bytes),
            Budget::SameAs(name) => {
                let mix = Assignment::stock(mix(table.pricing(), name)?);
                Ok(whole_file(table.pricing(), |tensor| mix.of(tensor))?)
            }
            Budget::BitsPerWeight(bits) => Ok(Bytes((bits * weights(table) as f64 / 8.0) as u64)),
            Budget::Loss(nats) => for_loss(table, *nats),
            Budget::FirstToken { bytes, .. } => bytes.ok_or(PlanError::NotResolved),
        }
    }
}

/// The weights of all tensors.
fn weights(table: &Table<'_>) -> u64 {
    table.pricing().tensors.iter().filter_map(TensorPrices::elements).sum()
}

/// The fewest bytes for which a plan is found that loses no more than `nats`: budgets are halved between one that
/// doesn't and one that does.
fn for_loss(table: &Table<'_>, nats: f64) -> Result<Bytes, PlanError> {
    let items = table.items(Objective::BySequence);
    let (least, most) = (table.least(), table.most());
    let fixed = least.0 - least_bytes(&items).0;
    let solution = |budget: u64| solve(&items, Bytes(budget - fixed));
    let within = |solution: &Solution| solution.loss <= nats;
    let best = solution(most.0).map_or(f64::INFINITY, |solution| solution.loss);
    if best > nats {
        return Err(PlanError::LossOutOfReach { asked: nats, least: best });
    }
    let (mut low, mut high) = (least.0, most.0);
    while low < high {
        let middle = low + (high - low) / 2;
        match solution(middle).filter(within) {
            Some(found) => high = found.bytes.0 + fixed,
            None => low = middle + 1,
        }
    }
    Ok(Bytes(high))
}
