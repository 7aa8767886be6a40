//! What a measured region is given to do. Checked when it is made, so that the region itself checks nothing.

use crate::unit::{ByteRange, Bytes, FileOffset, PageRange, PageSize};

/// Page touches, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touches {
    first: u64,
    /// Pages to touch, numbered from `first`.
    order: Vec<u32>,
    /// One more than the largest of `order`.
    reach: u64,
}

impl Touches {
    /// Touches of `order`, numbered from page `first` of the file.
    pub fn new(first: u64, order: Vec<u32>) -> Self {
        let reach = order.iter().max().map_or(0, |&last| u64::from(last) + 1);
        Touches { first, order, reach }
    }

    /// The pages from the first that may be touched to the last that is.
    pub fn pages(&self) -> PageRange {
        PageRange { first: self.first, count: self.reach }
    }

    /// Which page comes when, numbered from the first of [`Touches::pages`].
    pub fn order(&self) -> &[u32] {
        &self.order
    }
}

/// Reads, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    parts: Parts,
    order: Vec<u32>,
}

/// What can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Parts {
    /// A span in parts of one size.
    Even { span: ByteRange, io_size: Bytes },
    /// These.
    Given(Vec<ByteRange>),
}

impl Reads {
    /// How many reads of `io_size` cover `span`.
    pub fn count(span: ByteRange, io_size: Bytes) -> u64 {
        span.len.0.div_ceil(io_size.0)
    }

    /// Reads of `io_size` in the order of `order`, numbered from the start of `span`.
    ///
    /// # Panics
    /// If one of them would begin beyond the span.
    pub fn new(span: ByteRange, io_size: Bytes, order: Vec<u32>) -> Self {
        let count = Reads::count(span, io_size);
        assert!(order.iter().all(|&index| u64::from(index) < count), "each read begins within the span");
        Reads { parts: Parts::Even { span, io_size }, order }
    }

    /// Reads of `ranges`, one after the other.
    ///
    /// # Panics
    /// If there are more of them than `u32` counts.
    pub fn of(ranges: Vec<ByteRange>) -> Self {
        let count = u32::try_from(ranges.len()).expect("a model's tensors come to fewer reads");
        Reads { parts: Parts::Given(ranges), order: (0..count).collect() }
    }

    /// Which read comes when.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The most that one asks for.
    pub fn io_size(&self) -> Bytes {
        match &self.parts {
            Parts::Even { io_size, .. } => *io_size,
            Parts::Given(ranges) => ranges.iter().map(|range| range.len).max().unwrap_or(Bytes(0)),
        }
    }

    /// The bytes of read number `index`.
    #[inline]
    pub fn range(&self, index: u32) -> ByteRange {
        match &self.parts {
            Parts::Even { span, io_size } => {
                let skipped = u64::from(index) * io_size.0;
                let len = io_size.0.min(span.len.0 - skipped);
                ByteRange { start: FileOffset(span.start.0 + skipped), len: Bytes(len) }
            }
            Parts::Given(ranges) => ranges[index as usize],
        }
    }
}

/// Memory to read into, aligned as reads past the page cache want it.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// Devices have blocks of 512 bytes or of 4 KiB.
    const ALIGNMENT: usize = 4096;

    /// Memory for a read of `len`. It is written to, not only reserved: a page of fresh memory that is first touched in
    /// the measured region would fault there.
    pub fn new(len: Bytes) -> Self {
        let rounded = (len.0 as usize).next_multiple_of(Self::ALIGNMENT);
        let bytes = vec![1; rounded + Self::ALIGNMENT];
        let start = bytes.as_ptr().align_offset(Self::ALIGNMENT);
        Buffer { bytes, start }
    }

    /// All of it: room for the read, rounded up to whole blocks.
    pub fn bytes(&mut self) -> &mut [u8] {
        let end = self.bytes.len() - (Self::ALIGNMENT - self.start);
        &mut self.bytes[self.start..end]
    }
}

/// Sum of the bytes that begin a page, of a piece of a file that starts at `start`.
#[inline]
pub fn page_sum(piece: &[u8], start: FileOffset, page: PageSize) -> u64 {
    let skip = start.0.next_multiple_of(page.bytes()) - start.0;
    piece.iter().skip(skip as usize).step_by(page.bytes() as usize).map(|&byte| u64::from(byte)).sum()
}
