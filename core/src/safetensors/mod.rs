//! safetensors, Hugging Face's container, from the bytes of a file to facts: metadata, tensors, where each lies. Pure:
//! nothing here opens a file, and names are borrowed from the bytes wherever JSON didn't escape them.
//!
//! ```text
//! header length u64, little-endian
//! header   JSON: {"__metadata__": {"KEY": "VALUE", …},
//!                 "NAME": {"dtype": "BF16", "shape": [64, 32], "data_offsets": [BEGIN, END]}, …}
//! tensor data: offsets count from here
//! ```
//! The header may end in spaces. What a model is (its architecture, its vocabulary) stands in other files beside it.
//!
//! # Trust
//! As of [`crate::gguf`]: the bytes may be hostile, and memory grows only with what was read. A parse that succeeds
//! promises what the reference implementation does: unique names, a length that follows from type and shape, and data
//! that cover the rest of the file without gap or overlap.
//!
//! # Order
//! Tensors stay in the order of the header, which need not be that of their data.

mod config;
mod dtype;
mod error;
mod header;
mod index;
mod placement;

pub use config::Config;
pub use dtype::Dtype;
pub use error::{Error, Problem};
pub use index::Index;

use std::borrow::Cow;
use std::fmt;

use crate::gguf::Subject;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// The longest header that the reference implementation reads.
const LONGEST_HEADER: u64 = 100_000_000;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Unique in its file, such as `model.layers.0.self_attn.q_proj.weight`.
    pub name: Cow<'a, str>,
    /// The shape as the file lists it: the length of a row **last**. Without dimensions it is a scalar.
    pub shape: Vec<u64>,
    /// How the elements are stored.
    pub dtype: Dtype,
    /// Where the data lie, from the start of the file.
    pub data: ByteRange,
}

/// What a safetensors file says about itself. Borrows the file's bytes.
#[derive(Clone)]
pub struct Safetensors<'a> {
    /// The pairs of `__metadata__`, in file order; `None` in a file without it.
    pub metadata: Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    /// The tensors, in the order of the header.
    pub tensors: Vec<Tensor<'a>>,
    /// Where the tensor data begin.
    pub data_offset: FileOffset,
    file: &'a [u8],
}

impl<'a> Safetensors<'a> {
    /// Reads the header of a safetensors file. `file` is the whole file, mapped: the length decides whether the tensors
    /// are all there, but of their data no byte is read.
    ///
    /// # Errors
    /// Names the tensor, the field, what was found and what was expected; see [`Problem`].
    pub fn parse(file: &'a [u8]) -> Result<Self, Error> {
        let text = header_text(file)?;
        let data_offset = FileOffset((LENGTH_BYTES + text.len()) as u64);
        let header = header::read(text)?;
        let tensors = placement::place(header.tensors, data_offset, Bytes(file.len() as u64))?;
        Ok(Safetensors { metadata: header.metadata, tensors, data_offset, file })
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The header as it stands in the file, with the spaces that fill it up and without its length.
    pub fn header(&self) -> &'a [u8] {
        &self.file[LENGTH_BYTES..self.data_offset.0 as usize]
    }

    /// How long the whole file is.
    pub fn file_len(&self) -> Bytes {
        Bytes(self.file.len() as u64)
    }

    /// The bytes of a tensor of this file; `None` for a tensor of another file that lies outside this one.
    pub fn payload(&self, tensor: &Tensor<'_>) -> Option<&'a [u8]> {
        let start = usize::try_from(tensor.data.start.0).ok()?;
        let len = usize::try_from(tensor.data.len.0).ok()?;
        self.file.get(start..)?.get(..len)
    }
}

/// Without the bytes: a file may have gigabytes of them.
impl fmt::Debug for Safetensors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Safetensors")
            .field("metadata", &self.metadata)
            .field("tensors", &self.tensors)
            .field("data_offset", &self.data_offset)
            .finish_non_exhaustive()
    }
}

const LENGTH_BYTES: usize = size_of::<u64>();

/// The header, whose length was held against the file before it was used.
fn header_text(file: &[u8]) -> Result<&str, Error> {
    let error = |field, problem| Error { offset: None, subject: Subject::Header, field, problem };
    let Some((length, rest)) = file.split_first_chunk() else {
        return Err(error("length", Problem::NoLength { found: file.len() }));
    };
    let found = u64::from_le_bytes(*length);
    let left = rest.len() as u64;
    let text = match usize::try_from(found).ok().and_then(|length| rest.get(..length)) {
        Some(_) if found > LONGEST_HEADER => return Err(error("length", Problem::HeaderTooLong { found })),
        Some(text) => text,
        None => return Err(error("length", Problem::not_safetensors(file, found, left))),
    };
    if !text.starts_with(b"{") {
        return Err(error("first byte", Problem::not_an_object(text)));
    }
    std::str::from_utf8(text).map_err(|invalid| Error {
        offset: Some(FileOffset((LENGTH_BYTES + invalid.valid_up_to()) as u64)),
        ..error("JSON", Problem::NotUtf8)
    })
}
