//! Why bytes are no usable safetensors file: where, in which field, what was found and what was expected.

use std::fmt;

use crate::gguf::{Lookalike, Subject, excerpt};
use crate::unit::{Bytes, FileOffset};

/// A fault in a safetensors file or in the index of a model of several files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{subject}, {field}: {problem}", At(*offset))]
pub struct Error {
    /// The byte of the file, where JSON tells it.
    pub offset: Option<FileOffset>,
    /// What the field belongs to.
    pub subject: Subject,
    /// The field, in the words of the format.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

struct At(Option<FileOffset>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |FileOffset(offset)| write!(f, "byte {offset}, "))
    }
}

/// What is wrong with a field: found, expected, and where there is something to do, what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant says what it means")]
pub enum Problem {
    #[error("found {found} bytes, expected the 8 of the header's length")]
    NoLength { found: usize },
    #[error(
        "found a header of {found} bytes, expected at most the {left} that are left; is the file cut short?{}",
        this_is(*kind)
    )]
    Truncated { found: u64, left: u64, kind: Option<Lookalike> },
    #[error("found a header of {found} bytes, expected at most 100000000")]
    HeaderTooLong { found: u64 },
    #[error("found {found}, expected \"{{\"")]
    NotAnObject { found: String },
    #[error("found bytes that are not UTF-8")]
    NotUtf8,
    #[error("{message}")]
    Json { message: String },
    #[error("found \"{found}\" again, expected each once")]
    Repeated { found: String },
    #[error("found \"{found}\", which is not known; a newer one needs a newer packbench")]
    UnknownDtype { found: String },
    #[error("found {bits} bits, expected whole bytes")]
    PartOfAByte { bits: u64 },
    #[error("found more bits than can be counted")]
    TooManyBytes,
    #[error("found [{begin}, {end}], which ends before it begins")]
    Reversed { begin: u64, end: u64 },
    #[error("found {} bytes, expected the {} that shape and dtype come to", found.0, expected.0)]
    Length { found: Bytes, expected: Bytes },
    #[error("its data are not all there: {} bytes are missing at the end of the file; is it cut short?", missing.0)]
    DataMissing { missing: Bytes },
    #[error("its data overlap those of \"{other}\" by {} bytes", shared.0)]
    Overlap { other: String, shared: Bytes },
    #[error("found {} bytes before it that are no tensor's, expected none", bytes.0)]
    Gap { bytes: Bytes },
    #[error("found {} bytes behind the last tensor, expected none", bytes.0)]
    Trailing { bytes: Bytes },
    #[error("found the file name \"{found}\", expected one without a folder")]
    NotAFileName { found: String },
    #[error("it should lie in \"{file}\", and there is no such tensor")]
    NotInFile { file: String },
    #[error("it lies in \"{first}\" and in \"{second}\", expected one file")]
    InTwoFiles { first: String, second: String },
}

impl Problem {
    pub(super) fn not_safetensors(file: &[u8], found: u64, left: u64) -> Self {
        let kind = Lookalike::of(file).filter(|kind| *kind != Lookalike::Safetensors);
        Problem::Truncated { found, left, kind }
    }

    pub(super) fn not_an_object(text: &[u8]) -> Self {
        let found = match text.first() {
            Some(first) => format!("\"{}\"", first.escape_ascii()),
            None => "an empty header".to_owned(),
        };
        Problem::NotAnObject { found }
    }

    pub(super) fn repeated(found: &str) -> Self {
        Problem::Repeated { found: excerpt(found.as_bytes()) }
    }
}

fn this_is(kind: Option<Lookalike>) -> String {
    kind.map(|kind| format!(" This is {kind}")).unwrap_or_default()
}
