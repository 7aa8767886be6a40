//! Rows of weights from numbers to blocks and back, by ggml's own code.

use super::sys;

/// Whether ggml quantizes to that type only under weights.
pub fn needs_weights(ggml_type: u32) -> bool {
    // SAFETY: answers for any number.
    unsafe { sys::ggml_quantize_requires_imatrix(ggml_type as sys::ggml_type) }
}

/// Turns blocks into numbers; `None` for a type that ggml can't read.
///
/// # Panics
/// When `blocks` and `numbers` don't hold the same elements.
pub fn dequantize(ggml_type: u32, blocks: &[u8], numbers: &mut [f32]) -> Option<()> {
    let count = i64::try_from(numbers.len()).ok()?;
    // SAFETY: `ggml_type` is one of ggml's, whose traits are static.
    let traits = unsafe { sys::ggml_get_type_traits(ggml_type as sys::ggml_type).as_ref() }?;
    let read = traits.to_float?;
    assert!(numbers.len().is_multiple_of(traits.blck_size as usize), "whole blocks");
    assert_eq!(numbers.len() / traits.blck_size as usize * traits.type_size, blocks.len());
    // SAFETY: it reads `blocks` and writes `numbers`, which hold the same elements.
    unsafe { read(blocks.as_ptr().cast(), numbers.as_mut_ptr(), count) };
    Some(())
}

/// Turns rows of `row` numbers into blocks, under `weights` for the columns if there are any.
///
/// # Panics
/// When rows, weights or blocks have another length than type and row ask for, or when weights are missing that the
/// type [needs](needs_weights): ggml would end the process.
pub fn quantize(ggml_type: u32, numbers: &[f32], row: usize, weights: Option<&[f32]>, blocks: &mut [u8]) {
    let kind = ggml_type as sys::ggml_type;
    let rows = numbers.len() / row;
    // SAFETY: answers for all of ggml's types.
    let row_bytes = unsafe { sys::ggml_row_size(kind, row as i64) };
    assert_eq!(numbers.len(), rows * row, "whole rows");
    assert_eq!(blocks.len(), rows * row_bytes, "room for each row");
    assert!(weights.is_some() || !needs_weights(ggml_type), "the caller has asked");
    assert!(weights.is_none_or(|weights| weights.len() == row), "a weight a column");
    let weights = weights.map_or(std::ptr::null(), <[f32]>::as_ptr);
    // SAFETY: as asserted: it reads `numbers` and `weights` and writes `blocks`, each as long as it takes them to be. Its
    // tables are made under a lock.
    let written = unsafe {
        let to = blocks.as_mut_ptr().cast();
        sys::ggml_quantize_chunk(kind, numbers.as_ptr(), to, 0, rows as i64, row as i64, weights)
    };
    assert_eq!(written, blocks.len(), "ggml writes what it says that it writes");
}
