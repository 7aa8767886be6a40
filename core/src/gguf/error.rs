//! Why bytes are no usable GGUF: where, in which field, what was found and what was expected.

use std::fmt;

use super::lookalike::Lookalike;
use super::value::ValueType;
use super::{Dims, GgmlType};
use crate::unit::{Bytes, FileOffset};

/// A fault in a GGUF file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {}, {subject}, {field}: {problem}", offset.0)]
pub struct Error {
    /// Where the field begins.
    pub offset: FileOffset,
    /// What the field belongs to.
    pub subject: Subject,
    /// The field, in the words of the format.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Error {
    /// The same error, known to be about `subject`.
    pub(super) fn about(self, subject: Subject) -> Self {
        Error { subject, ..self }
    }
}

/// The part of a file that an error is about. Names are cut after 64 bytes: a hostile one may be as long as the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Magic, version and counts.
    Header,
    /// A key-value pair; the key is empty when it could not be read.
    Entry {
        /// Its position in the metadata, from 0.
        index: usize,
        /// Its key.
        key: String,
    },
    /// A tensor; the name is empty when it could not be read.
    Tensor {
        /// Its position in the header, from 0.
        index: usize,
        /// Its name.
        name: String,
    },
}

impl Subject {
    pub(crate) fn entry(index: usize, key: &str) -> Self {
        Subject::Entry { index, key: excerpt(key.as_bytes()) }
    }

    pub(crate) fn tensor(index: usize, name: &str) -> Self {
        Subject::Tensor { index, name: excerpt(name.as_bytes()) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, index, name) = match self {
            Subject::Header => return f.write_str("header"),
            Subject::Entry { index, key } => ("metadata entry", index, key),
            Subject::Tensor { index, name } => ("tensor", index, name),
        };
        match name.as_str() {
            "" => write!(f, "{kind} {index}"),
            name => write!(f, "{kind} {index} \"{name}\""),
        }
    }
}

/// What is wrong with a field: found, expected, and where there is something to do, what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant says what it means")]
pub enum Problem {
    #[error("found {found}, expected \"GGUF\"{}", this_is(*kind))]
    NotGguf { found: String, kind: Option<Lookalike> },
    #[error(
        "found big-endian version {version}, expected little-endian; convert with gguf-py's gguf-convert-endian"
    )]
    BigEndian { version: u32 },
    #[error("found version 1, expected 2 or 3; convert the original model again with a current llama.cpp")]
    Version1,
    #[error("found version {found}, expected 2 or 3; a newer one needs a newer packbench")]
    UnknownVersion { found: u32 },
    #[error("found {left} bytes, expected {needed}; is the file cut short?")]
    Truncated { needed: u64, left: u64 },
    #[error("found a count of {found}, expected at most the {most} that the rest of the file can hold")]
    Count { found: u64, most: u64 },
    #[error("found value type {found}, expected 0 to 12")]
    UnknownValueType { found: u32 },
    #[error("found arrays nested deeper than the {deepest} levels that are read")]
    NestedTooDeep { deepest: u32 },
    #[error("found an empty key")]
    EmptyKey,
    #[error("found \"{found}\", which is not UTF-8")]
    NotUtf8 { found: String },
    #[error("found the name of number {earlier} again, expected names to be unique")]
    Repeated { earlier: usize },
    #[error("found a value of type {found}, expected {expected}")]
    WrongType { found: ValueType, expected: &'static str },
    #[error("found {found}, expected a power of two")]
    Alignment { found: u32 },
    #[error("found {found} dimensions, expected at most 4")]
    Rank { found: u32 },
    #[error("found dimensions whose product is above 2^63 - 1")]
    TooManyElements,
    #[error("found tensor type {found}, {}", tensor_type_advice(*found))]
    UnknownTensorType { found: u32 },
    #[error("found {dims} of type {ggml_type}, expected rows of a multiple of {} elements", ggml_type.block_elements())]
    RowLength { dims: Dims, ggml_type: GgmlType },
    #[error("found {dims} of type {ggml_type}, which is more bytes than can be counted")]
    TooManyBytes { dims: Dims, ggml_type: GgmlType },
    #[error("found {found}, expected a multiple of the alignment, {}", alignment.0)]
    Misaligned { found: u64, alignment: Bytes },
    #[error("its data are not all there: {} bytes are missing at the end of the file; is it cut short?", missing.0)]
    DataMissing { missing: Bytes },
    #[error("its data overlap those of tensor {other} by {} bytes", shared.0)]
    Overlap { other: usize, shared: Bytes },
}

impl Problem {
    pub(super) fn not_gguf(head: &[u8]) -> Self {
        let found = match head.first_chunk::<4>() {
            Some(first) => format!("first bytes {first:02x?} (\"{}\")", first.escape_ascii()),
            None if head.is_empty() => "an empty file".to_owned(),
            None => format!("a file of {} bytes", head.len()),
        };
        Problem::NotGguf { found, kind: Lookalike::of(head) }
    }

    pub(super) fn not_utf8(found: &[u8]) -> Self {
        Problem::NotUtf8 { found: excerpt(found) }
    }
}

fn this_is(kind: Option<Lookalike>) -> String {
    kind.map(|kind| format!("; this is {kind}")).unwrap_or_default()
}

/// Some types were in files once and ggml withdrew them: repacking for the processor now happens at load.
fn tensor_type_advice(number: u32) -> &'static str {
    match number {
        4 | 5 => "Q4_2 or Q4_3, which ggml removed; quantize the original model again",
        31..=33 => "Q4_0 repacked for one processor, which ggml removed; use plain Q4_0",
        36..=38 => "IQ4_NL repacked for one processor, which ggml removed; use plain IQ4_NL",
        _ => "which is not known; a newer one needs a newer packbench",
    }
}

/// The first 64 bytes, printable.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 64;
    match bytes.get(..LONGEST) {
        Some(start) if bytes.len() > LONGEST => format!("{}…", start.escape_ascii()),
        _ => bytes.escape_ascii().to_string(),
    }
}
