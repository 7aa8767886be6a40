//! A plan beside the engine's own recipe: what it raised, what it lowered, and where both agree.

use std::collections::{BTreeMap, BTreeSet};

use super::assign::{Assignment, mix};
use super::imatrix::makes;
use super::table::{Table, whole_file};
use super::{Budget, PlanError, Question};
use crate::record::{Against, AgreedLayers, Pricing, StockMix, TensorPrices, TypeChange};
use crate::unit::Bytes;

/// Holds `assignment` against the mix whose bytes were asked for, or against the one nearest in bytes, if llama.cpp makes it
/// as the scores were made. `None` when the scores hold no such mix.
pub(super) fn against(
    table: &Table<'_>,
    assignment: &Assignment<'_>,
    file_bytes: Bytes,
    question: &Question,
) -> Result<Option<Against>, PlanError> {
    let pricing = table.pricing();
    let asked = match &question.budget {
        Some(Budget::SameAs(name)) => Some(mix(pricing, name)?).filter(|mix| makes(pricing, mix)),
        _ => None,
    };
    let stock = match asked {
        Some(stock) => Some(stock),
        None => nearest(pricing, file_bytes)?,
    };
    stock.map(|stock| beside(table, assignment, stock)).transpose()
}

fn nearest(pricing: &Pricing, file_bytes: Bytes) -> Result<Option<&StockMix>, PlanError> {
    let mut sized = Vec::new();
    for mix in pricing.stock_mixes.iter().filter(|mix| makes(pricing, mix)) {
        let stock = Assignment::stock(mix);
        let bytes = whole_file(pricing, |tensor| stock.of(tensor))?;
        sized.push((bytes.0.abs_diff(file_bytes.0), mix));
    }
    Ok(sized.into_iter().min_by_key(|&(distance, _)| distance).map(|(_, mix)| mix))
}

fn beside(table: &Table<'_>, plan: &Assignment<'_>, stock_mix: &StockMix) -> Result<Against, PlanError> {
    let (pricing, stock) = (table.pricing(), Assignment::stock(stock_mix));
    let mut changes = Vec::new();
    for tensor in &pricing.tensors {
        changes.extend(change(pricing, tensor, &stock, plan)?);
    }
    changes.sort_by_key(|change| -change.bytes.abs());
    let (mut exchanged, changes): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| change.bytes == 0);
    exchanged.sort_by(|one, other| nats(one).total_cmp(&nats(other)));
    let (raised, lowered) = changes.into_iter().partition(|change| change.bytes > 0);
    Ok(Against {
        stock_mix: stock_mix.name.clone(),
        file_bytes: whole_file(pricing, |tensor| stock.of(tensor))?.0,
        predicted_kld_nats: stock.loss(pricing),
        raised,
        lowered,
        exchanged,
        agreed: agreed(table, plan, &stock)?,
    })
}

/// Those without a price come last.
fn nats(change: &TypeChange) -> f64 {
    change.kld_nats.unwrap_or(f64::INFINITY)
}

fn change(
    pricing: &Pricing,
    tensor: &TensorPrices,
    stock: &Assignment<'_>,
    plan: &Assignment<'_>,
) -> Result<Option<TypeChange>, PlanError> {
    let (from, to) = (stock.of(tensor), plan.of(tensor));
    if from == to {
        return Ok(None);
    }
    let losses = pricing.kld_as(tensor, to).zip(pricing.kld_as(tensor, from));
    Ok(Some(TypeChange {
        name: tensor.name.clone(),
        from,
        to,
        bytes: tensor.bytes_as(to)?.0 as i64 - tensor.bytes_as(from)?.0 as i64,
        kld_nats: losses.map(|(to, from)| to - from),
    }))
}

/// Of each group: the layers that both give more than the least that they give the group anywhere.
fn agreed(
    table: &Table<'_>,
    plan: &Assignment<'_>,
    stock: &Assignment<'_>,
) -> Result<Vec<AgreedLayers>, PlanError> {
    let (plan, stock) = (favoured(table, plan)?, favoured(table, stock)?);
    let both = plan.into_iter().filter_map(|(group, layers)| {
        let layers: Vec<u32> = layers.intersection(stock.get(&group)?).copied().collect();
        (!layers.is_empty()).then_some(AgreedLayers { group, layers })
    });
    Ok(both.collect())
}

fn favoured(
    table: &Table<'_>,
    assignment: &Assignment<'_>,
) -> Result<BTreeMap<String, BTreeSet<u32>>, PlanError> {
    let mut by_group: BTreeMap<String, Vec<(u32, u64)>> = BTreeMap::new();
    for row in table.rows() {
        let Some(layer) = row.tensor.layer else { continue };
        let bytes = row.tensor.bytes_as(assignment.of(row.tensor))?;
        by_group.entry(row.tensor.group.clone()).or_default().push((layer, bytes.0));
    }
    let more = |sizes: Vec<(u32, u64)>| {
        let least = sizes.iter().map(|&(_, bytes)| bytes).min();
        sizes.into_iter().filter(|&(_, bytes)| Some(bytes) > least).map(|(layer, _)| layer).collect()
    };
    Ok(by_group.into_iter().map(|(group, sizes)| (group, more(sizes))).collect())
}
