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
    let len = norm.weight.len();
    let mut y = Matrix::zeros(x.rows(), x.cols);
    let stretches = y.data.par_chunks_exact_mut(len).zip(x.data.par_chunks_exact(len));
    stretches.with_min_len(STRETCHES).for_each(|(y, x)| {
        wide(|| {
            let r = inverse_root(x, norm.epsilon);
            y.iter_mut().zip(x.iter().zip(&norm.weight)).for_each(|(y, (x, weight))| *y = x * r * weight);
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
    let mut back = Matrix::zeros(delta.rows(), delta.cols);
    let inputs = delta.data.par_chunks_exact(len).zip(x.data.par_chunks_exact(len));
    let stretches = back.data.par_chunks_exact_mut(len).zip(inputs);
    stretches.with_min_len(STRETCHES).for_each(|(back, (dy, x))| {
        wide(|| {
            let r = inverse_root(x, norm.epsilon);
            back.iter_mut()
                .zip(dy.iter().zip(&norm.weight))
                .for_each(|(w_dy, (dy, weight))| *w_dy = dy * weight);
            let pull = dot(back, x) * r * r * r / len as f32;
            back.iter_mut().zip(x).for_each(|(w_dy, x)| *w_dy = *w_dy * r - x * pull);
        });
    });
    back
}

#[inline(always)]
fn inverse_root(x: &[f32], epsilon: f32) -> f32 {
    (dot(x, x) / x.len() as f32 + epsilon).sqrt().recip()
}
