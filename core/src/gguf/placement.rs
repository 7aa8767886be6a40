//! From offsets in the tensor data to ranges of the file: all inside it, none sharing a byte with another.

use super::error::{Error, Problem, Subject};
use super::tensor::{Declared, Tensor};
use crate::unit::{ByteRange, Bytes, FileOffset};

/// Gives each tensor its range of the file, in the order of the header. That offsets are aligned was checked when
/// they were read.
pub(super) fn place<'a>(
    declared: Vec<Declared<'a>>,
    data_offset: FileOffset,
    file_len: Bytes,
) -> Result<Vec<Tensor<'a>>, Error> {
    check_complete(&declared, data_offset, file_len)?;
    check_disjoint(&declared)?;
    let place = |tensor: Declared<'a>| Tensor {
        name: tensor.name,
        dims: tensor.dims,
        ggml_type: tensor.ggml_type,
        data: ByteRange { start: data_offset + Bytes(tensor.relative), len: tensor.len },
    };
    Ok(declared.into_iter().map(place).collect())
}

/// Where a tensor ends, from the start of the tensor data; what is too large to be counted lies outside every file.
fn end(tensor: &Declared<'_>) -> u64 {
    tensor.relative.saturating_add(tensor.len.0)
}

/// Names the first tensor of the file that is not all there, and how much the file lacks for its last.
fn check_complete(declared: &[Declared<'_>], data_offset: FileOffset, file_len: Bytes) -> Result<(), Error> {
    let missing = |tensor| data_offset.0.saturating_add(end(tensor)).saturating_sub(file_len.0);
    let incomplete = (0..declared.len()).filter(|&index| missing(&declared[index]) > 0);
    let Some(first) = incomplete.min_by_key(|&index| declared[index].relative) else { return Ok(()) };
    let missing = Bytes(declared.iter().map(missing).max().unwrap_or_default());
    Err(error(declared, first, Problem::DataMissing { missing }))
}

/// Sorted by where they begin, tensors that overlap anywhere overlap a neighbour. Empty ones share no byte.
fn check_disjoint(declared: &[Declared<'_>]) -> Result<(), Error> {
    let mut order: Vec<usize> = (0..declared.len()).filter(|&index| declared[index].len.0 > 0).collect();
    order.sort_unstable_by_key(|&index| (declared[index].relative, index));
    for pair in order.windows(2) {
        let (before, after) = (&declared[pair[0]], &declared[pair[1]]);
        let shared = end(before).min(end(after)).saturating_sub(after.relative);
        if shared > 0 {
            return Err(error(declared, pair[1], Problem::Overlap { other: pair[0], shared: Bytes(shared) }));
        }
    }
    Ok(())
}

fn error(declared: &[Declared<'_>], index: usize, problem: Problem) -> Error {
    let tensor = &declared[index];
    let subject = Subject::tensor(index, tensor.name);
    Error { offset: tensor.relative_at, subject, field: "offset", problem }
}
