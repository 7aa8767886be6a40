//! A safetensors file put together from the shards of a model.

use std::borrow::Cow;

use super::{Header, Plan, Relocation, Section, in_order, in_place, moving};
use crate::safetensors::{Dtype, Safetensors, Tensor};
use crate::unit::{Bytes, FileOffset};

/// The reference implementation fills the header up to multiples of this, so that data are aligned for every type.
const HEADER_ALIGNMENT: usize = 8;

/// Why tensors can't lie in one file in this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SafetensorsError {
    /// A tensor that readers couldn't use in place.
    #[error(
        "tensor {name:?} of type {dtype} would begin {begin} bytes behind the start of the data, expected a multiple of \
         {expected}: the format leaves no gaps, so keep tensors of an odd length behind it"
    )]
    Misaligned {
        /// Its name.
        name: String,
        /// Its type.
        dtype: Dtype,
        /// Where it would begin.
        begin: u64,
        /// The bytes of an element.
        expected: u64,
    },
    /// Metadata that can't be those of one file.
    #[error("two files say different things of {key:?} in their metadata: they can't be merged")]
    Metadata {
        /// The key.
        key: String,
    },
}

type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The file that holds the tensors of `shards`, one model's, in the order of `names`: header and data alike. Metadata are
/// those of all shards.
///
/// `like`, the last of the sources, gives the new file its own header, if it describes the same tensors and the same
/// metadata.
///
/// # Errors
/// Metadata that contradict each other; a tensor that is aligned for its type where it lies, and wouldn't be any more.
///
/// # Panics
/// If `names` doesn't name each tensor once.
pub fn safetensors(
    shards: &[Safetensors<'_>],
    names: &[&str],
    like: Option<&Safetensors<'_>>,
) -> Result<Plan, SafetensorsError> {
    let metadata = merged(shards)?;
    let like = like.filter(|like| like.metadata == metadata && describe_the_same(shards, like));
    let mut in_like: Vec<&Tensor> = like.iter().flat_map(|like| &like.tensors).collect();
    in_like.sort_unstable_by_key(|tensor| (tensor.data.start, tensor.data.len));
    let names = match like {
        Some(_) => in_like.iter().map(|tensor| &*tensor.name).collect(),
        None => names.to_vec(),
    };
    let tensors = in_order(names.iter().copied(), by_name(shards));
    let header = match like {
        Some(like) => copied(shards.len(), like.data_offset),
        None => written(metadata.as_ref(), &tensors)?,
    };
    let mut at = header.end;
    let place = |(source, tensor): (usize, &Tensor<'_>)| {
        let relocation = Relocation { source, range: tensor.data, at };
        at = at + tensor.data.len;
        relocation
    };
    let data = moving(tensors.into_iter().map(place));
    let (len, restores) = (Bytes(at.0), like.is_some());
    Ok(Plan { header: header.sections, data, len, alignment: None, restores })
}

/// All that the shards say, in the order in which they first say it.
fn merged<'a>(shards: &[Safetensors<'a>]) -> Result<Option<Pairs<'a>>, SafetensorsError> {
    let mut all: Option<Pairs> = None;
    for (key, value) in shards.iter().filter_map(|shard| shard.metadata.as_ref()).flatten() {
        let all = all.get_or_insert_default();
        match all.iter().find(|(known, _)| known == key) {
            Some((_, known)) if known != value => {
                return Err(SafetensorsError::Metadata { key: key.to_string() });
            }
            Some(_) => {}
            None => all.push((key.clone(), value.clone())),
        }
    }
    Ok(all.or_else(|| shards.iter().any(|shard| shard.metadata.is_some()).then(Vec::new)))
}

fn by_name<'s, 'a>(
    shards: &'s [Safetensors<'a>],
) -> impl Iterator<Item = (&'s str, (usize, &'s Tensor<'a>))> {
    let shards = shards.iter().enumerate();
    let tensors = shards.flat_map(|(source, shard)| shard.tensors.iter().map(move |tensor| (source, tensor)));
    tensors.map(|(source, tensor)| (&*tensor.name, (source, tensor)))
}

fn describe_the_same(shards: &[Safetensors<'_>], like: &Safetensors<'_>) -> bool {
    fn described<'s>(tensors: impl Iterator<Item = &'s Tensor<'s>>) -> Vec<(&'s str, Dtype, &'s [u64])> {
        let mut described: Vec<_> =
            tensors.map(|tensor| (&*tensor.name, tensor.dtype, &*tensor.shape)).collect();
        described.sort_unstable();
        described
    }
    described(shards.iter().flat_map(|shard| &shard.tensors)) == described(like.tensors.iter())
}

/// The header of another file.
fn copied(source: usize, end: FileOffset) -> Header {
    Header { sections: vec![Section::Copied(in_place(source, FileOffset(0), end))], end }
}

/// As the reference implementation writes it.
fn written(
    metadata: Option<&Pairs<'_>>,
    tensors: &[(usize, &Tensor<'_>)],
) -> Result<Header, SafetensorsError> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut members = Vec::new();
    if let Some(pairs) = metadata {
        let pair = |(key, value): &(Cow<'_, str>, Cow<'_, str>)| format!("{}:{}", quoted(key), quoted(value));
        let pairs: Vec<String> = pairs.iter().map(pair).collect();
        members.push(format!("\"__metadata__\":{{{}}}", pairs.join(",")));
    }
    let mut begin = 0;
    for (_, Tensor { name, shape, dtype, data }) in tensors {
        if data.len > Bytes(0) {
            check_aligned(name, *dtype, data.start, begin)?;
        }
        let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
        let (name, shape, end) = (quoted(name), shape.join(","), begin + data.len.0);
        members.push(format!(
            "{name}:{{\"dtype\":\"{dtype}\",\"shape\":[{shape}],\"data_offsets\":[{begin},{end}]}}"
        ));
        begin = end;
    }
    let mut text = format!("{{{}}}", members.join(",")).into_bytes();
    text.resize(text.len().next_multiple_of(HEADER_ALIGNMENT), b' ');
    let mut header = Header::default();
    header.write([&(text.len() as u64).to_le_bytes(), &*text].concat());
    Ok(header)
}

fn check_aligned(name: &str, dtype: Dtype, now: FileOffset, begin: u64) -> Result<(), SafetensorsError> {
    let expected = dtype.bits().div_ceil(8);
    match now.0.is_multiple_of(expected) && !begin.is_multiple_of(expected) {
        true => Err(SafetensorsError::Misaligned { name: name.to_owned(), dtype, begin, expected }),
        false => Ok(()),
    }
}
