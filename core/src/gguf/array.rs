//! Arrays of metadata values, kept as the bytes of the file and decoded one element at a time: a vocabulary of
//! 150,000 strings costs a parse one walk over the lengths and no memory.

use std::fmt;
use std::io::{self, Write};

use super::cursor::Cursor;
use super::error::{Error, Problem};
use super::value::{Value, ValueType};

/// Arrays within arrays, at most. The format sets no bound and no known file nests at all; llama.cpp refuses it.
const DEEPEST: u32 = 8;

/// An array whose elements are of one type. Its bytes were checked when it was made; should they change afterwards,
/// as those of a mapped file can, iteration ends early or gives other values, and nothing worse.
#[derive(Clone, Copy, PartialEq)]
pub struct Array<'a> {
    element_type: ValueType,
    len: usize,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// The type of all elements.
    pub const fn element_type(&self) -> ValueType {
        self.element_type
    }

    /// How many elements.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements as the file holds them, one after the other.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The elements, decoded as they are asked for.
    pub fn iter(&self) -> Values<'a> {
        Values { cursor: Cursor::new(self.bytes), element_type: self.element_type, left: self.len }
    }

    /// The elements of an array of strings, faster than [`Self::iter`]; `None` for other arrays.
    pub fn strings(&self) -> Option<Strings<'a>> {
        (self.element_type == ValueType::String).then_some(Strings { rest: self.bytes, left: self.len })
    }

    /// Reads an array that lies inside `depth` others. All elements are checked to be inside the file.
    pub(super) fn read(cursor: &mut Cursor<'a>, depth: u32) -> Result<Self, Error> {
        if depth == DEEPEST {
            return Err(cursor.error("array", Problem::NestedTooDeep { deepest: DEEPEST }));
        }
        let element_type = ValueType::read(cursor, "array element type")?;
        let len = cursor.count(element_type.smallest_bytes(), "array length")?;
        let start = cursor.clone();
        match element_type.fixed_bytes() {
            // no overflow: `count` has held the product against the bytes that are left
            Some(bytes) => drop(cursor.bytes((len * bytes) as u64, "array")?),
            None if element_type == ValueType::String => cursor.skip_strings(len, "array element")?,
            None => {
                for _ in 0..len {
                    Array::read(cursor, depth + 1)?;
                }
            }
        }
        Ok(Array { element_type, len, bytes: cursor.since(&start) })
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&(self.element_type as u32).to_le_bytes())?;
        out.write_all(&(self.len as u64).to_le_bytes())?;
        out.write_all(self.bytes)
    }
}

/// Type and length, `[string; 150000]`: the elements may be a whole vocabulary.
impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}; {}]", self.element_type, self.len)
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = Value<'a>;
    type IntoIter = Values<'a>;

    fn into_iter(self) -> Values<'a> {
        self.iter()
    }
}

/// The elements of an [`Array`].
#[derive(Clone)]
pub struct Values<'a> {
    cursor: Cursor<'a>,
    element_type: ValueType,
    left: usize,
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        Value::read(&mut self.cursor, self.element_type, 0).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// The elements of an [`Array`] of strings, as bytes.
#[derive(Clone)]
pub struct Strings<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (string, rest) = split_string(self.rest)?;
        self.rest = rest;
        Some(string)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// The string at the start of `bytes` and what follows it; `None` when it doesn't fit.
#[inline]
fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
}

/// An array that owns its bytes, for writing: elements are encoded as they are pushed.
#[derive(Clone, Debug)]
pub struct ArrayBuf {
    element_type: ValueType,
    len: usize,
    bytes: Vec<u8>,
}

impl ArrayBuf {
    /// An empty array for elements of that type.
    pub const fn new(element_type: ValueType) -> Self {
        ArrayBuf { element_type, len: 0, bytes: Vec::new() }
    }

    /// Adds an element.
    ///
    /// # Errors
    /// A value of another type.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), Problem> {
        if value.value_type() != self.element_type {
            let expected = self.element_type.into();
            return Err(Problem::WrongType { found: value.value_type(), expected });
        }
        value.write(&mut self.bytes).expect("a Vec takes all that is written to it");
        self.len += 1;
        Ok(())
    }

    /// The array as a value of metadata holds it.
    pub fn as_array(&self) -> Array<'_> {
        Array { element_type: self.element_type, len: self.len, bytes: &self.bytes }
    }
}

/// An array of strings.
impl<S: AsRef<[u8]>> FromIterator<S> for ArrayBuf {
    fn from_iter<I: IntoIterator<Item = S>>(strings: I) -> Self {
        let mut array = ArrayBuf::new(ValueType::String);
        for string in strings {
            array.push(Value::String(string.as_ref())).expect("a string is a string");
        }
        array
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `depth` arrays of one array each, around an empty array of bytes.
    fn nested(depth: usize) -> Vec<u8> {
        let mut bytes = [&9u32.to_le_bytes()[..], &1u64.to_le_bytes()].concat().repeat(depth);
        bytes.extend([0; 12]);
        bytes
    }

    #[test]
    fn arrays_nest_to_a_bound() {
        assert!(Array::read(&mut Cursor::new(&nested(7)), 0).is_ok());
        let error = Array::read(&mut Cursor::new(&nested(8)), 0).unwrap_err();
        assert_eq!((error.offset.0, error.problem), (8 * 12, Problem::NestedTooDeep { deepest: 8 }));
        assert!(Array::read(&mut Cursor::new(&nested(1_000_000)), 0).is_err(), "no stack is used up");
    }

    #[test]
    fn an_array_takes_one_type() {
        let mut array = ArrayBuf::new(ValueType::U8);
        array.push(Value::U8(1)).unwrap();
        let error = array.push(Value::I8(1)).unwrap_err();
        assert_eq!(error.to_string(), "found a value of type i8, expected u8");
        assert_eq!(array.as_array().iter().collect::<Vec<_>>(), [Value::U8(1)]);
        assert!(array.as_array().strings().is_none());
    }

    #[test]
    fn strings_that_are_not_utf8_are_kept() {
        let array: ArrayBuf = [&b"a"[..], b"\xff", b""].into_iter().collect();
        assert_eq!(array.as_array().strings().unwrap().collect::<Vec<_>>(), [&b"a"[..], b"\xff", b""]);
    }
}
