//! A weight trace.

use packbench_core::record::WeightTrace;
use packbench_core::unit::Bytes;

use super::table::table;

/// A line for each first read, in order.
pub fn trace(trace: &WeightTrace) -> String {
    let rows = trace.reads.iter().enumerate().map(|(index, read)| {
        let part = match (&read.rows, &read.experts) {
            (Some(rows), _) => format!("{} rows", rows.len()),
            (_, Some(experts)) => format!("{} experts", experts.len()),
            (None, None) => "all".to_owned(),
        };
        vec![
            (index + 1).to_string(),
            read.tensor.clone(),
            read.operation.clone(),
            part,
            Bytes(read.bytes).to_string(),
        ]
    });
    let bytes: Bytes = trace.reads.iter().map(|read| Bytes(read.bytes)).sum();
    let table = table(&["", "tensor", "operation", "of it", "bytes"], 4, rows);
    format!("{}\n\n{table}\n{bytes} for the first token\n", trace.engine)
}
