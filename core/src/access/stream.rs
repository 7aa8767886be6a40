//! What a thread asks for ahead of an engine: a weight trace as pieces of a file.

use std::collections::HashMap;

use crate::os::Touches;
use crate::record::{WeightRead, WeightTrace};
use crate::unit::{ByteRange, Bytes, FileOffset, PageRange, PageSize};

/// Reads of the probe *floor* that are under way at a time: enough to keep the queue of a phone's storage full.
pub const FLOOR_THREADS: u32 = 4;

/// The pages that an engine reads for a first token, in pieces of at most `chunk` and at least a page: those of `header`,
/// which it reads when it opens the file, then those that `trace` reads, in its order. No page comes twice.
///
/// `tensors` says where each tensor lies and how long a row of it is. Reads of others are passed over.
pub fn pieces(
    header: ByteRange,
    trace: &WeightTrace,
    tensors: &HashMap<&str, Rows>,
    page: PageSize,
    chunk: Bytes,
) -> Vec<PageRange> {
    let rows = |read: &WeightRead| Some(tensors.get(read.tensor.as_str())?.read_by(read));
    let weights = trace.reads.iter().filter_map(rows).flatten();
    let most = (chunk.0 / page.bytes()).max(1);
    let (mut taken, mut pieces) = (Vec::new(), Vec::new());
    for pages in std::iter::once(header).chain(weights).map(|range| page.spanned_by(range)) {
        for number in pages.first..pages.first + pages.count {
            if take(&mut taken, number) {
                append(&mut pieces, number, most);
            }
        }
    }
    pieces
}

/// The bytes of `pieces`, as far as they lie in `span`.
pub fn extents(pieces: &[PageRange], page: PageSize, span: ByteRange) -> Vec<ByteRange> {
    pieces.iter().filter_map(|&piece| page.bytes_of(piece).intersect(span)).collect()
}

/// Touches of the pages of `pieces`, one after the other.
pub fn replay(pieces: &[PageRange]) -> Touches {
    let first = pieces.iter().map(|piece| piece.first).min().unwrap_or(0);
    let numbers = |piece: &PageRange| piece.first - first..piece.first - first + piece.count;
    let order = pieces.iter().flat_map(numbers);
    let order = order.map(|page| u32::try_from(page).expect("a file has fewer pages than u32 counts"));
    Touches::new(first, order.collect())
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// All of it.
    pub data: ByteRange,
    /// A row.
    pub row: Bytes,
}

impl Rows {
    /// What `read` reads of it. An operation that picks experts is taken to read all of them.
    fn read_by(&self, read: &WeightRead) -> Vec<ByteRange> {
        let row = |&index: &u32| {
            let start = FileOffset(self.data.start.0 + u64::from(index) * self.row.0);
            ByteRange { start, len: self.row }.intersect(self.data)
        };
        match &read.rows {
            Some(rows) => rows.iter().filter_map(row).collect(),
            None => vec![self.data],
        }
    }
}

/// Whether page `number` comes for the first time.
fn take(taken: &mut Vec<bool>, number: u64) -> bool {
    let index = number as usize;
    if taken.len() <= index {
        taken.resize(index + 1, false);
    }
    !std::mem::replace(&mut taken[index], true)
}

/// Adds a page to the last piece, if it follows there and there is room.
fn append(pieces: &mut Vec<PageRange>, number: u64, most: u64) {
    match pieces.last_mut() {
        Some(last) if last.first + last.count == number && last.count < most => last.count += 1,
        _ => pieces.push(PageRange { first: number, count: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tensor: &str, rows: Option<Vec<u32>>) -> WeightRead {
        let (tensor, group, operation) = (tensor.to_owned(), tensor.to_owned(), "MUL_MAT".to_owned());
        WeightRead { tensor, group, layer: None, operation, bytes: 0, rows, experts: None }
    }

    #[test]
    fn pieces_follow_the_trace_and_ask_for_no_page_twice() {
        let page = PageSize::new(4096).unwrap();
        let rows = |start, len| Rows {
            data: ByteRange { start: FileOffset(start), len: Bytes(len) },
            row: Bytes(100),
        };
        // b begins on the page where a ends; c is larger than a piece.
        let places = [("a", rows(0, 5000)), ("b", rows(5000, 5000)), ("c", rows(1 << 20, 3 << 20))];
        let reads = vec![read("a", Some(vec![45])), read("c", None), read("b", None), read("a", None)];
        let (schema, engine) = (String::new(), String::new());
        let trace = WeightTrace { schema, payload_hash: None, engine, prompt_tokens: vec![], reads };
        let header = ByteRange { start: FileOffset(0), len: Bytes(0) };
        let pieces_of = |header| pieces(header, &trace, &places.into(), page, Bytes::mib(2));
        let (pieces, with_header) = (pieces_of(header), pieces_of(ByteRange { len: Bytes(5000), ..header }));
        let piece = |first, count| PageRange { first, count };
        assert_eq!(with_header[0], piece(0, 2), "what opens the file comes first");
        assert_eq!(pieces, [piece(1, 1), piece(256, 512), piece(768, 256), piece(2, 1), piece(0, 1)]);
    }
}
