//! A bounds-checked, little-endian reader whose errors say where it was and what it was reading.

use super::error::{Error, Problem, Subject};
use super::skip::end_of_strings;
use crate::unit::FileOffset;

/// A position in the bytes of a file. Lengths are `u64` until they were held against the bytes that are left: on a
/// 32-bit machine a claimed length may not fit `usize`, a checked one always does.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    file: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Cursor { file, position: 0 }
    }

    pub(super) fn offset(&self) -> FileOffset {
        FileOffset(self.position as u64)
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.file[self.position..]
    }

    /// What was read since `earlier`, a state of this same cursor.
    pub(super) fn since(&self, earlier: &Cursor<'a>) -> &'a [u8] {
        &self.file[earlier.position..self.position]
    }

    /// An error about `field` here, about the header as a whole until [`Error::about`] says more.
    pub(super) fn error(&self, field: &'static str, problem: Problem) -> Error {
        Error { offset: self.offset(), subject: Subject::Header, field, problem }
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: u64, field: &'static str) -> Result<&'a [u8], Error> {
        let rest = self.rest();
        match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
            Some(bytes) => {
                self.position += bytes.len();
                Ok(bytes)
            }
            None => Err(self.error(field, Problem::Truncated { needed: len, left: rest.len() as u64 })),
        }
    }

    /// The next `N` bytes, by value.
    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.position += N;
                Ok(*bytes)
            }
            None => {
                let left = self.rest().len() as u64;
                Err(self.error(field, Problem::Truncated { needed: N as u64, left }))
            }
        }
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, Error> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A number of things that take at least `smallest` bytes each, all of them still to come: a claim that the
    /// rest of the file can't hold is an error here, before anything is done with it.
    pub(super) fn count(&mut self, smallest: usize, field: &'static str) -> Result<usize, Error> {
        let at = self.clone();
        let found = self.u64(field)?;
        let most = self.rest().len() / smallest;
        match usize::try_from(found) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(at.error(field, Problem::Count { found, most: most as u64 })),
        }
    }

    /// A string's bytes; whether they are UTF-8 is for the reader of the string to ask.
    pub(super) fn string(&mut self, field: &'static str) -> Result<&'a [u8], Error> {
        let at = self.clone();
        let len = self.u64(field)?;
        self.bytes(len, field).map_err(|error| Error { offset: at.offset(), ..error })
    }

    /// A string that must be UTF-8.
    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, Error> {
        let at = self.clone();
        let bytes = self.string(field)?;
        std::str::from_utf8(bytes).map_err(|_| at.error(field, Problem::not_utf8(bytes)))
    }

    /// Steps over `count` strings.
    pub(super) fn skip_strings(&mut self, count: usize, field: &'static str) -> Result<(), Error> {
        match end_of_strings(self.rest(), count) {
            Ok(end) => {
                self.position += end;
                Ok(())
            }
            Err(misfit) => {
                self.position += misfit;
                self.string(field).map(drop)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_and_what() {
        let mut cursor = Cursor::new(&[1, 0, 0, 0, 9, 9]);
        assert_eq!(cursor.u32("version"), Ok(1));
        let error = cursor.u64("tensor count").unwrap_err();
        assert_eq!(error.offset, FileOffset(4));
        assert_eq!(error.problem, Problem::Truncated { needed: 8, left: 2 });
    }

    #[test]
    fn a_string_longer_than_the_file_is_an_error_at_its_length() {
        for len in [1u64, u64::from(u32::MAX), u64::MAX] {
            let bytes = len.to_le_bytes();
            let mut cursor = Cursor::new(&bytes);
            let expected = Problem::Truncated { needed: len, left: 0 };
            let error = cursor.skip_strings(1, "array element").unwrap_err();
            assert_eq!((error.offset, error.problem), (FileOffset(0), expected));
        }
    }

    #[test]
    fn a_count_must_fit_what_is_left() {
        let bytes = [&3u64.to_le_bytes()[..], &[0; 23]].concat();
        assert_eq!(Cursor::new(&bytes).count(7, "entries"), Ok(3));
        let error = Cursor::new(&bytes).count(8, "entries").unwrap_err();
        assert_eq!(error.problem, Problem::Count { found: 3, most: 2 });
    }
}
