//! Writes GGUF files, payloads streamed: a model larger than memory passes through.

use std::io::{self, Write};

use super::error::Problem;
use super::tensor::{Dims, Tensor};
use super::value::{Value, write_string};
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, GgmlType, MAGIC, Version, first_repeat};
use crate::unit::{ByteRange, Bytes, FileOffset};

/// Why a file could not be written. What was written so far is no GGUF.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The destination refused bytes, or the source of a payload failed.
    #[error("writing the file")]
    Io(#[from] io::Error),
    /// `general.alignment` is not a `u32`, or no power of two.
    #[error("general.alignment is {found}, expected a power of two as u32")]
    Alignment {
        /// What it is.
        found: String,
    },
    /// A tensor that no file can hold.
    #[error("tensor \"{name}\"")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: Problem,
    },
    /// A payload of another length than its tensor.
    #[error("the payload of tensor \"{name}\" has {} bytes, expected {}", found.0, expected.0)]
    Payload {
        /// Its name.
        name: String,
        /// What was given.
        found: Bytes,
        /// What shape and type ask for.
        expected: Bytes,
    },
}

/// A GGUF file in the making: metadata and tensors in the order in which they are given, tensor data in the order of
/// the tensors, each padded to the alignment, as llama.cpp expects it.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    version: Version,
    metadata: Vec<(&'a str, Value<'a>)>,
    tensors: Vec<Planned<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Planned<'a> {
    name: &'a str,
    dims: Dims,
    ggml_type: GgmlType,
    len: Bytes,
}

impl<'a> Writer<'a> {
    /// A file with nothing in it.
    pub const fn new(version: Version) -> Self {
        Writer { version, metadata: Vec::new(), tensors: Vec::new() }
    }

    /// Adds a key, or gives one that is there another value. `general.alignment`, a `u32`, places the tensors.
    pub fn set(&mut self, key: &'a str, value: Value<'a>) {
        match self.metadata.iter_mut().find(|(present, _)| *present == key) {
            Some((_, old)) => *old = value,
            None => self.metadata.push((key, value)),
        }
    }

    /// Adds a tensor.
    ///
    /// # Errors
    /// A shape that doesn't fit the type.
    pub fn tensor(&mut self, name: &'a str, dims: Dims, ggml_type: GgmlType) -> Result<(), WriteError> {
        let len = ggml_type.tensor_bytes(dims).map_err(|source| tensor_error(name, source))?;
        self.tensors.push(Planned { name, dims, ggml_type, len });
        Ok(())
    }

    /// The tensors with the places that they will have in the file.
    ///
    /// # Errors
    /// A bad alignment, a name used twice, more bytes than can be counted.
    pub fn place(&self) -> Result<Vec<Tensor<'a>>, WriteError> {
        if let Some((earlier, later)) = first_repeat(&self.tensors, |tensor| tensor.name) {
            return Err(tensor_error(self.tensors[later].name, Problem::Repeated { earlier }));
        }
        let alignment = self.alignment()?;
        let mut next = Some(self.header_len()?.next_multiple_of(alignment));
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for planned in &self.tensors {
            let &Planned { name, dims, ggml_type, len } = planned;
            let end = next.and_then(|start| Some((start, start.checked_add(len.0)?)));
            let (start, end) =
                end.ok_or_else(|| tensor_error(name, Problem::TooManyBytes { dims, ggml_type }))?;
            tensors.push(Tensor { name, dims, ggml_type, data: ByteRange { start: FileOffset(start), len } });
            next = end.checked_next_multiple_of(alignment);
        }
        Ok(tensors)
    }

    /// Writes the file to `out`, unbuffered, and answers how long it is. `payload` is called once a tensor, in order,
    /// and writes the bytes that lie at `Tensor::data`.
    ///
    /// # Errors
    /// Those of [`Self::place`], a payload of the wrong length, whatever `out` or `payload` fail with.
    pub fn write(
        &self,
        out: impl Write,
        mut payload: impl FnMut(&Tensor<'a>, &mut dyn Write) -> io::Result<()>,
    ) -> Result<Bytes, WriteError> {
        let tensors = self.place()?;
        let alignment = self.alignment()?;
        let mut out = Counted { inner: out, written: 0 };
        self.write_header(&mut out, &tensors)?;
        for tensor in &tensors {
            out.pad_to(alignment)?;
            let start = out.written;
            payload(tensor, &mut out)?;
            let found = Bytes(out.written - start);
            if found != tensor.data.len {
                let (name, expected) = (tensor.name.to_owned(), tensor.data.len);
                return Err(WriteError::Payload { name, found, expected });
            }
        }
        // llama.cpp reads the padding behind the last tensor too
        if !tensors.is_empty() {
            out.pad_to(alignment)?;
        }
        out.flush()?;
        Ok(Bytes(out.written))
    }

    fn alignment(&self) -> Result<u64, WriteError> {
        let alignment = self.metadata.iter().find(|(key, _)| *key == ALIGNMENT_KEY);
        match alignment.map(|&(_, value)| value) {
            None => Ok(DEFAULT_ALIGNMENT.into()),
            Some(Value::U32(bytes)) if bytes.is_power_of_two() => Ok(bytes.into()),
            Some(Value::U32(bytes)) => Err(WriteError::Alignment { found: bytes.to_string() }),
            Some(other) => Err(WriteError::Alignment { found: other.value_type().to_string() }),
        }
    }

    fn header_len(&self) -> io::Result<u64> {
        // offsets have a fixed width, so any will do
        let nowhere = ByteRange::whole(Bytes(0));
        let place = |&Planned { name, dims, ggml_type, .. }| Tensor { name, dims, ggml_type, data: nowhere };
        let tensors: Vec<_> = self.tensors.iter().map(place).collect();
        let mut out = Counted { inner: io::sink(), written: 0 };
        self.write_header(&mut out, &tensors)?;
        Ok(out.written)
    }

    fn write_header(&self, out: &mut impl Write, tensors: &[Tensor<'_>]) -> io::Result<()> {
        write_start(out, self.version, tensors.len(), self.metadata.len())?;
        for (key, value) in &self.metadata {
            write_entry(out, key, value)?;
        }
        let data_start = tensors.first().map_or(FileOffset(0), |tensor| tensor.data.start);
        for tensor in tensors {
            write_tensor(out, tensor, tensor.data.start - data_start)?;
        }
        Ok(())
    }
}

/// What a file begins with.
pub(crate) fn write_start(
    out: &mut impl Write,
    version: Version,
    tensors: usize,
    entries: usize,
) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.write_all(&version.number().to_le_bytes())?;
    out.write_all(&(tensors as u64).to_le_bytes())?;
    out.write_all(&(entries as u64).to_le_bytes())
}

/// A key-value pair of the metadata.
pub(crate) fn write_entry(out: &mut impl Write, key: &str, value: &Value<'_>) -> io::Result<()> {
    write_string(out, key.as_bytes())?;
    out.write_all(&(value.value_type() as u32).to_le_bytes())?;
    value.write(out)
}

/// The header's description of a tensor that lies `relative` behind the start of the tensor data.
pub(crate) fn write_tensor(out: &mut impl Write, tensor: &Tensor<'_>, relative: Bytes) -> io::Result<()> {
    write_string(out, tensor.name.as_bytes())?;
    out.write_all(&(tensor.dims.as_slice().len() as u32).to_le_bytes())?;
    for dim in tensor.dims.as_slice() {
        out.write_all(&dim.to_le_bytes())?;
    }
    out.write_all(&tensor.ggml_type.number().to_le_bytes())?;
    out.write_all(&relative.0.to_le_bytes())
}

fn tensor_error(name: &str, source: Problem) -> WriteError {
    WriteError::Tensor { name: name.to_owned(), source }
}

/// Counts what passes through.
struct Counted<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Counted<W> {
    fn pad_to(&mut self, alignment: u64) -> io::Result<()> {
        let zeros = self.written.next_multiple_of(alignment) - self.written;
        io::copy(&mut io::Read::take(io::repeat(0), zeros), self).map(drop)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
