//! Exponentials, many at a time.

use std::f32::consts::LOG2_E;

/// e^x to 2e-7 of itself, without a branch or a call, so that a loop of it takes several numbers at once; what is below
/// −87 or above 88 counts as these. By halving: e^x = 2^n · e^r, |r| ≤ ln 2 / 2 (Cephes, expf).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2^23: what is added to it is rounded to a whole number in its last bits
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4]; // whose sum has more digits than one of them
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r
        + 1.666_666_5e-1)
        * r
        + 0.5;
    (p * r * r + r + 1.0) * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_double_precision() {
        for step in 0..=17_500_u32 {
            let x = step as f32 / 100.0 - 87.0;
            let expected = f64::from(x).exp();
            let off = (f64::from(exp(x)) / expected - 1.0).abs();
            assert!(off < 4e-7, "e^{x} is off by {off:e}");
        }
        assert!(exp(f32::NAN).is_nan() && exp(-1e9) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
    }
}
