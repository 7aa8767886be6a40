//! From offsets in the tensor data to ranges of the file: as long as type and shape say, side by side, up to the end.

use super::header::Declared;
use super::{Dtype, Error, Problem, Tensor};
use crate::gguf::{Subject, excerpt};
use crate::unit::{ByteRange, Bytes, FileOffset};

/// Gives each tensor its range of the file, in the order of the header.
pub(super) fn place<'a>(
    declared: Vec<Declared<'a>>,
    data_offset: FileOffset,
    file_len: Bytes,
) -> Result<Vec<Tensor<'a>>, Error> {
    let data_len = Bytes(file_len.0 - data_offset.0);
    let mut tensors = Vec::new();
    for (index, declared) in declared.into_iter().enumerate() {
        tensors.push(tensor(index, declared, data_offset, data_len)?);
    }
    check_cover(&tensors, data_offset, file_len)?;
    Ok(tensors)
}

fn tensor<'a>(
    index: usize,
    declared: Declared<'a>,
    data_offset: FileOffset,
    data_len: Bytes,
) -> Result<Tensor<'a>, Error> {
    let Declared { name, fields } = declared;
    let error = |field, problem| error(index, &name, field, problem);
    let unknown = |_| Problem::UnknownDtype { found: excerpt(fields.dtype.as_bytes()) };
    let dtype: Dtype = fields.dtype.parse().map_err(unknown).map_err(|problem| error("dtype", problem))?;
    let expected = dtype.tensor_bytes(&fields.shape).map_err(|problem| error("shape", problem))?;
    let (begin, end) = fields.data_offsets;
    let problem = match end.checked_sub(begin).map(Bytes) {
        None => Problem::Reversed { begin, end },
        Some(found) if found != expected => Problem::Length { found, expected },
        Some(_) if end > data_len.0 => Problem::DataMissing { missing: Bytes(end - data_len.0) },
        Some(len) => {
            let data = ByteRange { start: data_offset + Bytes(begin), len };
            return Ok(Tensor { name, shape: fields.shape, dtype, data });
        }
    };
    Err(error("data_offsets", problem))
}

/// Sorted by where they lie, tensors that cover the data touch their neighbours.
fn check_cover(tensors: &[Tensor<'_>], data_offset: FileOffset, file_len: Bytes) -> Result<(), Error> {
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_unstable_by_key(|&index| (tensors[index].data.start, tensors[index].data.len, index));
    let (mut covered, mut before) = (data_offset, None);
    for index in order {
        let Tensor { name, data, .. } = &tensors[index];
        let problem = match (data.start.0.checked_sub(covered.0), before) {
            (Some(0), _) => None,
            (Some(bytes), _) => Some(Problem::Gap { bytes: Bytes(bytes) }),
            (None, None) => None,
            (None, Some(other)) => {
                let shared = covered.min(data.end()) - data.start;
                Some(Problem::Overlap { other: excerpt(tensors_name(tensors, other)), shared })
            }
        };
        if let Some(problem) = problem {
            return Err(error(index, name, "data_offsets", problem));
        }
        (covered, before) = (data.end(), Some(index));
    }
    match file_len.0 - covered.0 {
        0 => Ok(()),
        bytes => {
            let problem = Problem::Trailing { bytes: Bytes(bytes) };
            Err(Error { offset: Some(covered), subject: Subject::Header, field: "data_offsets", problem })
        }
    }
}

fn tensors_name<'a>(tensors: &'a [Tensor<'_>], index: usize) -> &'a [u8] {
    tensors[index].name.as_bytes()
}

fn error(index: usize, name: &str, field: &'static str, problem: Problem) -> Error {
    Error { offset: None, subject: Subject::tensor(index, name), field, problem }
}
