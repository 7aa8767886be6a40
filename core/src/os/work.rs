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

/// Reads of one size that cover a span once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    span: ByteRange,
    io_size: Bytes,
    order: Vec<u32>,
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
        Reads { span, io_size, order }
    }

    /// Which read comes when.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// What each asks for; the one at the end of the span may be shorter.
    pub fn io_size(&self) -> Bytes {
        self.io_size
    }

    /// The bytes of read number `index`.
    #[inline]
    pub fn range(&self, index: u32) -> ByteRange {
        let skipped = u64::from(index) * self.io_size.0;
        let len = self.io_size.0.min(self.span.len.0 - skipped);
        ByteRange { start: FileOffset(self.span.start.0 + skipped), len: Bytes(len) }
    }
}

/// Sum of the bytes that begin a page, of a piece of a file that starts at `start`.
#[inline]
pub fn page_sum(piece: &[u8], start: FileOffset, page: PageSize) -> u64 {
    let skip = start.0.next_multiple_of(page.bytes()) - start.0;
    piece.iter().skip(skip as usize).step_by(page.bytes() as usize).map(|&byte| u64::from(byte)).sum()
}
