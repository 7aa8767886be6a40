//! Tensors as the header describes them.

use std::fmt;

use super::cursor::Cursor;
use super::error::{Error, Problem, Subject};
use super::{GgmlType, first_repeat};
use crate::unit::{ByteRange, Bytes, FileOffset};

const MOST_DIMS: usize = 4;

/// A tensor of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Unique in its file, such as `blk.0.attn_q.weight`.
    pub name: &'a str,
    /// The shape.
    pub dims: Dims,
    /// How the elements are stored.
    pub ggml_type: GgmlType,
    /// Where the data lie, from the start of the file; padding is not counted.
    pub data: ByteRange,
}

/// The shape of a tensor: at most four dimensions, ggml's `ne`, the fastest-running (the length of a row) first.
/// Without any it is a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dims {
    ne: [u64; MOST_DIMS],
    rank: u8,
}

impl Dims {
    /// A shape.
    ///
    /// # Errors
    /// More than four dimensions; more elements than ggml's 63 bits count, zeros left out of the product.
    pub fn new(dims: &[u64]) -> Result<Self, Problem> {
        let mut ne = [1; MOST_DIMS];
        let Some(used) = ne.get_mut(..dims.len()) else {
            return Err(Problem::Rank { found: u32::try_from(dims.len()).unwrap_or(u32::MAX) });
        };
        used.copy_from_slice(dims);
        let product = dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim.max(1)));
        match product {
            Some(product) if i64::try_from(product).is_ok() => Ok(Dims { ne, rank: dims.len() as u8 }),
            _ => Err(Problem::TooManyElements),
        }
    }

    /// The dimensions as the file lists them.
    pub fn as_slice(&self) -> &[u64] {
        &self.ne[..usize::from(self.rank)]
    }

    /// The elements of a row.
    pub const fn row(&self) -> u64 {
        self.ne[0]
    }

    /// The elements of the tensor.
    pub fn elements(&self) -> u64 {
        self.ne.iter().product()
    }
}

impl fmt::Debug for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A tensor while it is not yet known where the tensor data begin.
#[derive(Debug)]
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Dims,
    pub(super) ggml_type: GgmlType,
    pub(super) len: Bytes,
    /// From the start of the tensor data.
    pub(super) relative: u64,
    /// Where the header says `relative`.
    pub(super) relative_at: FileOffset,
    /// Where the header begins to describe the tensor: its name.
    at: FileOffset,
}

impl<'a> Declared<'a> {
    /// An empty name (8 bytes of length), a rank of 0, a type, an offset.
    pub(super) const SMALLEST: usize = 8 + 4 + 4 + 8;

    fn read(cursor: &mut Cursor<'a>, index: usize, alignment: Bytes) -> Result<Self, Error> {
        let at = cursor.offset();
        let name = cursor.text("name").map_err(|error| error.about(Subject::tensor(index, "")))?;
        Self::read_named(cursor, at, name, alignment)
            .map_err(|error| error.about(Subject::tensor(index, name)))
    }

    fn read_named(
        cursor: &mut Cursor<'a>,
        at: FileOffset,
        name: &'a str,
        alignment: Bytes,
    ) -> Result<Self, Error> {
        let dims = read_dims(cursor)?;
        let type_at = cursor.clone();
        let found = cursor.u32("type")?;
        let ggml_type = GgmlType::from_number(found)
            .ok_or_else(|| type_at.error("type", Problem::UnknownTensorType { found }))?;
        let len = ggml_type.tensor_bytes(dims).map_err(|problem| type_at.error("type", problem))?;
        let relative_at = cursor.clone();
        let relative = cursor.u64("offset")?;
        if !relative.is_multiple_of(alignment.0) {
            return Err(relative_at.error("offset", Problem::Misaligned { found: relative, alignment }));
        }
        Ok(Declared { name, dims, ggml_type, len, relative, relative_at: relative_at.offset(), at })
    }
}

fn read_dims(cursor: &mut Cursor<'_>) -> Result<Dims, Error> {
    let at = cursor.clone();
    let rank = cursor.u32("rank")?;
    let mut ne = [0; MOST_DIMS];
    let Some(dims) = usize::try_from(rank).ok().and_then(|rank| ne.get_mut(..rank)) else {
        return Err(at.error("rank", Problem::Rank { found: rank }));
    };
    for dim in dims.iter_mut() {
        *dim = cursor.u64("dimension")?;
    }
    Dims::new(dims).map_err(|problem| at.error("dimensions", problem))
}

/// The descriptions of all tensors.
pub(super) fn read_all<'a>(
    cursor: &mut Cursor<'a>,
    count: usize,
    alignment: Bytes,
) -> Result<Vec<Declared<'a>>, Error> {
    let mut declared = Vec::new();
    for index in 0..count {
        declared.push(Declared::read(cursor, index, alignment)?);
    }
    match first_repeat(&declared, |tensor| tensor.name) {
        Some((earlier, later)) => Err(Error {
            offset: declared[later].at,
            subject: Subject::tensor(later, declared[later].name),
            field: "name",
            problem: Problem::Repeated { earlier },
        }),
        None => Ok(declared),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_bounded() {
        assert_eq!(Dims::new(&[576, 49152]).unwrap().elements(), 28_311_552);
        assert_eq!(Dims::new(&[]).unwrap().elements(), 1);
        assert_eq!(Dims::new(&[0, 5]).unwrap().elements(), 0);
        assert_eq!(Dims::new(&[1; 5]), Err(Problem::Rank { found: 5 }));
        assert_eq!(Dims::new(&[1 << 32, 1 << 31]), Err(Problem::TooManyElements));
        assert_eq!(
            Dims::new(&[0, u64::MAX]),
            Err(Problem::TooManyElements),
            "no product may wrap, whatever the order"
        );
    }
}
