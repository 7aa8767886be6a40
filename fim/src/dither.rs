//! Noise within the cells of a quantization. A weight that lies on the grid of the type that it is to be rounded to has
//! no error, and one on a similar grid too small a one. Uniform noise of half a step to each side brings back errors as
//! an original's would be.

use std::ops::Range;

use packbench_core::gguf::GgmlType;
use packbench_core::random::Random;
use packbench_engine::rows;

/// Where in a block the quants lie, and how many steps apart the dequantized values of all-zero and all-one bits are.
/// What is left of the block are scales and offsets.
fn quants(ggml_type: GgmlType) -> Option<(Range<usize>, f32)> {
    Some(match ggml_type {
        GgmlType::Q4_0 => (2..18, 15.0),
        GgmlType::Q4_1 => (4..20, 15.0),
        GgmlType::Q5_0 => (2..22, 31.0),
        GgmlType::Q5_1 => (4..24, 31.0),
        GgmlType::Q8_0 => (2..34, 1.0), // 0 and −1
        GgmlType::Q2_K => (16..80, 3.0),
        GgmlType::Q3_K => (0..96, 7.0),
        GgmlType::Q4_K => (16..144, 15.0),
        GgmlType::Q5_K => (16..176, 31.0),
        GgmlType::Q6_K => (0..192, 63.0),
        _ => return None,
    })
}

/// Whether [`dither`] knows the cells of that type.
pub fn is_known(ggml_type: GgmlType) -> bool {
    quants(ggml_type).is_some()
}

/// Adds noise to `numbers`, which `blocks` of that type came to. The steps are learnt from ggml itself: by what it makes
/// of the same scales with the least and the largest quants.
pub fn dither(ggml_type: GgmlType, blocks: &[u8], numbers: &mut [f32], random: &mut Random) {
    let Some((place, steps)) = quants(ggml_type) else { return };
    let filled = |with: u8| {
        let mut blocks = blocks.to_vec();
        for block in blocks.chunks_exact_mut(ggml_type.block_bytes().0 as usize) {
            block[place.clone()].fill(with);
        }
        let mut values = vec![0.0; numbers.len()];
        rows::dequantize(ggml_type, &blocks, &mut values).ok().map(|()| values)
    };
    let (Some(low), Some(high)) = (filled(0), filled(0xff)) else { return };
    for ((number, low), high) in numbers.iter_mut().zip(low).zip(high) {
        let step = (high - low).abs() / steps;
        *number += step * (uniform(random) - 0.5);
    }
}

/// In 0 to 1, with 24 bits.
pub fn uniform(random: &mut Random) -> f32 {
    (random.next_u64() >> 40) as f32 / (1u64 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [GgmlType; 10] = [
        GgmlType::Q4_0,
        GgmlType::Q4_1,
        GgmlType::Q5_0,
        GgmlType::Q5_1,
        GgmlType::Q8_0,
        GgmlType::Q2_K,
        GgmlType::Q3_K,
        GgmlType::Q4_K,
        GgmlType::Q5_K,
        GgmlType::Q6_K,
    ];

    /// Two blocks of that type, and what they come to.
    fn sample(ggml_type: GgmlType) -> (Vec<u8>, Vec<f32>) {
        let numbers: Vec<f32> =
            (0..4096).map(|index| (index as f32 * 0.7).sin() * (1.0 + index as f32 / 999.0)).collect();
        let mut blocks = vec![0; rows::bytes(ggml_type, 16, 256).unwrap().0 as usize];
        rows::quantize(ggml_type, &numbers, 256, None, &mut blocks).unwrap();
        let mut back = vec![0.0; 4096];
        rows::dequantize(ggml_type, &blocks, &mut back).unwrap();
        (blocks, back)
    }

    /// The smallest distance between two values of 16 neighbours, which all types give one scale, is at least a step:
    /// noise that is too large would reach beyond half of it, noise that is too small never near it.
    #[test]
    fn noise_fills_cells_and_stays_in_them() {
        for ggml_type in KNOWN {
            let (blocks, clean) = sample(ggml_type);
            let mut noisy = clean.clone();
            dither(ggml_type, &blocks, &mut noisy, &mut Random::new(1));
            let mut most = 0.0f32;
            for (clean, noisy) in clean.chunks(16).zip(noisy.chunks(16)) {
                let mut sorted = clean.to_vec();
                sorted.sort_by(f32::total_cmp);
                let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap| gap > 1e-6);
                let step = gaps.fold(f32::MAX, f32::min);
                let off = clean.iter().zip(noisy).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                most = most.max(off / step);
                assert!(off <= 0.5 * step * 1.01, "{ggml_type}: {off} of {step}");
            }
            assert!(most > 0.45, "{ggml_type}: {most}");
        }
    }

    #[test]
    fn a_type_with_an_uneven_grid_is_left_as_it_is() {
        assert!(!is_known(GgmlType::IQ4_NL) && !is_known(GgmlType::F16));
        assert!(KNOWN.into_iter().all(is_known));
    }
}
