//! Latency, bytes and quality of the files of one report.

use packbench_core::gguf::GgmlType;
use packbench_core::job::{CacheState, ProbeKind};
use packbench_core::record::{EvaluatedModel, Evaluation, Report, Variant};

use super::{Section, dominates};
use crate::words::or_dash;

/// What one file comes to.
pub struct Joined<'a> {
    pub name: &'a str,
    pub bytes: u64,
    /// Of a weight, the whole file counted; `None` where a type isn't known.
    pub bits: Option<f64>,
    /// The median of cold ones in ns, and the policy: the one that was soonest.
    pub first_token: Option<(f64, String)>,
    /// `None` for a file that wasn't evaluated.
    pub evaluated: Option<&'a EvaluatedModel>,
    /// A file that is no larger, no later and no worse, and better in one of the three: there is no reason to take this one.
    pub dominated_by: Option<&'a str>,
}

/// The files of a report; files are known by their content.
pub fn joined<'a>(report: &'a Report, evaluation: &'a Evaluation) -> Vec<Joined<'a>> {
    let mut rows: Vec<Joined<'_>> =
        report.variants.iter().map(|variant| row(report, variant, evaluation)).collect();
    let dominant = |row: &Joined<'_>| rows.iter().find(|other| other.dominates(row)).map(|other| other.name);
    let dominants: Vec<Option<&str>> = rows.iter().map(dominant).collect();
    rows.iter_mut().zip(dominants).for_each(|(row, dominant)| row.dominated_by = dominant);
    rows
}

fn row<'a>(report: &'a Report, variant: &'a Variant, evaluation: &'a Evaluation) -> Joined<'a> {
    let models = evaluation.packbench.as_ref().map_or(&[][..], |own| &own.models);
    let cases = Section::new(report, &variant.name, CacheState::Cold).measured(ProbeKind::FirstToken);
    let told = cases.iter().filter_map(|measured| {
        let time = measured.median(|metrics| Some(metrics.wall_ns as f64))?;
        Some((time, or_dash(measured.case.policy())))
    });
    Joined {
        name: &variant.name,
        bytes: variant.file_bytes,
        bits: bits_per_weight(variant),
        first_token: told.min_by(|one, other| one.0.total_cmp(&other.0)),
        evaluated: models.iter().find(|model| model.payload_hash == variant.payload_hash),
        dominated_by: None,
    }
}

/// Of a weight, the whole file counted; `None` where a type isn't known.
pub fn bits_per_weight(variant: &Variant) -> Option<f64> {
    let weights = variant.types.iter().map(|share| {
        let ggml_type: GgmlType = share.name.parse().ok()?;
        Some(share.bytes / ggml_type.block_bytes().0 * ggml_type.block_elements())
    });
    let weights = weights.sum::<Option<u64>>().filter(|&weights| weights > 0)?;
    Some(variant.file_bytes as f64 * 8.0 / weights as f64)
}

impl Joined<'_> {
    fn dominates(&self, other: &Joined<'_>) -> bool {
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
            bits_per_weight: None,
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
        let row = |bytes, time: f64, evaluated| Joined {
            name: "m",
            bytes,
            bits: None,
            first_token: Some((time, "stream".into())),
            evaluated,
            dominated_by: None,
        };
        let best = row(100, 5.0, Some(&good));
        assert!(best.dominates(&row(100, 5.0, Some(&bad))) && best.dominates(&row(101, 5.0, Some(&good))));
        assert!(!best.dominates(&row(100, 5.0, Some(&good))), "equals don't dominate each other");
        assert!(!best.dominates(&row(99, 6.0, Some(&bad))), "it is smaller");
        assert!(!best.dominates(&row(200, 6.0, None)), "nobody knows how good it is");
    }
}
