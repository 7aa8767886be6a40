//! The types of tensors, and the bits of an element.

use super::Problem;
use crate::unit::Bytes;

/// How a tensor's elements are stored; all types of safetensors 0.8, under its names.
#[allow(non_camel_case_types, reason = "the names that files spell")]
#[allow(missing_docs, reason = "the format's names; `bits` says what each means for a file")]
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
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum Dtype {
    BOOL,
    F4,
    F6_E2M3,
    F6_E3M2,
    U8,
    I8,
    F8_E5M2,
    F8_E4M3,
    F8_E8M0,
    F8_E4M3FNUZ,
    F8_E5M2FNUZ,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
}

impl Dtype {
    /// The bits of an element.
    pub const fn bits(self) -> u64 {
        match self {
            Self::F4 => 4,
            Self::F6_E2M3 | Self::F6_E3M2 => 6,
            Self::BOOL | Self::U8 | Self::I8 => 8,
            Self::F8_E5M2 | Self::F8_E4M3 | Self::F8_E8M0 | Self::F8_E4M3FNUZ | Self::F8_E5M2FNUZ => 8,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 16,
            Self::I32 | Self::U32 | Self::F32 => 32,
            Self::C64 | Self::F64 | Self::I64 | Self::U64 => 64,
        }
    }

    /// The bytes of a tensor of that shape.
    ///
    /// # Errors
    /// More bits than can be counted, or a number of bits that fills no whole bytes.
    pub fn tensor_bytes(self, shape: &[u64]) -> Result<Bytes, Problem> {
        let bits = match shape.contains(&0) {
            true => Some(0),
            false => shape.iter().try_fold(self.bits(), |bits, &dim| bits.checked_mul(dim)),
        };
        match bits {
            Some(bits) if bits.is_multiple_of(8) => Ok(Bytes(bits / 8)),
            Some(bits) => Err(Problem::PartOfAByte { bits }),
            None => Err(Problem::TooManyBytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_from_type_and_shape() {
        assert_eq!(Dtype::BF16.tensor_bytes(&[3, 5]), Ok(Bytes(30)));
        assert_eq!(Dtype::F32.tensor_bytes(&[]), Ok(Bytes(4)), "a scalar");
        assert_eq!(Dtype::F4.tensor_bytes(&[2, 3]), Ok(Bytes(3)));
        assert_eq!(Dtype::F6_E2M3.tensor_bytes(&[3]), Err(Problem::PartOfAByte { bits: 18 }));
        assert_eq!(Dtype::U8.tensor_bytes(&[1 << 32, 1 << 32]), Err(Problem::TooManyBytes));
        assert_eq!(
            Dtype::U8.tensor_bytes(&[u64::MAX, u64::MAX, 0]),
            Ok(Bytes(0)),
            "none, whatever the others are"
        );
    }
}
