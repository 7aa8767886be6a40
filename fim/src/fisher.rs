//! Squared gradients of some rows of a matrix, summed over what was seen.

use std::ops::Range;

use faer::Par;
use rayon::prelude::*;

use crate::matrix::Matrix;

/// What a sequence tells of a matrix W.
#[derive(Default)]
pub struct Seen<'s> {
    /// Where W was applied: δ, the gradient of the sum of negative log likelihoods at the outputs, and x, the inputs, a row
    /// a token each.
    pub applied: Option<(&'s Matrix, &'s Matrix)>,
    /// Gradients of single rows that came another way.
    pub picked: Vec<(usize, &'s [f32])>,
}

/// Sums over sequences and tokens for some rows of W:
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
    /// Σ over tokens of x², a column each; zeros where none were seen.
    pub inputs: Vec<f64>,
}

impl Fisher {
    /// Of these rows, of `cols` elements each. Threads take rows of their own, so that none waits for another.
    pub fn of(rows: &Range<usize>, cols: usize, seen: &[Seen<'_>]) -> Fisher {
        let zeros = || Matrix::zeros(rows.len(), cols);
        let mut fisher = Fisher { by_sequence: zeros(), by_token: zeros(), inputs: vec![0.0; cols] };
        let of_thread = rows.len().div_ceil(2 * rayon::current_num_threads()).clamp(1, 128);
        for seen in seen {
            let squares = seen.applied.map(|(_, input)| input.squared());
            squares.iter().for_each(|squares| squares.add_columns(&mut fisher.inputs));
            let sums = fisher.by_sequence.data.par_chunks_mut(of_thread * cols);
            let sums = sums.zip(fisher.by_token.data.par_chunks_mut(of_thread * cols)).enumerate();
            sums.for_each_init(Matrix::default, |gradient, (index, (by_sequence, by_token))| {
                let first = rows.start + index * of_thread;
                let part = first..first + by_token.len() / cols;
                seen.add(part, squares.as_ref(), gradient, by_sequence, by_token);
            });
        }
        fisher
    }
}

impl Seen<'_> {
    /// Adds what this tells of `rows`; `squares` are those of the inputs, `gradient` is room.
    fn add(
        &self,
        rows: Range<usize>,
        squares: Option<&Matrix>,
        gradient: &mut Matrix,
        by_sequence: &mut [f32],
        by_token: &mut [f32],
    ) {
        let cols = by_token.len() / rows.len();
        gradient.cols = cols;
        gradient.data.resize(by_token.len(), 0.0);
        match self.applied.zip(squares) {
            Some(((delta, input), squares)) => {
                let delta = delta.part(rows.start, rows.len());
                gradient.set_gradient(&delta, input, Par::Seq);
                delta.squared().add_gradient_to(squares, by_token);
            }
            None => gradient.data.fill(0.0),
        }
        for (row, part) in self.picked.iter().filter(|(row, _)| rows.contains(row)) {
            let row = row - rows.start;
            gradient.row_mut(row).iter_mut().zip(*part).for_each(|(sum, part)| *sum += part);
            by_token[row * cols..].iter_mut().zip(*part).for_each(|(sum, part)| *sum += part * part);
        }
        by_sequence.iter_mut().zip(&gradient.data).for_each(|(sum, gradient)| *sum += gradient * gradient);
    }
}
