//! Latency, bytes and quality of the files of one report, in one table.

use packbench_core::gguf::GgmlType;
use packbench_core::job::{CacheState, ProbeKind};
use packbench_core::record::{EvaluatedModel, Evaluation, Report, Variant};
use packbench_core::unit::Bytes;

use super::table::table;
use crate::measured::{Section, dominates, nanos};
use crate::words::or_dash;

const HEADER: [&str; 8] =
    ["file", "policy", "bytes", "bits a weight", "first token", "predicted KLD", "KLD", "dominated by"];

/// What one file comes to.
struct Row<'a> {
    name: &'a str,
    bytes: u64,
    bits: Option<f64>,
    /// Of the policy that was soonest.
    first_token: Option<(f64, String)>,
    /// `None` for a file that wasn't evaluated.
    evaluated: Option<&'a EvaluatedModel>,
}

/// The table; files are known by their content. A file that is no smaller, no sooner and no better than another one, and
/// worse in one of the three, is dominated by it: there is no reason to take it.
pub fn joined(report: &Report, evaluation: &Evaluation) -> String {
    let rows: Vec<Row<'_>> = report.variants.iter().map(|variant| row(report, variant, evaluation)).collect();
    let lines = rows.iter().map(|row| {
        let (time, policy) = row.first_token.clone().unzip();
        vec![
            row.name.to_owned(),
            or_dash(policy),
            Bytes(row.bytes).to_string(),
            or_dash(row.bits.map(|bits| format!("{bits:.2}"))),
            or_dash(time.map(nanos)),
            or_dash(
                row.evaluated.and_then(|model| model.predicted_kld_nats).map(|nats| format!("{nats:.5}")),
            ),
            or_dash(row.evaluated.map(|model| format!("{:.5}", model.kld_nats))),
            or_dash(rows.iter().find(|other| other.dominates(row)).map(|other| other.name)),
        ]
    });
    format!(
        "\nLatency, bytes and quality (medians of cold first tokens under the policy that was soonest)\n{}",
        table(&HEADER, 2, lines)
    )
}

fn row<'a>(report: &'a Report, variant: &'a Variant, evaluation: &'a Evaluation) -> Row<'a> {
    let models = evaluation.packbench.as_ref().map_or(&[][..], |own| &own.models);
    let cases = Section::new(report, &variant.name, CacheState::Cold).measured(ProbeKind::FirstToken);
    let told = cases.iter().filter_map(|measured| {
        let time = measured.median(|metrics| Some(metrics.wall_ns as f64))?;
        Some((time, or_dash(measured.case.policy())))
    });
    Row {
        name: &variant.name,
        bytes: variant.file_bytes,
        bits: bits_per_weight(variant),
        first_token: told.min_by(|one, other| one.0.total_cmp(&other.0)),
        evaluated: models.iter().find(|model| model.payload_hash == variant.payload_hash),
    }
}

/// The whole file counted; `None` where a type isn't known.
fn bits_per_weight(variant: &Variant) -> Option<f64> {
    let weights = variant.types.iter().map(|share| {
        let ggml_type: GgmlType = share.name.parse().ok()?;
        Some(share.bytes / ggml_type.block_bytes().0 * ggml_type.block_elements())
    });
    let weights = weights.sum::<Option<u64>>().filter(|&weights| weights > 0)?;
    Some(variant.file_bytes as f64 * 8.0 / weights as f64)
}

impl Row<'_> {
    fn dominates(&self, other: &Row<'_>) -> bool {
        self.costs().zip(other.costs()).is_some_and(|(own, others)| dominates(&own, &others))
    }

    /// All that is to be small; `None` when something wasn't measured.
    fn costs(&self) -> Option<[f64; 3]> {
        let (time, _) = self.first_token.as_ref()?;
        Some([self.bytes as f64, *time, self.evaluated?.kld_nats])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(kld_nats: f64) -> EvaluatedModel {
        EvaluatedModel {
            name: "m".into(),
            payload_hash: String::new(),
            file_bytes: 1,
            plan_hash: None,
            predicted_kld_nats: None,
            kld_nats,
            kld_interval_nats: (kld_nats, kld_nats),
            kld_percentiles: vec![],
            top1_agreement: 1.0,
            kld_by_chunk_nats: vec![kld_nats],
            nll_by_chunk_nats: vec![0.0],
            against_baseline: None,
        }
    }

    #[test]
    fn a_file_is_dominated_by_one_that_is_worse_in_nothing() {
        let (good, bad) = (model(0.1), model(0.2));
        let row = |bytes, time: f64, evaluated| Row {
            name: "m",
            bytes,
            bits: None,
            first_token: Some((time, "stream".into())),
            evaluated,
        };
        let best = row(100, 5.0, Some(&good));
        assert!(best.dominates(&row(100, 5.0, Some(&bad))) && best.dominates(&row(101, 5.0, Some(&good))));
        assert!(!best.dominates(&row(100, 5.0, Some(&good))), "equals don't dominate each other");
        assert!(!best.dominates(&row(99, 6.0, Some(&bad))), "it is smaller");
        assert!(!best.dominates(&row(200, 6.0, None)), "nobody knows how good it is");
    }
}
