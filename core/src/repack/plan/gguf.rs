//! A GGUF file put together from the parts of one.

use std::collections::HashMap;

use super::{Header, Plan, Relocation, Section};
use crate::gguf::{
    ALIGNMENT_KEY, DEFAULT_ALIGNMENT, Entry, Gguf, Tensor, Value, write_entry, write_start, write_tensor,
};
use crate::unit::{ByteRange, Bytes, FileOffset};

/// What a part of a split model has and a whole one doesn't.
const SPLIT_KEYS: [&str; 3] = ["split.no", "split.count", "split.tensors.count"];

/// The file that holds the tensors of `parts`, one model's, in `order`, numbered through all parts; header and data alike,
/// as llama.cpp wants it. Metadata are those of the first part, verbatim but for `general.alignment`; several parts lose
/// their `split.*` keys. `alignment` is the source's unless another one is named, or `like` has one.
///
/// `like`, the last of the sources, gives the new file its own header and padding, if it describes the same tensors and the
/// same metadata; else its alignment alone.
///
/// # Panics
/// If `order` doesn't name each tensor once, `alignment` is no power of two in 32 bits, or there are no parts.
pub fn gguf(parts: &[Gguf<'_>], order: &[usize], alignment: Option<Bytes>, like: Option<&Gguf<'_>>) -> Plan {
    let sources = Sources { parts };
    match (like, alignment) {
        (Some(like), None) if sources.describe_the_same_as(like) => sources.restored(like),
        (like, named) => sources.ordered(order, named.or(like.map(|like| like.alignment))),
    }
}

struct Sources<'s, 'a> {
    parts: &'s [Gguf<'a>],
}

/// A tensor, and which source holds its data.
type Sourced<'s, 'a> = (usize, &'s Tensor<'a>);

impl<'s, 'a> Sources<'s, 'a> {
    fn first(&self) -> &'s Gguf<'a> {
        self.parts.first().expect("a model has at least one part")
    }

    fn tensors(&self) -> impl Iterator<Item = Sourced<'s, 'a>> {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(source, part)| part.tensors.iter().map(move |tensor| (source, tensor)))
    }

    /// The metadata that the new file has, too.
    fn entries(&self) -> impl Iterator<Item = &'s Entry<'a>> {
        let merged = self.parts.len() > 1;
        let entries = self.first().metadata.entries().iter();
        entries.filter(move |entry| !merged || !SPLIT_KEYS.contains(&entry.key))
    }

    fn ordered(&self, order: &[usize], alignment: Option<Bytes>) -> Plan {
        let tensors: Vec<Sourced> = self.tensors().collect();
        let tensors = permuted(&tensors, order);
        let alignment = alignment.unwrap_or(self.first().alignment);
        let (starts, len) = packed(tensors.iter().map(|(_, tensor)| tensor.data.len), alignment);
        let mut header = self.metadata(tensors.len(), alignment);
        let mut infos = Vec::new();
        for ((_, tensor), start) in tensors.iter().zip(&starts) {
            in_memory(write_tensor(&mut infos, tensor, *start));
        }
        header.write(infos);
        let data_start = match tensors.len() {
            0 => header.end,
            _ => FileOffset(header.end.0.next_multiple_of(alignment.0)),
        };
        let relocations = tensors.iter().zip(&starts).map(|(&(source, tensor), &start)| Relocation {
            source,
            range: tensor.data,
            at: data_start + start,
        });
        let data = relocations.filter(|relocation| relocation.range.len > Bytes(0)).collect();
        Plan { header: header.sections, data, len: Bytes((data_start + len).0), restores: false }
    }

    /// Counts and metadata.
    fn metadata(&self, tensors: usize, alignment: Bytes) -> Header {
        let value = u32::try_from(alignment.0).ok().filter(|bytes| bytes.is_power_of_two());
        let value = Value::U32(value.expect("an alignment is a power of two in 32 bits"));
        let present = self.entries().any(|entry| entry.key == ALIGNMENT_KEY);
        let added = !present && alignment != Bytes(DEFAULT_ALIGNMENT.into());
        let mut written = Vec::new();
        in_memory(write_entry(&mut written, ALIGNMENT_KEY, &value));

        let mut header = Header::default();
        let mut start = Vec::new();
        let entries = self.entries().count() + usize::from(added);
        in_memory(write_start(&mut start, self.first().version, tensors, entries));
        header.write(start);
        for entry in self.entries() {
            match entry.key {
                ALIGNMENT_KEY => header.write(written.clone()),
                _ => header.copy(0, entry.range),
            }
        }
        if added {
            header.write(written);
        }
        header
    }

    /// The same tensors, in whatever order, and the same metadata in the same order, alignment left out of both.
    fn describe_the_same_as(&self, like: &Gguf<'_>) -> bool {
        let first = self.first();
        let ours = self.entries().filter(|entry| entry.key != ALIGNMENT_KEY);
        let theirs = like.metadata.entries().iter().filter(|entry| entry.key != ALIGNMENT_KEY);
        let metadata = ours.map(|entry| first.bytes(entry.range)).eq(theirs.map(|e| like.bytes(e.range)));
        let ours = described(self.tensors().map(|(_, tensor)| tensor));
        first.version == like.version && metadata && ours == described(like.tensors.iter())
    }

    /// `like` again, with the data of these parts.
    fn restored(&self, like: &Gguf<'_>) -> Plan {
        let by_name: HashMap<&str, Sourced> =
            self.tensors().map(|sourced| (sourced.1.name, sourced)).collect();
        let theirs = self.parts.len();
        let range = |start: FileOffset, end: FileOffset| ByteRange { start, len: end - start };
        let mut tensors: Vec<&Tensor> = like.tensors.iter().collect();
        tensors.sort_unstable_by_key(|tensor| (tensor.data.start, tensor.data.len));
        let (mut data, mut end) = (Vec::new(), like.data_offset);
        for tensor in tensors {
            let (source, ours) = by_name[tensor.name];
            let padding = range(end, tensor.data.start);
            data.push(Relocation { source: theirs, range: padding, at: padding.start });
            data.push(Relocation { source, range: ours.data, at: tensor.data.start });
            end = tensor.data.end();
        }
        let rest = range(end, FileOffset(like.file_len().0));
        data.push(Relocation { source: theirs, range: rest, at: rest.start });
        data.retain(|relocation| relocation.range.len > Bytes(0));
        let header = range(FileOffset(0), like.data_offset);
        let header = Section::Copied(Relocation { source: theirs, range: header, at: header.start });
        Plan { header: vec![header], data, len: like.file_len(), restores: true }
    }
}

fn permuted<T: Copy>(items: &[T], order: &[usize]) -> Vec<T> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..items.len()), "an order names each tensor once");
    order.iter().map(|&index| items[index]).collect()
}

fn described<'s, 'a: 's>(tensors: impl Iterator<Item = &'s Tensor<'a>>) -> Vec<Tensor<'a>> {
    let nowhere = ByteRange::default();
    let mut tensors: Vec<Tensor> = tensors.map(|tensor| Tensor { data: nowhere, ..*tensor }).collect();
    tensors.sort_unstable_by_key(|tensor| tensor.name);
    tensors
}

/// Where things of these lengths begin, each at a multiple of `alignment`, and where the padding of the last one ends.
fn packed(lens: impl Iterator<Item = Bytes>, alignment: Bytes) -> (Vec<Bytes>, Bytes) {
    let mut end = Bytes(0);
    let place = |len: Bytes| {
        let start = end;
        end = Bytes((start + len).0.next_multiple_of(alignment.0));
        start
    };
    let starts = lens.map(place).collect();
    (starts, end)
}

fn in_memory(written: std::io::Result<()>) {
    written.expect("a Vec takes all that is written to it");
}
