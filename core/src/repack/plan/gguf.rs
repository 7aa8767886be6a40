//! A GGUF file put together from the parts of one.

use std::collections::HashMap;

use super::{Header, Plan, Relocation, Section, in_order, in_place, moving};
use crate::gguf::{
    ALIGNMENT_KEY, DEFAULT_ALIGNMENT, Entry, Gguf, Tensor, Value, write_entry, write_start, write_tensor,
};
use crate::layout::Alignment;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// What a part of a split model has and a whole one doesn't.
const SPLIT_KEYS: [&str; 3] = ["split.no", "split.count", "split.tensors.count"];

/// The file that holds the tensors of `parts`, one model's, in the order of `names`: header and data alike, as llama.cpp
/// wants it. Metadata are those of the first part, verbatim but for `general.alignment`; several parts lose their
/// `split.*` keys. Without `align` the alignment is that of `like`, or else the first part's.
///
/// `like`, the last of the sources, gives the new file its own header and padding, if it describes the same tensors and the
/// same metadata and no alignment is named.
///
/// # Panics
/// If `names` doesn't name each tensor once, or there are no parts.
pub fn gguf(parts: &[Gguf<'_>], names: &[&str], align: Option<Alignment>, like: Option<&Gguf<'_>>) -> Plan {
    let parts = Parts(parts);
    match (like, align) {
        (Some(like), None) if parts.describe_the_same_as(like) => parts.restored(like),
        (Some(like), None) => parts.ordered(names, like.alignment),
        (None, None) => parts.ordered(names, parts.first().alignment),
        (_, Some(align)) => parts.ordered(names, Bytes(align.bytes().into())),
    }
}

struct Parts<'s, 'a>(&'s [Gguf<'a>]);

/// A tensor, and which source holds its data.
type Sourced<'s, 'a> = (usize, &'s Tensor<'a>);

impl<'s, 'a> Parts<'s, 'a> {
    fn first(&self) -> &'s Gguf<'a> {
        self.0.first().expect("a model has at least one part")
    }

    fn tensors(&self) -> impl Iterator<Item = Sourced<'s, 'a>> {
        let parts = self.0.iter().enumerate();
        parts.flat_map(|(source, part)| part.tensors.iter().map(move |tensor| (source, tensor)))
    }

    fn by_name(&self) -> impl Iterator<Item = (&'a str, Sourced<'s, 'a>)> {
        self.tensors().map(|sourced| (sourced.1.name, sourced))
    }

    /// The metadata that the new file has, too.
    fn entries(&self) -> impl Iterator<Item = &'s Entry<'a>> {
        let merged = self.0.len() > 1;
        let entries = self.first().metadata.entries().iter();
        entries.filter(move |entry| !merged || !SPLIT_KEYS.contains(&entry.key))
    }

    fn ordered(&self, names: &[&str], alignment: Bytes) -> Plan {
        let tensors = in_order(names.iter().copied(), self.by_name());
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
        let relocation = |(&(source, tensor), &start): (&Sourced<'_, '_>, &Bytes)| Relocation {
            source,
            range: tensor.data,
            at: data_start + start,
        };
        let data = moving(tensors.iter().zip(&starts).map(relocation));
        let len = Bytes((data_start + len).0);
        Plan { header: header.sections, data, len, alignment: Some(alignment), restores: false }
    }

    /// Counts and metadata.
    fn metadata(&self, tensors: usize, alignment: Bytes) -> Header {
        let value = Value::U32(u32::try_from(alignment.0).expect("an alignment has 32 bits"));
        let present = self.entries().any(|entry| entry.key == ALIGNMENT_KEY);
        let added = !present && alignment != Bytes(DEFAULT_ALIGNMENT.into());
        let mut written = Vec::new();
        in_memory(write_entry(&mut written, ALIGNMENT_KEY, &value));

        let (mut header, mut start) = (Header::default(), Vec::new());
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
        let ours: HashMap<&str, Sourced> = self.by_name().collect();
        let theirs = self.0.len();
        let mut tensors: Vec<&Tensor> = like.tensors.iter().collect();
        tensors.sort_unstable_by_key(|tensor| (tensor.data.start, tensor.data.len));
        let (mut data, mut end) = (Vec::new(), like.data_offset);
        for tensor in tensors {
            let (source, Tensor { data: range, .. }) = ours[tensor.name];
            data.push(in_place(theirs, end, tensor.data.start));
            data.push(Relocation { source, range: *range, at: tensor.data.start });
            end = tensor.data.end();
        }
        data.push(in_place(theirs, end, FileOffset(like.file_len().0)));
        let header = Section::Copied(in_place(theirs, FileOffset(0), like.data_offset));
        let (len, alignment) = (like.file_len(), Some(like.alignment));
        Plan { header: vec![header], data: moving(data), len, alignment, restores: true }
    }
}

/// Names, shapes and types, whatever the order.
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
