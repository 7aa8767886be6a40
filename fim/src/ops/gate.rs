//! The gate of a feed-forward network: h = act(g) ∘ u.

use rayon::prelude::*;

use super::{exp, wide};
use crate::matrix::Matrix;

/// Elements that a thread takes at once.
const STRETCH: usize = 1 << 14;

/// How a gate opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// g · σ(g).
    Silu,
    /// Gelu by the tangent: g/2 · (1 + tanh(√(2/π) · (g + 0.044715 g³))).
    GeluTanh,
}

impl Activation {
    /// act(g) ∘ u.
    pub fn gate(self, gate: &Matrix, up: &Matrix) -> Matrix {
        let mut gated = Matrix::zeros(gate.rows(), gate.cols);
        let inputs = gate.data.par_chunks(STRETCH).zip(up.data.par_chunks(STRETCH));
        gated.data.par_chunks_mut(STRETCH).zip(inputs).for_each(|(gated, (gate, up))| {
            let inputs = gate.iter().zip(up);
            wide(|| gated.iter_mut().zip(inputs).for_each(|(h, (g, u))| *h = self.value_slope(*g).0 * u));
        });
        gated
    }

    /// Puts what `delta` at the output of [`Self::gate`] is at `gate` and at `up` in their places.
    pub fn gate_back(self, gate: &mut [f32], up: &mut [f32], delta: &[f32]) {
        let inputs = gate.par_chunks_mut(STRETCH).zip(up.par_chunks_mut(STRETCH));
        inputs.zip(delta.par_chunks(STRETCH)).for_each(|((gate, up), delta)| {
            wide(|| {
                for ((g, u), delta) in gate.iter_mut().zip(up).zip(delta) {
                    let (value, slope) = self.value_slope(*g);
                    (*g, *u) = (delta * *u * slope, delta * value);
                }
            });
        });
    }

    #[inline(always)]
    fn value_slope(self, g: f32) -> (f32, f32) {
        match self {
            Activation::Silu => {
                let open = 1.0 / (1.0 + exp(-g));
                (g * open, open * (1.0 + g * (1.0 - open)))
            }
            Activation::GeluTanh => {
                const ROOT: f32 = 0.797_884_6; // √(2/π)
                const CUBE: f32 = 0.044_715;
                let tanh = 1.0 - 2.0 / (1.0 + exp(2.0 * ROOT * (g + CUBE * g * g * g)));
                let inner = ROOT * (1.0 + 3.0 * CUBE * g * g);
                (0.5 * g * (1.0 + tanh), 0.5 * (1.0 + tanh) + 0.5 * g * (1.0 - tanh * tanh) * inner)
            }
        }
    }
}
