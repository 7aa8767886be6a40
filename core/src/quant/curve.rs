//! Loss against bytes, with the engine's own recipes beside it.

use super::assign::Assignment;
use super::imatrix::makes;
use super::knapsack::solve;
use super::table::{Table, whole_file};
use super::{Objective, PlanError};
use crate::gguf::GgmlType;
use crate::record::{Curve, CurvePoint, FimScores, Pricing, StockMix};
use crate::unit::Bytes;

/// The schema of [`Curve`].
pub const CURVE_SCHEMA: &str = "packbench.curve/1";

/// Plans for budgets that lie equally far apart.
const PLANS: u64 = 128;

/// The least lossy plans between the smallest and the largest of `types`.
///
/// # Errors
/// Scores without prices, types that a tensor doesn't take.
pub fn curve(scores: &FimScores, types: &[GgmlType]) -> Result<Curve, PlanError> {
    let none = || PlanError::NoPrices { strategy: "a curve".to_owned() };
    let pricing = scores.packbench.as_ref().ok_or_else(none)?;
    let table = Table::new(pricing, types)?;
    let mut plans = Vec::new();
    for step in 0..=PLANS {
        let (least, most) = (table.least().0, table.most().0);
        // at the last step all of the difference, so that the largest types are in
        let more = (most - least) / PLANS * step + (most - least) % PLANS * step / PLANS;
        plans.extend(point(&table, Bytes(least + more))?);
    }
    // Plans are within a proved gap of the best, so that more bytes may now and then buy nothing.
    plans.dedup_by(|next, last| next.predicted_kld_nats >= last.predicted_kld_nats);
    let (mut stock_mixes, mut imatrix_mixes, mut unpriced_mixes) = (Vec::new(), Vec::new(), Vec::new());
    for mix in &pricing.stock_mixes {
        if !makes(pricing, mix) {
            imatrix_mixes.push(mix.name.clone());
            continue;
        }
        match stock_point(pricing, mix)? {
            Some(point) => stock_mixes.push(point),
            None => unpriced_mixes.push(mix.name.clone()),
        }
    }
    Ok(Curve {
        schema: CURVE_SCHEMA.to_owned(),
        model: scores.model.clone(),
        payload_hash: pricing.model.payload_hash.clone(),
        plans,
        stock_mixes,
        imatrix_mixes,
        unpriced_mixes,
    })
}

fn point(table: &Table<'_>, budget: Bytes) -> Result<Option<CurvePoint>, PlanError> {
    let room = table.room(budget)?;
    let solution = solve(&table.items(Objective::BySequence), room);
    Ok(solution.map(|solution| CurvePoint {
        name: None,
        file_bytes: budget.0 - room.0 + solution.bytes.0,
        predicted_kld_nats: solution.loss,
    }))
}

fn stock_point(pricing: &Pricing, mix: &StockMix) -> Result<Option<CurvePoint>, PlanError> {
    let stock = Assignment::stock(mix);
    let file_bytes = whole_file(pricing, |tensor| stock.of(tensor))?.0;
    Ok(stock.loss(pricing).map(|nats| CurvePoint {
        name: Some(mix.name.clone()),
        file_bytes,
        predicted_kld_nats: nats,
    }))
}
