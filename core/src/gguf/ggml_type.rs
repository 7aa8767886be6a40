//! The types of tensors: how many elements share a block, and a block's bytes.

use super::{Dims, Problem};
use crate::unit::Bytes;

/// How a tensor's elements are stored; all types of ggml 0.26 that files hold, under ggml's names and numbers.
#[allow(non_camel_case_types, reason = "the names that ggml and everyone who quantizes uses")]
#[allow(
    missing_docs,
    reason = "ggml's names; `block_elements` and `block_bytes` say what each means for a file"
)]
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::FromRepr,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(ascii_case_insensitive)]
#[repr(u32)]
pub enum GgmlType {
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    IQ1_M = 29,
    BF16 = 30,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
    NVFP4 = 40,
    Q1_0 = 41,
    Q2_0 = 42,
}

impl GgmlType {
    /// The type of that number in a file.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::from_repr(number)
    }

    /// The number that stands for the type in a file.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// How many elements of a row share a block: 1 for plain numbers.
    pub const fn block_elements(self) -> u64 {
        self.block().0
    }

    /// The bytes of a block.
    pub const fn block_bytes(self) -> Bytes {
        Bytes(self.block().1)
    }

    /// Bits a weight, what its block's scales take included.
    pub fn bits_per_weight(self) -> f64 {
        self.block_bytes().0 as f64 * 8.0 / self.block_elements() as f64
    }

    /// The bytes of a tensor of that shape.
    ///
    /// # Errors
    /// Rows that don't fill whole blocks; a size above 2^64 - 1 bytes.
    pub fn tensor_bytes(self, dims: Dims) -> Result<Bytes, Problem> {
        let (elements, bytes) = self.block();
        if !dims.row().is_multiple_of(elements) {
            return Err(Problem::RowLength { dims, ggml_type: self });
        }
        let blocks = dims.elements() / elements;
        blocks.checked_mul(bytes).map(Bytes).ok_or(Problem::TooManyBytes { dims, ggml_type: self })
    }

    /// (elements, bytes) of a block: `sizeof` of ggml's `block_*` structures.
    const fn block(self) -> (u64, u64) {
        match self {
            Self::I8 => (1, 1),
            Self::F16 | Self::BF16 | Self::I16 => (1, 2),
            Self::F32 | Self::I32 => (1, 4),
            Self::F64 | Self::I64 => (1, 8),
            Self::MXFP4 => (32, 17),
            Self::Q4_0 | Self::IQ4_NL => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q8_1 => (32, 36),
            Self::Q2_0 => (64, 18),
            Self::NVFP4 => (64, 36),
            Self::Q1_0 => (128, 18),
            Self::IQ1_S => (256, 50),
            Self::TQ1_0 => (256, 54),
            Self::IQ1_M => (256, 56),
            Self::IQ2_XXS | Self::TQ2_0 => (256, 66),
            Self::IQ2_XS => (256, 74),
            Self::IQ2_S => (256, 82),
            Self::Q2_K => (256, 84),
            Self::IQ3_XXS => (256, 98),
            Self::Q3_K | Self::IQ3_S => (256, 110),
            Self::IQ4_XS => (256, 136),
            Self::Q4_K => (256, 144),
            Self::Q5_K => (256, 176),
            Self::Q6_K => (256, 210),
            Self::Q8_K => (256, 292),
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for &ggml_type in GgmlType::VARIANTS {
            assert_eq!(GgmlType::from_number(ggml_type.number()), Some(ggml_type));
            assert_eq!(ggml_type.to_string().parse(), Ok(ggml_type));
        }
        assert_eq!("q4_k".parse(), Ok(GgmlType::Q4_K));
        assert_eq!(GgmlType::Q4_K.to_string(), "Q4_K");
        assert_eq!(GgmlType::from_number(4), None, "removed from ggml");
        assert_eq!(GgmlType::from_number(43), None, "not yet made");
    }

    #[test]
    fn sizes_count_whole_blocks() {
        let dims = |ne: &[u64]| Dims::new(ne).unwrap();
        assert_eq!(GgmlType::Q4_K.tensor_bytes(dims(&[512, 3])), Ok(Bytes(2 * 144 * 3)));
        assert_eq!(GgmlType::F32.tensor_bytes(dims(&[])), Ok(Bytes(4)), "a scalar");
        assert_eq!(GgmlType::F32.tensor_bytes(dims(&[7, 0])), Ok(Bytes(0)));
        let error = GgmlType::Q4_K.tensor_bytes(dims(&[576, 2])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "found [576, 2] of type Q4_K, expected rows of a multiple of 256 elements"
        );
        assert!(GgmlType::F64.tensor_bytes(dims(&[1 << 62])).is_err(), "2^65 bytes");
    }
}
