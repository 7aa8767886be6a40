//! Rows of weights from numbers to blocks and back, by ggml's own code: what is priced is what a file will hold.

use half::f16;
use half::slice::HalfFloatSliceExt;
use packbench_core::gguf::GgmlType;
use packbench_core::unit::Bytes;

use crate::ffi;

/// Why rows can't be turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Rows that don't fill whole blocks, or a length that is no multiple of a row.
    #[error("{elements} elements don't make whole rows of {row} of type {ggml_type}")]
    Shape {
        /// How many elements there are.
        elements: usize,
        /// The elements of a row.
        row: usize,
        /// The type.
        ggml_type: GgmlType,
    },
    /// Another number of bytes than elements and type ask for.
    #[error("{found} bytes of type {ggml_type}, expected {expected}")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
        /// The type.
        ggml_type: GgmlType,
    },
    /// The type takes weights for the columns, and there are none, or not one a column.
    #[error("type {ggml_type} takes a weight for each of the {row} columns")]
    Weights {
        /// The type.
        ggml_type: GgmlType,
        /// The elements of a row.
        row: usize,
    },
    /// ggml can't read or write the type.
    #[error("the engine can't turn rows of type {0}")]
    Type(GgmlType),
}

/// Whether the engine quantizes to `ggml_type` only under weights for the columns.
pub fn needs_weights(ggml_type: GgmlType) -> bool {
    ffi::needs_weights(ggml_type.number())
}

/// The exact bytes of `rows` rows of `row` elements.
///
/// # Errors
/// [`RowError::Shape`] when a row doesn't fill whole blocks.
pub fn bytes(ggml_type: GgmlType, rows: usize, row: usize) -> Result<Bytes, RowError> {
    let elements = rows.saturating_mul(row);
    let per_block = ggml_type.block_elements() as usize;
    match row > 0 && row.is_multiple_of(per_block) {
        true => Ok(Bytes((elements / per_block) as u64 * ggml_type.block_bytes().0)),
        false => Err(RowError::Shape { elements, row, ggml_type }),
    }
}

/// Reads whole blocks into numbers.
///
/// # Errors
/// [`RowError::Type`], [`RowError::Shape`], [`RowError::Length`].
pub fn dequantize(ggml_type: GgmlType, blocks: &[u8], numbers: &mut [f32]) -> Result<(), RowError> {
    if numbers.is_empty() && blocks.is_empty() {
        return Ok(());
    }
    check_length(blocks.len(), bytes(ggml_type, 1, numbers.len())?, ggml_type)?;
    if ggml_type == GgmlType::F32 {
        let (words, _) = blocks.as_chunks();
        numbers.iter_mut().zip(words).for_each(|(number, word)| *number = f32::from_le_bytes(*word));
        return Ok(());
    }
    if ggml_type == GgmlType::F16 {
        widen(blocks, numbers);
        return Ok(());
    }
    ffi::dequantize(ggml_type.number(), blocks, numbers).ok_or(RowError::Type(ggml_type))
}

/// Many at a time where the processor does: ggml's own takes one after the other.
fn widen(blocks: &[u8], numbers: &mut [f32]) {
    const STRETCH: usize = 512;
    let mut halves = [f16::ZERO; STRETCH];
    for (blocks, numbers) in blocks.chunks(2 * STRETCH).zip(numbers.chunks_mut(STRETCH)) {
        let (words, _) = blocks.as_chunks();
        halves.iter_mut().zip(words).for_each(|(half, word)| *half = f16::from_le_bytes(*word));
        halves[..numbers.len()].convert_to_f32_slice(numbers);
    }
}

/// Writes rows of `row` numbers into blocks, under `weights` for the columns if there are any.
///
/// # Errors
/// All of [`RowError`].
pub fn quantize(
    ggml_type: GgmlType,
    numbers: &[f32],
    row: usize,
    weights: Option<&[f32]>,
    blocks: &mut [u8],
) -> Result<(), RowError> {
    let rows = numbers.len().checked_div(row).unwrap_or(0);
    let expected = bytes(ggml_type, rows, row)?;
    if rows * row != numbers.len() {
        return Err(RowError::Shape { elements: numbers.len(), row, ggml_type });
    }
    check_length(blocks.len(), expected, ggml_type)?;
    check_written(ggml_type, row, weights)?;
    ffi::quantize(ggml_type.number(), numbers, row, weights, blocks);
    Ok(())
}

/// What ggml would end the process of when rows of `row` elements are to be written.
///
/// # Errors
/// [`RowError::Weights`], [`RowError::Type`].
pub fn check_written(ggml_type: GgmlType, row: usize, weights: Option<&[f32]>) -> Result<(), RowError> {
    match weights {
        _ if !is_written(ggml_type) => Err(RowError::Type(ggml_type)),
        None if needs_weights(ggml_type) => Err(RowError::Weights { ggml_type, row }),
        Some(weights) if weights.len() != row => Err(RowError::Weights { ggml_type, row }),
        _ => Ok(()),
    }
}

fn check_length(found: usize, expected: Bytes, ggml_type: GgmlType) -> Result<(), RowError> {
    let expected = expected.0 as usize;
    if found == expected { Ok(()) } else { Err(RowError::Length { found, expected, ggml_type }) }
}

/// The types that `ggml_quantize_chunk` knows; on others it ends the process.
pub fn is_written(ggml_type: GgmlType) -> bool {
    use GgmlType::*;
    !matches!(ggml_type, Q8_1 | Q8_K | I8 | I16 | I32 | I64 | F64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(elements: usize) -> Vec<f32> {
        (0..elements).map(|index| (index as f32 * 0.7).sin() / (1.0 + (index % 5) as f32)).collect()
    }

    #[test]
    fn half_precision_is_read_as_ggml_reads_it() {
        let blocks: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let (mut found, mut expected) = (vec![0.0; 1 << 16], vec![0.0; 1 << 16]);
        dequantize(GgmlType::F16, &blocks, &mut found).unwrap();
        ffi::dequantize(GgmlType::F16.number(), &blocks, &mut expected).unwrap();
        let differs = |(a, b): &(&f32, &f32)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan());
        assert_eq!(found.iter().zip(&expected).find(differs), None);
    }

    /// The mean squared error of two rows through `ggml_type` and back.
    fn error_of(ggml_type: GgmlType) -> f64 {
        let numbers = wave(512);
        let mut blocks = vec![0; bytes(ggml_type, 2, 256).unwrap().0 as usize];
        quantize(ggml_type, &numbers, 256, Some(&[1.0; 256]), &mut blocks).unwrap();
        let mut back = vec![0.0; 512];
        dequantize(ggml_type, &blocks, &mut back).unwrap();
        let squares = numbers.iter().zip(&back).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>() / 512.0
    }

    #[test]
    fn more_bits_come_back_closer() {
        use GgmlType::*;
        assert_eq!(error_of(F32), 0.0);
        let errors = [F16, Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K].map(error_of);
        assert!(errors.is_sorted(), "{errors:?}");
        assert!(errors[6] < 0.02, "{errors:?}");
    }

    #[test]
    fn what_ggml_would_die_of_is_refused() {
        let (numbers, mut blocks) = (wave(576), vec![0; 1000]);
        let error = quantize(GgmlType::Q4_K, &numbers, 576, None, &mut blocks).unwrap_err();
        assert_eq!(error.to_string(), "576 elements don't make whole rows of 576 of type Q4_K");
        let error = quantize(GgmlType::IQ2_XS, &numbers[..256], 256, None, &mut [0; 74]).unwrap_err();
        assert_eq!(error.to_string(), "type IQ2_XS takes a weight for each of the 256 columns");
        let error = quantize(GgmlType::Q8_K, &numbers[..256], 256, None, &mut [0; 292]).unwrap_err();
        assert_eq!(error, RowError::Type(GgmlType::Q8_K));
        let error = dequantize(GgmlType::Q8_0, &[0; 33], &mut [0.0; 32]).unwrap_err();
        assert_eq!(error, RowError::Length { found: 33, expected: 34, ggml_type: GgmlType::Q8_0 });
        assert_eq!(dequantize(GgmlType::I64, &[0; 8], &mut [0.0]), Err(RowError::Type(GgmlType::I64)));
    }
}
