//! Where each byte of a new file comes from. Pure.

mod gguf;
mod safetensors;

pub use self::gguf::gguf;
pub use self::safetensors::{SafetensorsError, safetensors};

use std::collections::HashMap;
use std::hash::Hash;

use crate::unit::{ByteRange, Bytes, FileOffset};

/// A new file, put together from others, its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What it begins with, in order, up to the padding before the tensor data.
    pub header: Vec<Section>,
    /// The tensor data, in the order of the new file.
    pub data: Vec<Relocation>,
    /// How long it is. What lies in neither list is zero.
    pub len: Bytes,
    /// What tensors begin at multiples of, where the format lets a file say it.
    pub alignment: Option<Bytes>,
    /// Whether header and padding are those of the file that it was to be like: it is that file again, bit for bit, if
    /// the tensors hold what they held there.
    pub restores: bool,
}

/// A piece of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// Bytes that are in no source.
    Written {
        /// Where they go.
        at: FileOffset,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Bytes of a source.
    Copied(Relocation),
}

/// Bytes of a source, and where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Which source.
    pub source: usize,
    /// Where they lie there.
    pub range: ByteRange,
    /// Where they begin in the new file.
    pub at: FileOffset,
}

/// A header in the making.
#[derive(Default)]
struct Header {
    sections: Vec<Section>,
    end: FileOffset,
}

impl Header {
    fn write(&mut self, bytes: Vec<u8>) {
        let at = self.end;
        self.end = at + Bytes(bytes.len() as u64);
        self.sections.push(Section::Written { at, bytes });
    }

    fn copy(&mut self, source: usize, range: ByteRange) {
        let at = self.end;
        self.end = at + range.len;
        match self.sections.last_mut() {
            Some(Section::Copied(last)) if last.source == source && last.range.end() == range.start => {
                last.range.len = last.range.len + range.len;
            }
            _ => self.sections.push(Section::Copied(Relocation { source, range, at })),
        }
    }
}

/// `items` in the order of `names`.
///
/// # Panics
/// If `names` doesn't name each once.
fn in_order<N: Eq + Hash, T>(names: impl Iterator<Item = N>, items: impl Iterator<Item = (N, T)>) -> Vec<T> {
    let mut by_name: HashMap<N, T> = items.collect();
    let ordered = names.map(|name| by_name.remove(&name).expect("an order names what is there, once"));
    let ordered = ordered.collect();
    assert!(by_name.is_empty(), "an order names all that is there");
    ordered
}

/// What `source` has from `start` up to `end`, at the same place in the new file.
fn in_place(source: usize, start: FileOffset, end: FileOffset) -> Relocation {
    Relocation { source, range: ByteRange { start, len: end - start }, at: start }
}

/// Without what moves no byte.
fn moving(relocations: impl IntoIterator<Item = Relocation>) -> Vec<Relocation> {
    relocations.into_iter().filter(|relocation| relocation.range.len > Bytes(0)).collect()
}
