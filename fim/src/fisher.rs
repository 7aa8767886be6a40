//! Squared gradients of a linear map, summed over what was seen.

use faer::Par;
use rayon::prelude::*;

use crate::matrix::Matrix;

/// Sums over sequences and tokens for one matrix W, with δ the gradient of the sum of negative log likelihoods at the
/// outputs and x the inputs of each token:
///
/// ```text
/// by_sequence = Σ over sequences of (Σ over tokens of δ·xᵀ)²  =  Σ (∂NLL/∂W)²
/// by_token    = Σ over tokens of (δ·xᵀ)²  =  (δ²)ᵀ·(x²)
/// ```
#[derive(Clone, Debug)]
pub struct Fisher {
    /// A sequence's gradients are summed before they are squared.
    pub by_sequence: Matrix,
    /// Each token's gradient is squared by itself: one matrix product, no pass a sequence.
    pub by_token: Matrix,
    /// Σ over tokens of x², a column each; zeros where no inputs were seen.
    pub inputs: Vec<f64>,
}

impl Fisher {
    /// Nothing seen of a matrix of that size.
    pub fn new(outputs: usize, inputs: usize) -> Self {
        let zeros = || Matrix::zeros(outputs, inputs);
        Fisher { by_sequence: zeros(), by_token: zeros(), inputs: vec![0.0; inputs] }
    }

    /// Takes in a sequence: δ and x of the map, if it was applied, and gradients of single rows that came another way.
    /// `gradient` is room for the gradient of the matrix.
    pub fn add<'r>(
        &mut self,
        applied: Option<(&Matrix, &Matrix)>,
        rows: impl Iterator<Item = (usize, &'r [f32])>,
        gradient: &mut Matrix,
        par: Par,
    ) {
        gradient.cols = self.by_token.cols;
        gradient.data.resize(self.by_token.data.len(), 0.0);
        match applied {
            Some((delta, input)) => {
                gradient.set_gradient(delta, input, par);
                let squares = input.squared();
                self.by_token.add_gradient(&delta.squared(), &squares, par);
                for row in squares.data.chunks_exact(squares.cols) {
                    self.inputs.iter_mut().zip(row).for_each(|(sum, square)| *sum += f64::from(*square));
                }
            }
            None => gradient.data.fill(0.0),
        }
        for (row, part) in rows {
            gradient.row_mut(row).iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            self.by_token.row_mut(row).iter_mut().zip(part).for_each(|(sum, part)| *sum += part * part);
        }
        self.close_sequence(gradient);
    }

    fn close_sequence(&mut self, gradient: &Matrix) {
        let sums = self.by_sequence.data.par_chunks_mut(1 << 14);
        sums.zip(gradient.data.par_chunks(1 << 14)).for_each(|(sums, gradients)| {
            sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += gradient * gradient);
        });
    }

    /// Σ over weights of `by_sequence`.
    pub fn trace(&self) -> f64 {
        self.by_sequence.data.iter().map(|&square| f64::from(square)).sum()
    }

    /// Σ over rows of `by_token`, a column each.
    pub fn columns(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.by_token.cols];
        for row in self.by_token.data.chunks_exact(self.by_token.cols) {
            sums.iter_mut().zip(row).for_each(|(sum, square)| *sum += f64::from(*square));
        }
        sums
    }
}
