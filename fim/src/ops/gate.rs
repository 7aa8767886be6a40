//! The gate of a feed-forward network: h = act(g) ∘ u.

use crate::matrix::Matrix;

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
        let data = gate.data.iter().zip(&up.data).map(|(&g, u)| self.value_slope(g).0 * u).collect();
        Matrix { cols: gate.cols, data }
    }

    /// What `delta` at the output of [`Self::gate`] is at `gate` and at `up`.
    pub fn gate_back(self, gate: &Matrix, up: &Matrix, delta: &Matrix) -> (Matrix, Matrix) {
        let (mut dg, mut du) = (delta.clone(), delta.clone());
        let inputs = gate.data.iter().zip(&up.data);
        for ((dg, du), (&g, u)) in dg.data.iter_mut().zip(&mut du.data).zip(inputs) {
            let (value, slope) = self.value_slope(g);
            (*dg, *du) = (*dg * u * slope, *du * value);
        }
        (dg, du)
    }

    fn value_slope(self, g: f32) -> (f32, f32) {
        match self {
            Activation::Silu => {
                let open = 1.0 / (1.0 + (-g).exp());
                (g * open, open * (1.0 + g * (1.0 - open)))
            }
            Activation::GeluTanh => {
                const ROOT: f32 = 0.797_884_6; // √(2/π)
                const CUBE: f32 = 0.044_715;
                let tanh = (ROOT * (g + CUBE * g * g * g)).tanh();
                let inner = ROOT * (1.0 + 3.0 * CUBE * g * g);
                (0.5 * g * (1.0 + tanh), 0.5 * (1.0 + tanh) + 0.5 * g * (1.0 - tanh * tanh) * inner)
            }
        }
    }
}
