//! The answer of `packbench plan`.

use std::collections::{BTreeMap, HashMap};

use packbench_core::quant::knapsack::gap;
use packbench_core::record::{Against, PlannedTensor, Planning, QuantPlan, TypeChange};
use packbench_core::unit::Bytes;

use super::table::table;
use crate::words::or_dash;

/// Changes that are shown; the file holds all.
const MOST_CHANGES: usize = 10;

/// What the plan comes to, the types by group, and what differs from the stock mix.
pub fn quant_plan(plan: &QuantPlan) -> String {
    let published = published(plan);
    match &plan.packbench {
        None => published + "\nno sizes and no prediction: these scores hold the published keys alone\n",
        Some(planning) => {
            let against =
                planning.against.as_ref().map(|against| beside(planning, against)).unwrap_or_default();
            format!("{}\n{}{against}", summary(planning), by_group(planning))
        }
    }
}

fn published(plan: &QuantPlan) -> String {
    let row = |one: &packbench_core::record::Override| {
        let layers = one.layers.as_ref().map(|layers| numbers(layers));
        vec![one.pattern.clone(), layers.unwrap_or_else(|| "all".to_owned()), one.qtype.to_string()]
    };
    format!(
        "base {}\n\n{}",
        plan.base_quant,
        table(&["pattern", "layers", "type"], 3, plan.overrides.iter().map(row))
    )
}

fn summary(planning: &Planning) -> String {
    let budget =
        planning.budget.as_ref().map(|budget| format!(" of {} ({})", Bytes(budget.bytes), budget.asked));
    let mut lines = vec![format!(
        "{}: {}{}",
        planning.strategy,
        or_dash(planning.file_bytes.map(Bytes)),
        budget.unwrap_or_default()
    )];
    if let Some(nats) = planning.predicted_kld_nats {
        lines.push(format!("predicted KL divergence: {} nats per token", nats_text(nats)));
    }
    if let Some((nats, bound)) = planning.predicted_kld_nats.zip(planning.kld_bound_nats) {
        let percent = 100.0 * gap(nats, bound);
        lines.push(format!("proved: no plan of these bytes is predicted more than {percent:.3} % less"));
    }
    if let Some(rate) = planning.nats_per_mib {
        lines.push(format!("a further MiB would save {} nats", nats_text(rate)));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// How many tensors of each group have each type.
fn by_group(planning: &Planning) -> String {
    let mut counts: BTreeMap<&str, HashMap<String, u32>> = BTreeMap::new();
    let mut used = Vec::new();
    for tensor in &planning.tensors {
        let name = tensor.ggml_type.to_string();
        *counts
            .entry(packbench_core::layout::place(&tensor.name).group)
            .or_default()
            .entry(name)
            .or_default() += 1;
    }
    used.extend(planning.types.iter().map(ToString::to_string));
    used.extend(others(&planning.tensors, &used));
    used.retain(|name| counts.values().any(|types| types.contains_key(name)));
    let header: Vec<&str> = std::iter::once("group").chain(used.iter().map(String::as_str)).collect();
    let rows = counts.iter().map(|(group, types)| {
        let cells = used.iter().map(|name| or_dash(types.get(name)));
        std::iter::once((*group).to_owned()).chain(cells).collect()
    });
    table(&header, 1, rows)
}

/// Types of a stock mix that weren't among the choices.
fn others(tensors: &[PlannedTensor], known: &[String]) -> Vec<String> {
    let mut others: Vec<String> = tensors.iter().map(|tensor| tensor.ggml_type.to_string()).collect();
    others.retain(|name| !known.contains(name));
    others.sort_unstable();
    others.dedup();
    others
}

fn beside(planning: &Planning, against: &Against) -> String {
    let nats = against.predicted_kld_nats.map(|nats| format!(", predicted {} nats", nats_text(nats)));
    let mut text = format!(
        "\nbeside {} ({}{}):\n",
        against.stock_mix,
        Bytes(against.file_bytes),
        nats.unwrap_or_default()
    );
    for (what, changes) in [("raised", &against.raised), ("lowered", &against.lowered)] {
        text += &changed(what, changes);
    }
    if !against.exchanged.is_empty() {
        text += &changed("exchanged for a type of the same bytes", &against.exchanged);
    }
    if let (Some(rate), Some(saves)) = (planning.nats_per_mib, nats_per_mib(&against.raised)) {
        let costs =
            nats_per_mib(&against.lowered).map(|costs| format!(", lowering costs {}", nats_text(costs)));
        let (saves, costs, rate) = (nats_text(saves), costs.unwrap_or_default(), nats_text(rate));
        text +=
            &format!("\nraising saves {saves} nats per MiB in all{costs}; the rate of exchange is {rate}\n");
    }
    let agreed = against
        .agreed
        .iter()
        .map(|agreed| format!("\nboth favour {} in layers {}", agreed.group, numbers(&agreed.layers)));
    let agreed: String = agreed.collect();
    if agreed.is_empty() { text } else { text + &agreed + "\n" }
}

fn changed(what: &str, changes: &[TypeChange]) -> String {
    if changes.is_empty() {
        return format!("\n{what}: nothing\n");
    }
    let shown = changes.len().min(MOST_CHANGES);
    let rows = changes.iter().take(shown).map(|change| {
        let nats = change.kld_nats.filter(|_| change.bytes != 0);
        let per_mib = nats.map(|nats| nats / change.bytes as f64 * f64::from(1 << 20));
        vec![
            change.name.clone(),
            change.from.to_string(),
            change.to.to_string(),
            format!("{:+}", change.bytes),
            or_dash(change.kld_nats.map(|nats| format!("{nats:+.2e}"))),
            or_dash(per_mib.map(|nats| nats_text(nats.abs()))),
        ]
    });
    let table = table(&["tensor", "from", "to", "bytes", "nats", "nats per MiB"], 3, rows);
    let rest = if changes.len() > shown {
        format!("… and {} more\n", changes.len() - shown)
    } else {
        String::new()
    };
    format!("\n{what}: {}\n{table}{rest}", crate::words::count(changes.len() as u32, "tensor"))
}

/// What the bytes of all changes together are worth; `None` when nothing changes, or some loss is unknown.
fn nats_per_mib(changes: &[TypeChange]) -> Option<f64> {
    let bytes: i64 = changes.iter().map(|change| change.bytes).sum();
    let nats = changes.iter().map(|change| change.kld_nats).sum::<Option<f64>>()?;
    (bytes != 0).then(|| (nats / bytes as f64).abs() * f64::from(1 << 20))
}

/// `0, 1, 2, 5` as `0–2, 5`.
pub fn numbers(layers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &layer in layers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(layer) => *last = layer,
            _ => runs.push((layer, layer)),
        }
    }
    let text = |&(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn nats_text(nats: f64) -> String {
    if nats == 0.0 || nats >= 1e-3 { format!("{nats:.4}") } else { format!("{nats:.2e}") }
}

#[cfg(test)]
mod tests {
    use packbench_core::gguf::GgmlType;
    use packbench_core::record::TypeChange;

    use super::{nats_per_mib, numbers};

    #[test]
    fn layers_that_follow_each_other_are_joined() {
        assert_eq!(numbers(&[0, 1, 2, 5, 8, 9]), "0–2, 5, 8, 9");
        assert_eq!(numbers(&[]), "");
    }

    #[test]
    fn changes_are_worth_what_they_save_by_all_their_bytes() {
        let change = |mib: i64, kld_nats| TypeChange {
            name: "blk.0.attn_q.weight".into(),
            from: GgmlType::Q4_0,
            to: GgmlType::Q8_0,
            bytes: mib << 20,
            kld_nats,
        };
        assert_eq!(nats_per_mib(&[change(1, Some(-0.5)), change(3, Some(-1.5))]), Some(0.5));
        assert_eq!(nats_per_mib(&[change(1, Some(-0.5)), change(3, None)]), None);
        assert_eq!(nats_per_mib(&[]), None);
    }
}
