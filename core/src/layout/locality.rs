//! How far apart things lie that are needed one after the other.

use super::Layout;
use super::reads::Read;
use crate::record::Locality;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// The tensors along one line of bytes: the files of a model one behind the other.
pub(super) struct Line {
    /// Where each tensor of the layout lies.
    placed: Vec<ByteRange>,
    /// Along the line: where a tensor lies, and how many bytes of tensors lie before it.
    along: Vec<(ByteRange, u64)>,
}

impl Line {
    /// As the files have it.
    pub(super) fn of(layout: &Layout) -> Self {
        let starts: Vec<Bytes> = sums(layout.files.iter().map(|file| file.len)).collect();
        let place = |tensor: &super::TensorExtent| ByteRange {
            start: tensor.data.start + starts[tensor.file],
            len: tensor.data.len,
        };
        Line::new(layout.tensors.iter().map(place).collect())
    }

    /// As one file would have it that held the tensors in this order, packed as the alignment allows.
    pub(super) fn in_order(layout: &Layout, order: &[usize]) -> Self {
        let alignment = layout.alignment.unwrap_or(Bytes(1)).0;
        let header = layout.files.iter().map(|file| file.header).sum::<Bytes>();
        let mut placed = vec![ByteRange::default(); order.len()];
        let mut end = FileOffset(header.0);
        for &index in order {
            let start = FileOffset(end.0.checked_next_multiple_of(alignment).unwrap_or(end.0));
            placed[index] = ByteRange { start, len: layout.tensors[index].data.len };
            end = placed[index].end();
        }
        Line::new(placed)
    }

    fn new(placed: Vec<ByteRange>) -> Self {
        let mut along = placed.clone();
        along.sort_by_key(|range| (range.start, range.len));
        let before: Vec<Bytes> = sums(along.iter().map(|range| range.len)).collect();
        Line {
            placed,
            along: along.into_iter().zip(before.into_iter().map(|Bytes(before)| before)).collect(),
        }
    }

    /// What it comes to when `reads` are made one after the other.
    pub(super) fn locality(&self, reads: &[Read]) -> Locality {
        let place = |read: &Read| {
            let within = Bytes(read.within.start.0);
            ByteRange { start: self.placed[read.tensor].start + within, len: read.within.len }
        };
        let mut locality = Locality::default();
        for pair in reads.windows(2) {
            self.note(&mut locality, place(&pair[0]), place(&pair[1]));
        }
        locality
    }

    fn note(&self, locality: &mut Locality, earlier: ByteRange, later: ByteRange) {
        let between = self.between(earlier, later);
        let forward = later.start >= earlier.end();
        if forward && between == 0 {
            return;
        }
        let distance = later.start.0.abs_diff(earlier.end().0);
        locality.breaks += 1;
        locality.backward_breaks += u64::from(!forward);
        locality.seek_bytes += distance;
        locality.longest_seek_bytes = locality.longest_seek_bytes.max(distance);
        locality.bytes_between += between;
    }

    /// The bytes of tensors between two stretches, whichever comes first.
    fn between(&self, one: ByteRange, other: ByteRange) -> u64 {
        let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
        self.tensor_bytes_before(second.start).saturating_sub(self.tensor_bytes_before(first.end()))
    }

    fn tensor_bytes_before(&self, offset: FileOffset) -> u64 {
        match self.along.partition_point(|(range, _)| range.start <= offset).checked_sub(1) {
            Some(index) => {
                let (range, before) = self.along[index];
                before + (offset.min(range.end()) - range.start).0
            }
            None => 0,
        }
    }
}

/// What comes before each item.
fn sums(items: impl Iterator<Item = Bytes>) -> impl Iterator<Item = Bytes> {
    items.scan(Bytes(0), |sum, item| {
        let before = *sum;
        *sum = before + item;
        Some(before)
    })
}
