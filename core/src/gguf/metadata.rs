//! The key-value pairs of a file, and typed questions to them.

use super::cursor::Cursor;
use super::error::{Error, Problem, Subject};
use super::value::{Value, ValueType};
use super::{ALIGNMENT_KEY, Array, DEFAULT_ALIGNMENT, first_repeat};
use crate::unit::{ByteRange, Bytes, FileOffset};

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key, such as `llama.block_count`: never empty, unique in its file.
    pub key: &'a str,
    /// The value.
    pub value: Value<'a>,
    /// Where the file holds it: key, type and value.
    pub range: ByteRange,
}

impl<'a> Entry<'a> {
    /// A key (8 bytes of length, at least one letter), a type and a value of one byte.
    const SMALLEST: usize = 8 + 1 + 4 + 1;

    fn read(cursor: &mut Cursor<'a>, index: usize) -> Result<Self, Error> {
        let unnamed = |error: Error| error.about(Subject::entry(index, ""));
        let key_at = cursor.clone();
        let key = cursor.text("key").map_err(unnamed)?;
        if key.is_empty() {
            return Err(unnamed(key_at.error("key", Problem::EmptyKey)));
        }
        let named = |error: Error| error.about(Subject::entry(index, key));
        let value_type = ValueType::read(cursor, "value type").map_err(named)?;
        let value = Value::read(cursor, value_type, 0).map_err(named)?;
        let start = key_at.offset();
        Ok(Entry { key, value, range: ByteRange { start, len: cursor.offset() - start } })
    }

    /// Where the value begins: behind the key, its length and the type.
    fn value_at(&self) -> FileOffset {
        self.range.start + Bytes(8 + self.key.len() as u64 + 4)
    }
}

/// The key-value pairs of a file, in its order.
#[derive(Clone, Debug)]
pub struct Metadata<'a> {
    entries: Vec<Entry<'a>>,
}

impl<'a> Metadata<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Error> {
        let count = cursor.count(Entry::SMALLEST, "metadata count")?;
        let mut entries = Vec::new();
        for index in 0..count {
            entries.push(Entry::read(cursor, index)?);
        }
        let metadata = Metadata { entries };
        match first_repeat(&metadata.entries, |entry| entry.key) {
            Some((earlier, later)) => {
                let Entry { key, range, .. } = metadata.entries[later];
                let (subject, offset) = (Subject::entry(later, key), range.start);
                Err(Error { offset, subject, field: "key", problem: Problem::Repeated { earlier } })
            }
            None => Ok(metadata),
        }
    }

    /// The pairs, in file order.
    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.position(key).map(|index| self.entries[index].value)
    }

    /// The value of `key`, a `u32` and nothing else.
    ///
    /// # Errors
    /// A value of another type.
    pub fn u32(&self, key: &str) -> Result<Option<u32>, Error> {
        self.typed(key, "u32", |value| match *value {
            Value::U32(n) => Some(n),
            _ => None,
        })
    }

    /// The value of `key`, an integer of any width: writers differ in which they choose.
    ///
    /// # Errors
    /// A value of another type, or a negative one.
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, Error> {
        self.typed(key, "an integer that is not negative", Value::unsigned)
    }

    /// The value of `key`, an array.
    ///
    /// # Errors
    /// A value of another type.
    pub fn array(&self, key: &str) -> Result<Option<Array<'a>>, Error> {
        self.typed(key, "array", |value| match *value {
            Value::Array(array) => Some(array),
            _ => None,
        })
    }

    /// The value of `key`, a string.
    ///
    /// # Errors
    /// A value of another type, or a string that is not UTF-8.
    pub fn str(&self, key: &str) -> Result<Option<&'a str>, Error> {
        let Some(index) = self.position(key) else { return Ok(None) };
        let problem = match self.entries[index].value {
            Value::String(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => return Ok(Some(text)),
                Err(_) => Problem::not_utf8(bytes),
            },
            other => Problem::WrongType { found: other.value_type(), expected: "string" },
        };
        Err(self.value_error(index, problem))
    }

    /// The alignment of the tensor data: what llama.cpp takes, any power of two in a `u32`.
    pub(super) fn alignment(&self) -> Result<Bytes, Error> {
        match (self.u32(ALIGNMENT_KEY)?, self.position(ALIGNMENT_KEY)) {
            (Some(found), Some(index)) if !found.is_power_of_two() => {
                Err(self.value_error(index, Problem::Alignment { found }))
            }
            (alignment, _) => Ok(Bytes(alignment.unwrap_or(DEFAULT_ALIGNMENT).into())),
        }
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(index) = self.position(key) else { return Ok(None) };
        let value = &self.entries[index].value;
        let wrong_type = || Problem::WrongType { found: value.value_type(), expected };
        convert(value).map(Some).ok_or_else(|| self.value_error(index, wrong_type()))
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    fn value_error(&self, index: usize, problem: Problem) -> Error {
        let entry = &self.entries[index];
        let subject = Subject::entry(index, entry.key);
        Error { offset: entry.value_at(), subject, field: "value", problem }
    }
}
