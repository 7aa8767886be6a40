//! GGUF, the container of llama.cpp and its kin, from the bytes of a file to facts: metadata, tensors, where each
//! lies. Pure: nothing here opens a file, and nothing is copied out of the bytes it is given.
//!
//! ```text
//! "GGUF"  version u32  tensor count u64  metadata count u64
//! metadata   × count:  key string  value type u32  value
//! tensor     × count:  name string  rank u32  dimensions u64 × rank  type u32  offset u64
//! zeros up to a multiple of the alignment
//! tensor data: a tensor's offset counts from here and is a multiple of the alignment
//! ```
//! Integers are little-endian. A string is its length (u64) and its bytes; an array is its element type (u32), its
//! length (u64) and its elements. The alignment is the metadata value `general.alignment`, 32 without it.
//! Versions 2 and 3 differ only in the number.
//!
//! # Trust
//! The bytes may be hostile. Every length is held against the bytes that are left before it is used; memory grows
//! only with entries and tensors that were read and checked, never with a count that the file claims. A parse that
//! succeeds promises: unique names, tensors inside the file, aligned, none overlapping another.
//!
//! # Order
//! Tensors stay in the order of the header. Their offsets may be in another order, although llama.cpp refuses such a
//! file: it expects each tensor to begin where the one before it, padded, ended.

mod array;
mod cursor;
mod error;
mod ggml_type;
mod lookalike;
mod metadata;
mod placement;
#[cfg(feature = "samples")]
pub mod sample;
mod skip;
mod split;
mod tensor;
mod value;
mod writer;

pub use array::{Array, ArrayBuf, Strings, Values};
pub(crate) use error::excerpt;
pub use error::{Error, Problem, Subject};
pub use ggml_type::GgmlType;
pub use lookalike::Lookalike;
pub use metadata::{Entry, Metadata};
pub use split::{Split, SplitError, check_parts};
pub use tensor::{Dims, Tensor};
pub use value::{Value, ValueType};
pub use writer::{WriteError, Writer};
pub(crate) use writer::{write_entry, write_start, write_tensor};

use std::fmt;

use crate::unit::{ByteRange, Bytes, FileOffset};
use cursor::Cursor;
use tensor::Declared;

const MAGIC: &[u8; 4] = b"GGUF";
/// The key of the alignment of tensor data, a `u32`.
pub const ALIGNMENT_KEY: &str = "general.alignment";
/// What it is in files that don't say.
pub const DEFAULT_ALIGNMENT: u32 = 32;

/// The version of a GGUF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 2: 64-bit counts, little-endian only.
    V2,
    /// Version 3: the same layout; the number was raised when big-endian files were allowed.
    V3,
}

impl Version {
    /// As the header spells it.
    pub const fn number(self) -> u32 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// What a GGUF file says about itself. Borrows the file's bytes.
#[derive(Clone)]
pub struct Gguf<'a> {
    /// The version of the format.
    pub version: Version,
    /// The key-value pairs, in file order.
    pub metadata: Metadata<'a>,
    /// The tensors, in the order of the header.
    pub tensors: Vec<Tensor<'a>>,
    /// Tensors begin at multiples of this: a power of two.
    pub alignment: Bytes,
    /// Where the tensor data begin; the end of the header in a file without tensors.
    pub data_offset: FileOffset,
    file: &'a [u8],
}

impl<'a> Gguf<'a> {
    /// Reads the header of a GGUF file. `file` is the whole file, mapped: the length decides whether the tensors are
    /// all there, but of their data no byte is read.
    ///
    /// # Errors
    /// Names the byte, the field, what was found and what was expected; see [`Problem`].
    pub fn parse(file: &'a [u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(file);
        check_magic(&mut cursor)?;
        let version = read_version(&mut cursor)?;
        let tensor_count = cursor.count(Declared::SMALLEST, "tensor count")?;
        let metadata = Metadata::read(&mut cursor)?;
        let alignment = metadata.alignment()?;
        let declared = tensor::read_all(&mut cursor, tensor_count, alignment)?;
        let data_offset = match declared.len() {
            0 => cursor.offset(),
            _ => FileOffset(cursor.offset().0.next_multiple_of(alignment.0)),
        };
        let tensors = placement::place(declared, data_offset, Bytes(file.len() as u64))?;
        Ok(Gguf { version, metadata, tensors, alignment, data_offset, file })
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// How long the whole file is.
    pub fn file_len(&self) -> Bytes {
        Bytes(self.file.len() as u64)
    }

    /// The bytes of a tensor of this file; `None` for a tensor of another file that lies outside this one.
    pub fn payload(&self, tensor: &Tensor<'_>) -> Option<&'a [u8]> {
        self.bytes(tensor.data)
    }

    /// The bytes of a part of this file; `None` for what lies outside it.
    pub fn bytes(&self, range: ByteRange) -> Option<&'a [u8]> {
        let start = usize::try_from(range.start.0).ok()?;
        let len = usize::try_from(range.len.0).ok()?;
        self.file.get(start..)?.get(..len)
    }
}

/// Without the bytes: a file may have gigabytes of them.
impl fmt::Debug for Gguf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gguf")
            .field("version", &self.version)
            .field("metadata", &self.metadata)
            .field("tensors", &self.tensors)
            .field("alignment", &self.alignment)
            .field("data_offset", &self.data_offset)
            .finish_non_exhaustive()
    }
}

fn check_magic(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    let head = cursor.rest();
    let shared = head.len().min(MAGIC.len());
    // "GG" is a GGUF cut short, which the read below says; "GX" is something else
    if head.is_empty() || head[..shared] != MAGIC[..shared] {
        return Err(cursor.error("magic", Problem::not_gguf(head)));
    }
    cursor.bytes(MAGIC.len() as u64, "magic").map(drop)
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<Version, Error> {
    let at = cursor.clone();
    match cursor.u32("version")? {
        2 => Ok(Version::V2),
        3 => Ok(Version::V3),
        1 => Err(at.error("version", Problem::Version1)),
        // a small number with its bytes reversed: its low half is empty
        swapped if swapped != 0 && swapped & 0xffff == 0 => {
            Err(at.error("version", Problem::BigEndian { version: swapped.swap_bytes() }))
        }
        found => Err(at.error("version", Problem::UnknownVersion { found })),
    }
}

/// The positions of the first name, in file order, that stood there before: (earlier, later). Sorted rather than
/// hashed: the names are hostile and the memory is one index each.
pub(crate) fn first_repeat<T>(items: &[T], name: impl Fn(&T) -> &str) -> Option<(usize, usize)> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_unstable_by_key(|&index| (name(&items[index]), index));
    let same = |pair: &&[usize]| name(&items[pair[0]]) == name(&items[pair[1]]);
    order.windows(2).filter(same).map(|pair| (pair[0], pair[1])).min_by_key(|&(_, later)| later)
}
