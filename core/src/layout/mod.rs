//! The geometry of a model file: what its tensors are for and where they lie.

mod arrangement;
mod forward;
mod group;
mod order;
mod trace;

pub use arrangement::{Alignment, Arrangement};
pub use group::{Place, place};
pub use order::{Names, Order, OrderError};
pub use trace::{Extent, TRACE_SCHEMA, TraceBuilder, TraceError};

use std::collections::BTreeMap;

use crate::gguf::{self, Gguf};
use crate::record::{Inspection, Part, TensorFacts, Total};
use crate::unit::Bytes;

/// What a GGUF file holds, in the order of the file.
///
/// # Errors
/// As of [`Gguf::parse`], and for a `split.*` or `general.architecture` value of the wrong type.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, gguf::Error> {
    let gguf = Gguf::parse(bytes)?;
    let mut tensors: Vec<TensorFacts> = gguf.tensors.iter().map(facts).collect();
    tensors.sort_by_key(|tensor| (tensor.offset_bytes, tensor.bytes));
    let total = |key: fn(&TensorFacts) -> String| totals(&tensors, key);
    let by_layer = total(|tensor| tensor.layer.map_or("outside layers".to_owned(), |n| format!("{n:05}")));
    Ok(Inspection {
        format: format!("GGUF v{}", gguf.version.number()),
        architecture: gguf.metadata.str("general.architecture")?.map(str::to_owned),
        name: gguf.metadata.str("general.name").ok().flatten().map(str::to_owned),
        part: gguf.split()?.map(|split| Part { number: split.no + 1, of: split.count }),
        vocabulary_only: gguf.tensors.is_empty(),
        file_bytes: bytes.len() as u64,
        header_bytes: gguf.data_offset.0,
        tensor_bytes: tensors.iter().map(|tensor| Bytes(tensor.bytes)).sum::<Bytes>().0,
        alignment_bytes: gguf.alignment.0,
        by_type: total(|tensor| tensor.ggml_type.clone()),
        by_group: total(|tensor| tensor.group.clone()),
        by_layer: by_layer.into_iter().map(without_zeros).collect(),
        tensors,
    })
}

fn facts(tensor: &gguf::Tensor<'_>) -> TensorFacts {
    let Place { group, layer } = place(tensor.name);
    TensorFacts {
        name: tensor.name.to_owned(),
        group: group.to_owned(),
        layer,
        ggml_type: tensor.ggml_type.to_string(),
        shape: tensor.dims.as_slice().to_vec(),
        offset_bytes: tensor.data.start.0,
        bytes: tensor.data.len.0,
    }
}

fn totals(tensors: &[TensorFacts], key: impl Fn(&TensorFacts) -> String) -> Vec<Total> {
    let mut totals: BTreeMap<String, (u32, u64)> = BTreeMap::new();
    for tensor in tensors {
        let (count, bytes) = totals.entry(key(tensor)).or_default();
        *count += 1;
        *bytes += tensor.bytes;
    }
    totals.into_iter().map(|(name, (tensors, bytes))| Total { name, tensors, bytes }).collect()
}

/// Layers were padded to sort by number.
fn without_zeros(total: Total) -> Total {
    match total.name.parse::<u32>() {
        Ok(layer) => Total { name: layer.to_string(), ..total },
        Err(_) => total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_listed_by_number_whatever_the_file_does() {
        let facts = |layer| TensorFacts {
            name: format!("blk.{layer}.attn_q.weight"),
            group: "attn_q".into(),
            layer: Some(layer),
            ggml_type: "F32".into(),
            shape: vec![1],
            offset_bytes: 0,
            bytes: 4,
        };
        let tensors = [facts(10), facts(2), facts(1)];
        let by_layer = totals(&tensors, |tensor| format!("{:05}", tensor.layer.unwrap()));
        let names: Vec<String> = by_layer.into_iter().map(without_zeros).map(|total| total.name).collect();
        assert_eq!(names, ["1", "2", "10"]);
    }
}
