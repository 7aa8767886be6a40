//! What a layout comes to in pages, and what lies between its tensors.

use super::reads::Read;
use super::{Layout, TensorExtent};
use crate::record::{Gaps, PageFacts};
use crate::unit::{ByteRange, Bytes, FileOffset, PageSize};

impl Layout {
    /// How tensors and what is read of them lie on pages of that size.
    pub(super) fn pages(&self, page: PageSize, reads: &[Read]) -> PageFacts {
        let on_pages =
            |tensor: &&TensorExtent| page.spanned_by(tensor.data).count > page.count(tensor.data.len);
        let aligned = |tensor: &&TensorExtent| tensor.data.start == page.floor(tensor.data.start);
        let needed = self.needed(reads);
        let pages_of = |(file, range): &(usize, ByteRange)| {
            let pages = page.spanned_by(*range);
            (*file, ByteRange { start: FileOffset(pages.first), len: Bytes(pages.count) })
        };
        PageFacts {
            page_bytes: page.bytes(),
            pages: self.files.iter().map(|file| page.count(file.len)).sum(),
            shared_pages: self.shared(page),
            straddling_tensors: self.tensors.iter().filter(on_pages).count() as u64,
            aligned_tensors: self.tensors.iter().filter(aligned).count() as u64,
            needed_pages: total(&united(needed.iter().map(pages_of).collect())).0,
            fewest_pages: page.count(total(&needed)),
        }
    }

    /// What is read of the files, each byte once.
    pub(super) fn needed(&self, reads: &[Read]) -> Vec<(usize, ByteRange)> {
        let range = |read: &Read| {
            let TensorExtent { file, data, .. } = &self.tensors[read.tensor];
            (*file, ByteRange { start: data.start + Bytes(read.within.start.0), len: read.within.len })
        };
        united(reads.iter().map(range).collect())
    }

    /// Pages that hold bytes of two tensors or more.
    fn shared(&self, page: PageSize) -> u64 {
        let (mut shared, mut counted, mut last) = (0, None, None);
        for TensorExtent { file, data, .. } in self.tensors.iter().filter(|tensor| tensor.data.len > Bytes(0))
        {
            let pages = page.spanned_by(*data);
            let first = Some((*file, pages.first));
            if first == last && first != counted {
                shared += 1;
                counted = first;
            }
            last = Some((*file, pages.first + pages.count - 1));
        }
        shared
    }

    /// What of the files is neither header nor tensor.
    pub(super) fn gaps(&self) -> Gaps {
        let mut gaps = Gaps::default();
        let mut tensors = self.tensors.iter().peekable();
        for (number, file) in self.files.iter().enumerate() {
            let mut covered = FileOffset(file.header.0);
            while let Some(tensor) = tensors.next_if(|tensor| tensor.file == number) {
                gaps.note(tensor.data.start.0.saturating_sub(covered.0));
                covered = covered.max(tensor.data.end());
            }
            gaps.note(file.len.0.saturating_sub(covered.0));
        }
        gaps
    }

    /// The largest power of two up to 2 MiB that all tensors begin at a multiple of.
    pub(super) fn aligned_to(&self) -> Bytes {
        const LARGEST: u64 = 2 << 20;
        let starts = self.tensors.iter().fold(LARGEST, |bits, tensor| bits | tensor.data.start.0);
        Bytes(1 << starts.trailing_zeros())
    }
}

impl Gaps {
    fn note(&mut self, bytes: u64) {
        self.count += u64::from(bytes > 0);
        self.bytes += bytes;
        self.largest_bytes = self.largest_bytes.max(bytes);
    }
}

/// Sum of the lengths.
pub(super) fn total(ranges: &[(usize, ByteRange)]) -> Bytes {
    ranges.iter().map(|(_, range)| range.len).sum()
}

/// The same stretches of files, in order, without overlap.
fn united(mut ranges: Vec<(usize, ByteRange)>) -> Vec<(usize, ByteRange)> {
    ranges.sort_unstable_by_key(|(file, range)| (*file, range.start, range.len));
    let mut united: Vec<(usize, ByteRange)> = Vec::new();
    for (file, range) in ranges {
        match united.last_mut() {
            Some((same, last)) if *same == file && range.start <= last.end() => {
                last.len = last.end().max(range.end()) - last.start;
            }
            _ => united.push((file, range)),
        }
    }
    united
}
