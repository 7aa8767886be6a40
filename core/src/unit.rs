//! Quantities with their units in the type: bytes, nanoseconds, offsets into a file, pages.
//!
//! Everything that is stored stays an integer in the base unit; rounding happens only in [`Display`](fmt::Display).

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A duration in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

/// A distance in bytes from the start of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileOffset(pub u64);

impl Bytes {
    /// `n` × 1024 bytes.
    pub const fn kib(n: u64) -> Self {
        Bytes(n << 10)
    }

    /// `n` × 1024² bytes.
    pub const fn mib(n: u64) -> Self {
        Bytes(n << 20)
    }

    /// As sizes that were chosen are read, exactly: `4 KiB`, `2 MiB`, `1000 B`.
    pub fn exact(self) -> String {
        let shift = (self.0.trailing_zeros() / 10).min(3);
        let units = ["B", "KiB", "MiB", "GiB"];
        match self.0 {
            0 => "0 B".to_owned(),
            bytes => format!("{} {}", bytes >> (10 * shift), units[shift as usize]),
        }
    }
}

impl Add for Bytes {
    type Output = Bytes;
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0 + other.0)
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Bytes>>(items: I) -> Bytes {
        items.fold(Bytes(0), Add::add)
    }
}

impl Add<Bytes> for FileOffset {
    type Output = FileOffset;
    fn add(self, length: Bytes) -> FileOffset {
        FileOffset(self.0 + length.0)
    }
}

impl Sub for FileOffset {
    type Output = Bytes;
    fn sub(self, earlier: FileOffset) -> Bytes {
        Bytes(self.0 - earlier.0)
    }
}

/// To three digits in powers of 1000: `98.4 MB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &[(1, "B"), (1_000, "kB"), (1_000_000, "MB"), (1_000_000_000, "GB")]))
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &[(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")]))
    }
}

/// `value` in the largest of the ascending `units` that it reaches, to three significant digits.
fn scaled(value: u64, units: &[(u64, &str)]) -> String {
    let &(scale, unit) = units.iter().rev().find(|(scale, _)| value >= *scale).unwrap_or(&units[0]);
    let scaled = value as f64 / scale as f64;
    let decimals = match scaled {
        _ if scale == 1 => 0,
        x if x < 10.0 => 2,
        x if x < 100.0 => 1,
        _ => 0,
    };
    format!("{scaled:.decimals$} {unit}")
}

/// What a size was spelt as, when it could not be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("found size {found:?}, expected a whole number with an optional unit: 4096, 128K, 128KiB, 4MiB, 1GB")]
pub struct ParseBytesError {
    found: String,
}

/// `4096`, `128K` and `128KiB` (× 1024), `1GB` (× 1000).
impl FromStr for Bytes {
    type Err = ParseBytesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseBytesError { found: text.to_owned() };
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            _ => return Err(error()),
        };
        digits.parse().ok().and_then(|n: u64| n.checked_mul(scale)).map(Bytes).ok_or_else(error)
    }
}

/// A stretch of a file: `len` bytes from `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// The first byte.
    pub start: FileOffset,
    /// How many bytes.
    pub len: Bytes,
}

impl ByteRange {
    /// The first `len` bytes of a file.
    pub const fn whole(len: Bytes) -> Self {
        ByteRange { start: FileOffset(0), len }
    }

    /// One past the last byte.
    pub fn end(self) -> FileOffset {
        self.start + self.len
    }

    /// The bytes that both ranges hold; `None` when they share none.
    pub fn intersect(self, other: ByteRange) -> Option<ByteRange> {
        let start = self.start.max(other.start);
        let end = self.end().min(other.end());
        (start < end).then(|| ByteRange { start, len: end - start })
    }
}

/// The size of a virtual-memory page in bytes: a power of two, 4096 on most machines, 16384 on iOS and new Android.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// A page size; `None` unless `bytes` is a power of two of at least 512.
    pub const fn new(bytes: u32) -> Option<Self> {
        if bytes.is_power_of_two() && bytes >= 512 { Some(PageSize(bytes)) } else { None }
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0 as u64
    }

    /// The start of the page that holds `offset`.
    pub const fn floor(self, offset: FileOffset) -> FileOffset {
        FileOffset(offset.0 & !(self.bytes() - 1))
    }

    /// How many pages `len` bytes from a page's start need.
    pub const fn count(self, len: Bytes) -> u64 {
        len.0.div_ceil(self.bytes())
    }

    /// All bytes of `pages`.
    pub const fn bytes_of(self, pages: PageRange) -> ByteRange {
        let start = FileOffset(pages.first * self.bytes());
        ByteRange { start, len: Bytes(pages.count * self.bytes()) }
    }

    /// The pages that `range` touches, numbered from the start of the file.
    pub const fn spanned_by(self, range: ByteRange) -> PageRange {
        let first = range.start.0 / self.bytes();
        let end = (range.start.0 + range.len.0).div_ceil(self.bytes());
        PageRange { first, count: if range.len.0 == 0 { 0 } else { end - first } }
    }
}

/// Consecutive pages of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRange {
    /// The first page, numbered from the start of the file.
    pub first: u64,
    /// How many pages.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back_what_they_show() {
        for (text, bytes) in [
            ("4096", 4096),
            ("128K", 131_072),
            ("128 KiB", 131_072),
            ("4MiB", 4 << 20),
            ("1GB", 1_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        assert_eq!(Bytes::kib(128).exact(), "128 KiB");
        assert_eq!([Bytes(0), Bytes(1000), Bytes(3 << 30)].map(Bytes::exact), ["0 B", "1000 B", "3 GiB"]);
        assert_eq!(Bytes(98_362_432).to_string(), "98.4 MB");
        assert_eq!(Nanos(1_234_567).to_string(), "1.23 ms");
        assert!("4 furlongs".parse::<Bytes>().is_err());
        assert!("99999999999999999999".parse::<Bytes>().is_err());
        assert!("18446744073709551615K".parse::<Bytes>().is_err(), "overflow is an error, not a wrap");
    }

    #[test]
    fn a_range_touches_the_pages_it_straddles() {
        let page = PageSize::new(4096).unwrap();
        let range = |start, len| ByteRange { start: FileOffset(start), len: Bytes(len) };
        assert_eq!(page.spanned_by(range(4095, 2)), PageRange { first: 0, count: 2 });
        assert_eq!(page.spanned_by(range(4096, 4096)), PageRange { first: 1, count: 1 });
        assert_eq!(page.spanned_by(range(5000, 0)).count, 0);
        assert_eq!(PageSize::new(1000), None);
    }
}
