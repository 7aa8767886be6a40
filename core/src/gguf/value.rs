//! One metadata value: thirteen types, numbers by value, strings and arrays as borrowed bytes.

use std::io::{self, Write};

use super::array::Array;
use super::cursor::Cursor;
use super::error::{Error, Problem};

/// The type of a metadata value, under the number that stands for it in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::FromRepr, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[allow(missing_docs, reason = "the variants of Value say it")]
#[repr(u32)]
pub enum ValueType {
    U8 = 0,
    I8 = 1,
    U16 = 2,
    I16 = 3,
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12,
}

impl ValueType {
    /// The bytes of a value of this type, where all have the same; `None` for strings and arrays.
    pub const fn fixed_bytes(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::String | Self::Array => None,
        }
    }

    /// The fewest bytes that a value of this type takes, which bounds how many a file can hold.
    pub(super) const fn smallest_bytes(self) -> usize {
        match (self, self.fixed_bytes()) {
            (_, Some(bytes)) => bytes,
            (Self::Array, None) => 12,
            (_, None) => 8,
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>, field: &'static str) -> Result<Self, Error> {
        let at = cursor.clone();
        let found = cursor.u32(field)?;
        Self::from_repr(found).ok_or_else(|| at.error(field, Problem::UnknownValueType { found }))
    }
}

/// A metadata value. Strings are bytes: a file may hold anything there, whoever shows one asks whether it is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An unsigned byte.
    U8(u8),
    /// A signed byte.
    I8(i8),
    /// 16 bits, unsigned.
    U16(u16),
    /// 16 bits, signed.
    I16(i16),
    /// 32 bits, unsigned.
    U32(u32),
    /// 32 bits, signed.
    I32(i32),
    /// Single precision.
    F32(f32),
    /// A byte, true unless it is 0.
    Bool(bool),
    /// A string, UTF-8 if the file keeps to the format.
    String(&'a [u8]),
    /// Values of one type.
    Array(Array<'a>),
    /// 64 bits, unsigned.
    U64(u64),
    /// 64 bits, signed.
    I64(i64),
    /// Double precision.
    F64(f64),
}

impl<'a> Value<'a> {
    /// The type under which a file holds this value.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Value::U8(_) => ValueType::U8,
            Value::I8(_) => ValueType::I8,
            Value::U16(_) => ValueType::U16,
            Value::I16(_) => ValueType::I16,
            Value::U32(_) => ValueType::U32,
            Value::I32(_) => ValueType::I32,
            Value::F32(_) => ValueType::F32,
            Value::Bool(_) => ValueType::Bool,
            Value::String(_) => ValueType::String,
            Value::Array(_) => ValueType::Array,
            Value::U64(_) => ValueType::U64,
            Value::I64(_) => ValueType::I64,
            Value::F64(_) => ValueType::F64,
        }
    }

    /// The number, if this is an integer of any width that is not negative.
    pub fn unsigned(&self) -> Option<u64> {
        match *self {
            Value::U8(n) => Some(n.into()),
            Value::U16(n) => Some(n.into()),
            Value::U32(n) => Some(n.into()),
            Value::U64(n) => Some(n),
            Value::I8(n) => n.try_into().ok(),
            Value::I16(n) => n.try_into().ok(),
            Value::I32(n) => n.try_into().ok(),
            Value::I64(n) => n.try_into().ok(),
            _ => None,
        }
    }

    /// Reads a value of that type; `depth` counts the arrays around it.
    pub(super) fn read(cursor: &mut Cursor<'a>, value_type: ValueType, depth: u32) -> Result<Self, Error> {
        const FIELD: &str = "value";
        Ok(match value_type {
            ValueType::U8 => Value::U8(u8::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::I8 => Value::I8(i8::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::U16 => Value::U16(u16::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::I16 => Value::I16(i16::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::U32 => Value::U32(cursor.u32(FIELD)?),
            ValueType::I32 => Value::I32(i32::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::F32 => Value::F32(f32::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::Bool => Value::Bool(cursor.array(FIELD)? != [0]),
            ValueType::String => Value::String(cursor.string(FIELD)?),
            ValueType::Array => Value::Array(Array::read(cursor, depth)?),
            ValueType::U64 => Value::U64(cursor.u64(FIELD)?),
            ValueType::I64 => Value::I64(i64::from_le_bytes(cursor.array(FIELD)?)),
            ValueType::F64 => Value::F64(f64::from_le_bytes(cursor.array(FIELD)?)),
        })
    }

    /// Writes the value as a file holds it, without its type.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Value::U8(n) => out.write_all(&n.to_le_bytes()),
            Value::I8(n) => out.write_all(&n.to_le_bytes()),
            Value::U16(n) => out.write_all(&n.to_le_bytes()),
            Value::I16(n) => out.write_all(&n.to_le_bytes()),
            Value::U32(n) => out.write_all(&n.to_le_bytes()),
            Value::I32(n) => out.write_all(&n.to_le_bytes()),
            Value::F32(n) => out.write_all(&n.to_le_bytes()),
            Value::Bool(b) => out.write_all(&[u8::from(*b)]),
            Value::String(bytes) => write_string(out, bytes),
            Value::Array(array) => array.write(out),
            Value::U64(n) => out.write_all(&n.to_le_bytes()),
            Value::I64(n) => out.write_all(&n.to_le_bytes()),
            Value::F64(n) => out.write_all(&n.to_le_bytes()),
        }
    }
}

pub(super) fn write_string(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}
