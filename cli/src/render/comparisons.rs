//! The answer of `packbench compare`.

use packbench_core::compare::blocks_needed_by;
use packbench_core::job::Field;
use packbench_core::record::{Caveat, Comparison, Comparisons, Metric, Verdict};

use super::table::table;
use crate::measured::place;
use crate::page::{COMPARED, Unit};
use crate::words::or_dash;

/// Where the fields stand that arms differ in.
const EFFECT: usize = 3;
/// The last columns hold numbers.
pub(super) const NUMBERS: usize = 6;

/// A line for each comparison, then what takes away from the trust in them.
pub fn comparisons(answer: &Comparisons) -> String {
    let by =
        if answer.by.is_empty() { "of two sessions".to_owned() } else { format!("by {}", list(&answer.by)) };
    let mut text = format!("{} {by}, threshold {}\n\n", answer.metric, percent(answer.threshold));
    let (header, rows) = rows(answer);
    text += &table(&header, header.len() - NUMBERS, rows);
    if !answer.floors.is_empty() {
        text += &format!("\nCold first tokens against their floors\n{}", super::floor::rows(&answer.floors));
    }
    let notes = notes(answer);
    if !notes.is_empty() {
        text += &format!("\n{}\n", notes.join("\n"));
    }
    text
}

/// The table of comparisons: its header, and a row each. The last [`NUMBERS`] columns hold numbers.
pub(super) fn rows(answer: &Comparisons) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let mut header = COMPARED.to_vec();
    let mut rows: Vec<Vec<String>> = answer.comparisons.iter().map(|one| row(answer.metric, one)).collect();
    // Where arms differ in one field it goes without saying.
    if answer.by.len() > 1 {
        header.insert(EFFECT, "effect of");
        for (row, comparison) in rows.iter_mut().zip(&answer.comparisons) {
            row.insert(EFFECT, list(&comparison.differ_in));
        }
    }
    (header, rows)
}

fn row(metric: Metric, comparison: &Comparison) -> Vec<String> {
    let shown = |value: Option<f64>| or_dash(value.map(|value| quantity(metric, value)));
    vec![
        place(comparison),
        comparison.base.clone(),
        comparison.candidate.clone(),
        comparison.verdict.to_string(),
        or_dash(effect(metric, comparison)),
        or_dash(interval(metric, comparison)),
        or_dash(comparison.smallest_effect.map(|effect| format!("± {}", percent(effect)))),
        shown(comparison.base_median),
        shown(comparison.candidate_median),
        comparison.blocks.to_string(),
    ]
}

/// A ratio; of counts that have none, a difference.
fn effect(metric: Metric, comparison: &Comparison) -> Option<String> {
    let ratio = comparison.ratio.map(|ratio| format!("{ratio:.3}"));
    ratio.or_else(|| Some(signed(metric, comparison.difference?)))
}

fn interval(metric: Metric, comparison: &Comparison) -> Option<String> {
    let of_ratio = comparison.interval.filter(|_| comparison.ratio.is_some());
    let of_ratio = of_ratio.map(|(low, high)| format!("{low:.3} – {high:.3}"));
    let of_difference = || comparison.difference_interval;
    of_ratio.or_else(|| {
        of_difference().map(|(low, high)| format!("{} – {}", signed(metric, low), signed(metric, high)))
    })
}

/// `+3`
fn signed(metric: Metric, difference: f64) -> String {
    let sign = if difference < 0.0 { "−" } else { "+" };
    format!("{sign}{}", quantity(metric, difference.abs()))
}

/// `variant, policy`
fn list(fields: &[Field]) -> String {
    fields.iter().map(Field::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn quantity(metric: Metric, value: f64) -> String {
    Unit::from(metric).of(value).to_string()
}

pub(super) fn percent(share: f64) -> String {
    Unit::Share.of(share).to_string()
}

/// `stream against normal: faster, 0.294 [0.283, 0.306] × wall_ns (2.01 s against 6.83 s, 8 blocks)`
pub(super) fn sentence(metric: Metric, one: &Comparison) -> String {
    let mut text = format!("{} against {}: {}", one.candidate, one.base, one.verdict);
    if let Some(ratio) = one.ratio {
        let interval = one.interval.map(|(low, high)| format!(" [{low:.3}, {high:.3}]"));
        text += &format!(", {ratio:.3}{} × {metric}", interval.unwrap_or_default());
    }
    if let Some((base, candidate)) = one.base_median.zip(one.candidate_median) {
        let (base, candidate) = (quantity(metric, base), quantity(metric, candidate));
        text += &format!(" ({candidate} against {base}, {} blocks)", one.blocks);
    }
    one.reason.iter().for_each(|reason| text += &format!(": {reason}"));
    text
}

pub(super) fn notes(answer: &Comparisons) -> Vec<String> {
    let all = &answer.comparisons;
    let reason = |comparison: &Comparison| {
        let reason = comparison.reason.as_ref()?;
        Some(format!("{}, {}: {reason}", place(comparison), comparison.candidate))
    };
    let mut notes: Vec<String> = all.iter().filter_map(reason).collect();
    notes.extend(all.iter().filter(|one| one.reason.is_none()).flat_map(|one| one.left_out.clone()));
    notes.extend(all.iter().filter_map(drifted));
    notes.extend(all.iter().filter_map(ordered));
    notes.sort_unstable();
    notes.dedup();
    notes.extend(answer.incomplete.clone());
    notes.extend(more_blocks(answer));
    notes.extend(too_few_to_gate(answer));
    if !answer.seams.is_empty() {
        let seams: Vec<String> = answer.seams.iter().map(u32::to_string).collect();
        notes.push(format!("blocks cut and resumed, not paired: {}", seams.join(", ")));
    }
    let mut caveats: Vec<Caveat> = all.iter().flat_map(|comparison| comparison.caveats.clone()).collect();
    caveats.sort_unstable();
    caveats.dedup();
    notes.extend(caveats.iter().map(|caveat| format!("{caveat}: {}", caveat.meaning())));
    notes.extend(by_chance(all));
    notes
}

/// Rarer than this by chance is worth a line: a job makes many comparisons.
const RARE: f64 = 0.01;

fn drifted(comparison: &Comparison) -> Option<String> {
    let drift = comparison.drift.filter(|drift| drift.p_value < RARE)?;
    Some(format!(
        "{}, {}: the later half of the blocks took {} than the earlier half; medians say when they were taken, ratios don't mind",
        place(comparison),
        comparison.candidate,
        more(drift.change)
    ))
}

fn ordered(comparison: &Comparison) -> Option<String> {
    let order = comparison.order_effect.filter(|order| order.p_value < RARE)?;
    Some(format!(
        "{}, {}: whichever ran second in a block took {}; the orders were drawn, so that widens the interval and moves nothing",
        place(comparison),
        comparison.candidate,
        more(order.cost)
    ))
}

/// `3.1 % more`
fn more(share: f64) -> String {
    format!("{} {}", percent(share.abs()), if share < 0.0 { "less" } else { "more" })
}

/// What would make the inconclusive conclusive.
fn more_blocks(answer: &Comparisons) -> Option<String> {
    let open =
        answer.comparisons.iter().filter(|one| one.verdict == Verdict::Inconclusive && !answer.by.is_empty());
    let needed = open.filter_map(|one| one.blocks_needed.filter(|needed| *needed > one.blocks)).max()?;
    Some(format!(
        "inconclusive: a change of {} would show in four of five sessions of {needed} blocks",
        percent(answer.threshold)
    ))
}

fn too_few_to_gate(answer: &Comparisons) -> Option<String> {
    let (gated, needed) = (answer.gated_together, blocks_needed_by(std::slice::from_ref(answer)));
    let blocks = answer.comparisons.iter().map(|one| one.blocks).max()?;
    (gated > 1 && blocks < needed).then(|| {
        format!("{gated} comparisons are gated together: none can be a regression with fewer than {needed} blocks, found {blocks}")
    })
}

/// Many comparisons at 95 % are expected to hold some that err.
fn by_chance(all: &[Comparison]) -> Option<String> {
    let judged = all.iter().filter(|comparison| comparison.interval.is_some()).count();
    let decided =
        all.iter().any(|comparison| matches!(comparison.verdict, Verdict::Faster | Verdict::Slower));
    (judged > 1 && decided).then(|| {
        let expected = 0.05 * judged as f64;
        format!("of {judged} comparisons at 95 %, up to {expected:.1} would be called faster or slower if no arm differed")
    })
}
