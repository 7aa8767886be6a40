//! The header's JSON: names borrowed, nothing kept but what a tensor needs, repeated keys seen.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{Error, LENGTH_BYTES, Problem};
use crate::gguf::{Subject, first_repeat};
use crate::unit::FileOffset;

const METADATA: &str = "__metadata__";
/// Of what the JSON reader says, which may quote the file.
const LONGEST_MESSAGE: usize = 160;

/// What the header says, before any of it was held against the file.
pub(super) struct Header<'a> {
    pub(super) metadata: Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    pub(super) tensors: Vec<Declared<'a>>,
}

/// A tensor as the header describes it.
pub(super) struct Declared<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) fields: Fields<'a>,
}

#[derive(Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) dtype: Cow<'a, str>,
    pub(super) shape: Vec<u64>,
    /// From the start of the tensor data: of the first byte, and of the first one behind.
    pub(super) data_offsets: (u64, u64),
}

/// Reads `text`, the header as it stands in the file.
pub(super) fn read(text: &str) -> Result<Header<'_>, Error> {
    let pairs: Pairs<'_, Value<'_>> = from_json(text, LENGTH_BYTES)?;
    let mut header = Header { metadata: None, tensors: Vec::new() };
    let mut seen = false;
    for (name, value) in pairs.0 {
        match value {
            Value::Tensor(fields) => header.tensors.push(Declared { name, fields }),
            Value::Metadata(_) if seen => return Err(repeated(Subject::Header, "key", METADATA)),
            Value::Metadata(metadata) => (header.metadata, seen) = (metadata, true),
        }
    }
    check_names(&header)?;
    Ok(header)
}

fn check_names(header: &Header<'_>) -> Result<(), Error> {
    if let Some((_, later)) = first_repeat(&header.tensors, |tensor| &tensor.name) {
        let name = &header.tensors[later].name;
        return Err(repeated(Subject::tensor(later, name), "name", name));
    }
    let metadata = header.metadata.as_deref().unwrap_or_default();
    match first_repeat(metadata, |(key, _)| key) {
        Some((_, later)) => {
            Err(repeated(Subject::entry(later, &metadata[later].0), "key", &metadata[later].0))
        }
        None => Ok(()),
    }
}

fn repeated(subject: Subject, field: &'static str, found: &str) -> Error {
    Error { offset: None, subject, field, problem: Problem::repeated(found) }
}

/// Reads JSON that begins at the byte `start` of its file.
pub(super) fn from_json<'a, T: Deserialize<'a>>(text: &'a str, start: usize) -> Result<T, Error> {
    serde_json::from_slice(text.as_bytes()).map_err(|error| {
        let before: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let offset = start + before + error.column().saturating_sub(1);
        // the place, which is the offset now, stands behind the message
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let problem = Problem::Json { message: message.chars().take(LONGEST_MESSAGE).collect() };
        Error { offset: Some(FileOffset(offset as u64)), subject: Subject::Header, field: "JSON", problem }
    })
}

/// A string that is borrowed unless JSON escaped something in it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What stands behind a key, which decides how it is read.
pub(super) trait Behind<'a>: Sized {
    fn read<'de: 'a, M: MapAccess<'de>>(key: &str, map: &mut M) -> Result<Self, M::Error>;
}

impl<'a> Behind<'a> for Cow<'a, str> {
    fn read<'de: 'a, M: MapAccess<'de>>(_: &str, map: &mut M) -> Result<Self, M::Error> {
        map.next_value::<Text<'a>>().map(|text| text.0)
    }
}

/// What stands behind a key of the header.
enum Value<'a> {
    Metadata(Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>),
    Tensor(Fields<'a>),
}

impl<'a> Behind<'a> for Value<'a> {
    fn read<'de: 'a, M: MapAccess<'de>>(key: &str, map: &mut M) -> Result<Self, M::Error> {
        match key {
            METADATA => {
                let pairs: Option<Pairs<'a, Cow<'a, str>>> = map.next_value()?;
                Ok(Value::Metadata(pairs.map(|pairs| pairs.0)))
            }
            _ => map.next_value().map(Value::Tensor),
        }
    }
}

/// The pairs of a JSON object, in its order, repeated keys included: a map would hide them.
pub(super) struct Pairs<'a, V>(pub(super) Vec<(Cow<'a, str>, V)>);

impl<'de: 'a, 'a, V: Behind<'a>> Deserialize<'de> for Pairs<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect(PhantomData))
    }
}

struct Collect<'a, V>(PhantomData<Pairs<'a, V>>);

impl<'de: 'a, 'a, V: Behind<'a>> Visitor<'de> for Collect<'a, V> {
    type Value = Pairs<'a, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            let value = V::read(&key, &mut map)?;
            pairs.push((key, value));
        }
        Ok(Pairs(pairs))
    }
}
