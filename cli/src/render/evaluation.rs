//! An evaluation: the published table, and how far each model is from the reference.

use packbench_core::record::{EvaluatedModel, Evaluation, EvaluationResult};

use super::table::table;
use crate::words::or_dash;

/// Of fewer an interval is that of a spread that hardly anything is known of.
const FEW_CHUNKS: u32 = 8;

/// Both tables.
pub fn evaluation(evaluation: &Evaluation) -> String {
    let Some(own) = &evaluation.packbench else { return published(evaluation, &[]) };
    let heading = format!(
        "{}: {} chunks of {} tokens, held against {}\n{}",
        evaluation.test_file,
        own.chunks,
        evaluation.ctx_size,
        evaluation.baseline,
        if own.chunks < FEW_CHUNKS {
            "intervals of so few chunks tell little: take 16 or more\n"
        } else {
            ""
        }
    );
    let rows = own.models.iter().map(divergence);
    let header =
        ["model", "KLD", "95 %", "predicted", "median", "99 %", "same best", "KLD − baseline", "95 %"];
    format!("{heading}\n{}\n{}", published(evaluation, &own.models), table(&header, 1, rows))
}

fn published(evaluation: &Evaluation, order: &[EvaluatedModel]) -> String {
    let row = |(name, result): (&String, &EvaluationResult)| {
        vec![
            name.clone(),
            format!("{:.1}", result.size_mb),
            format!("{:.4}", result.ppl),
            or_dash(result.ppl_stderr.map(|error| format!("± {error:.4}"))),
            or_dash(result.delta_ppl.map(|delta| format!("{delta:+.4}"))),
            or_dash(result.pct_ppl_change.map(|percent| format!("{percent:+.2} %"))),
            or_dash(result.size_pct_change.map(|percent| format!("{percent:+.2} %"))),
        ]
    };
    let mut results: Vec<_> = evaluation.results.iter().collect();
    results.sort_by_key(|(name, _)| order.iter().position(|model| model.name == **name));
    table(&["model", "MiB", "PPL", "error", "Δ PPL", "relative", "Δ bytes"], 1, results.into_iter().map(row))
}

fn divergence(model: &EvaluatedModel) -> Vec<String> {
    let percentile =
        |percent: f64| model.kld_percentiles.iter().find(|(of, _)| *of == percent).map(|(_, nats)| *nats);
    let interval = |(low, high): (f64, f64)| format!("{low:.5} … {high:.5}");
    vec![
        model.name.clone(),
        format!("{:.5}", model.kld_nats),
        interval(model.kld_interval_nats),
        or_dash(model.predicted_kld_nats.map(|nats| format!("{nats:.5}"))),
        or_dash(percentile(50.0).map(|nats| format!("{nats:.5}"))),
        or_dash(percentile(99.0).map(|nats| format!("{nats:.5}"))),
        format!("{:.2} %", model.top1_agreement * 100.0),
        or_dash(model.against_baseline.map(|difference| format!("{:+.5}", difference.nats))),
        or_dash(model.against_baseline.map(|difference| interval(difference.interval_nats))),
    ]
}
