//! Latency, bytes and quality of the files of one report, in one table.

use packbench_core::record::{Evaluation, Report};
use packbench_core::unit::Bytes;

use super::table::table;
use crate::measured::nanos;
use crate::words::or_dash;

const HEADER: [&str; 8] =
    ["file", "policy", "bytes", "bits a weight", "first token", "predicted KLD", "KLD", "dominated by"];

/// The table.
pub fn joined(report: &Report, evaluation: &Evaluation) -> String {
    let rows = crate::measured::joined::joined(report, evaluation);
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
            or_dash(row.dominated_by),
        ]
    });
    format!(
        "\nLatency, bytes and quality (medians of cold first tokens under the policy that was soonest)\n{}",
        table(&HEADER, 2, lines)
    )
}
