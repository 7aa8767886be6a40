//! Root-mean-square norms.

use rayon::prelude::*;

use super::{dot, wide};
use crate::matrix::Matrix;

/// Stretches that a thread takes at once.
const STRETCHES: usize = 16;

/// A norm: its weight, one an element, and what keeps it from dividing by zero. Gemma's (1 + w) is stored as it is used.
#[derive(Clone, Debug)]
pub struct Norm {
    /// One an element of what is normed: a row, or a head of a row.
    pub weight: Vec<f32>,
    /// Added to the mean square.
    pub epsilon: f32,
}

/// y = x · r · w with r = 1 / √(mean x² + ε), over stretches as long as the weight.
pub fn norm(x: &Matrix, norm: &Norm) -> Matrix {
    let mut y = x.clone();
    y.data.par_chunks_exact_mut(norm.weight.len()).with_min_len(STRETCHES).for_each(|stretch| {
        wide(|| {
            let r = inverse_root(stretch, norm.epsilon);
            stretch.iter_mut().zip(&norm.weight).for_each(|(value, weight)| *value *= r * weight);
        });
    });
    y
}

/// What `delta` at the output of [`norm`] is at its input:
///
/// ```text
/// dx = r · (w∘dy) − x · r³/n · Σ (w∘dy∘x)
/// ```
pub fn norm_back(x: &Matrix, norm: &Norm, delta: &Matrix) -> Matrix {
    let len = norm.weight.len();
    let mut back = delta.clone();
    let stretches = back.data.par_chunks_exact_mut(len).zip(x.data.par_chunks_exact(len));
    stretches.with_min_len(STRETCHES).for_each(|(dy, x)| {
        wide(|| {
            let r = inverse_root(x, norm.epsilon);
            dy.iter_mut().zip(&norm.weight).for_each(|(delta, weight)| *delta *= weight);
            let pull = dot(dy, x) * r * r * r / len as f32;
            dy.iter_mut().zip(x).for_each(|(delta, x)| *delta = *delta * r - x * pull);
        });
    });
    back
}

#[inline(always)]
fn inverse_root(x: &[f32], epsilon: f32) -> f32 {
    (dot(x, x) / x.len() as f32 + epsilon).sqrt().recip()
}
