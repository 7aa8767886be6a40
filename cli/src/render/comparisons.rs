//! The answer of `packbench compare`.

use packbench_core::job::Field;
use packbench_core::record::{Caveat, Comparison, Comparisons, Metric, Verdict};
use packbench_core::unit::{Bytes, Nanos};
use strum::VariantArray;

use super::table::{or_dash, table};

const HEADER: [&str; 10] = [
    "where",
    "base",
    "candidate",
    "verdict",
    "ratio",
    "95 % interval",
    "could have seen",
    "base median",
    "candidate median",
    "blocks",
];
/// Where the fields stand that arms differ in.
const EFFECT: usize = 3;
/// The last columns hold numbers.
const NUMBERS: usize = 6;

/// A line for each comparison, then what takes away from the trust in them.
pub fn comparisons(answer: &Comparisons) -> String {
    let mut text =
        format!("{} by {}, threshold {}\n\n", answer.metric, list(&answer.by), percent(answer.threshold));
    text += &rows(answer);
    if !answer.floors.is_empty() {
        text += &format!("\nCold first tokens against their floors\n{}", super::floor::rows(&answer.floors));
    }
    let notes = notes(answer);
    if !notes.is_empty() {
        text += &format!("\n{}\n", notes.join("\n"));
    }
    text
}

fn rows(answer: &Comparisons) -> String {
    let mut header = HEADER.to_vec();
    let mut rows: Vec<Vec<String>> = answer.comparisons.iter().map(|one| row(answer.metric, one)).collect();
    // Where arms differ in one field it goes without saying.
    if answer.by.len() > 1 {
        header.insert(EFFECT, "effect of");
        for (row, comparison) in rows.iter_mut().zip(&answer.comparisons) {
            row.insert(EFFECT, list(&comparison.differ_in));
        }
    }
    table(&header, header.len() - NUMBERS, rows)
}

fn row(metric: Metric, comparison: &Comparison) -> Vec<String> {
    let shown = |value: Option<f64>| or_dash(value.map(|value| quantity(metric, value)));
    vec![
        place(comparison),
        comparison.base.clone(),
        comparison.candidate.clone(),
        comparison.verdict.to_string(),
        or_dash(comparison.ratio.map(|ratio| format!("{ratio:.3}"))),
        or_dash(comparison.interval.map(|(low, high)| format!("{low:.3} – {high:.3}"))),
        or_dash(comparison.smallest_effect.map(|effect| format!("± {}", percent(effect)))),
        shown(comparison.base_median),
        shown(comparison.candidate_median),
        comparison.blocks.to_string(),
    ]
}

/// `variant, policy`
fn list(fields: &[Field]) -> String {
    fields.iter().map(Field::to_string).collect::<Vec<_>>().join(", ")
}

/// The fields in which the arms agree, as a case lists them.
fn place(comparison: &Comparison) -> String {
    let values = Field::VARIANTS.iter().filter_map(|field| comparison.fixed.get(<&str>::from(field)));
    values.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn quantity(metric: Metric, value: f64) -> String {
    match metric {
        Metric::WallNs | Metric::CpuNs => Nanos(value.round() as u64).to_string(),
        Metric::BytesFetched => Bytes(value.round() as u64).to_string(),
        Metric::MajorFaults | Metric::MinorFaults => value.to_string(),
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn notes(answer: &Comparisons) -> Vec<String> {
    let all = &answer.comparisons;
    let reason = |comparison: &Comparison| {
        let reason = comparison.reason.as_ref()?;
        Some(format!("{}, {}: {reason}", place(comparison), comparison.candidate))
    };
    let mut notes: Vec<String> = all.iter().filter_map(reason).collect();
    notes.extend(all.iter().filter(|one| one.reason.is_none()).flat_map(|one| one.left_out.clone()));
    notes.sort_unstable();
    notes.dedup();
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
