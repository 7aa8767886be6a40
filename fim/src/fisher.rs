//! Squared gradients of some rows of a matrix, summed over what was seen.

use std::ops::Range;

use faer::Par;
use rayon::prelude::*;

use crate::matrix::Matrix;
use crate::ops::wide;

/// What came into a matrix of a sequence: x, a row a token.
pub struct Input<'x> {
    x: &'x Matrix,
    /// Of the tokens that stand for all.
    squares: Matrix,
}

impl<'x> Input<'x> {
    /// Squares what is needed, once for all rows of the matrix.
    pub fn new(x: &'x Matrix) -> Self {
        Input { x, squares: squared_samples(x, &(0..x.cols), |_| 1.0) }
    }

    /// Σ over all tokens of x², a column each; empty where there are no inputs.
    pub fn sums(inputs: &[Input<'_>]) -> Vec<f64> {
        let mut sums = vec![0.0; inputs.first().map_or(0, |input| input.x.cols)];
        inputs.iter().for_each(|input| input.x.add_squares(&mut sums));
        sums
    }
}

/// What a sequence tells of a matrix W.
#[derive(Default)]
pub struct Seen<'s> {
    /// Where W was applied: δ, the gradient of the sum of negative log likelihoods at the outputs, a row a token, and the
    /// inputs.
    pub applied: Option<(&'s Matrix, &'s Input<'s>)>,
    /// Gradients of single rows that came another way.
    pub picked: Vec<(usize, &'s [f32])>,
}

/// Sums over sequences and tokens for some rows of W:
///
/// ```text
/// by_sequence = Σ over sequences of (Σ over tokens of δ·xᵀ)²  =  Σ (∂NLL/∂W)²
/// by_token    = Σ over tokens of (δ·xᵀ)²  =  (δ²)ᵀ·(x²), by some of the tokens
/// ```
#[derive(Clone, Debug)]
pub struct Fisher {
    /// A sequence's gradients are summed before they are squared.
    pub by_sequence: Matrix,
    /// Each token's gradient is squared by itself. The first token of a sequence, which is unlike the others, stands for
    /// itself, one of each [`STRETCH`] behind it for all of these: still far more samples than there are sequences.
    pub by_token: Matrix,
}

/// Tokens that one stands for.
const STRETCH: usize = 4;

impl Fisher {
    /// Of these rows, of `cols` elements each. Threads take rows of their own, so that none waits for another.
    pub fn of(rows: &Range<usize>, cols: usize, seen: &[Seen<'_>]) -> Fisher {
        let zeros = || Matrix::zeros(rows.len(), cols);
        let mut fisher = Fisher { by_sequence: zeros(), by_token: zeros() };
        let of_thread = rows.len().div_ceil(rayon::current_num_threads()).max(1);
        for seen in seen {
            let sums = fisher.by_sequence.data.par_chunks_mut(of_thread * cols);
            let sums = sums.zip(fisher.by_token.data.par_chunks_mut(of_thread * cols)).enumerate();
            sums.for_each_init(Matrix::default, |gradient, (index, (by_sequence, by_token))| {
                let first = rows.start + index * of_thread;
                let part = first..first + by_token.len() / cols;
                seen.add(&part, gradient, by_sequence, by_token);
            });
        }
        fisher
    }
}

impl Seen<'_> {
    /// Adds what this tells of `rows`; `gradient` is room.
    fn add(&self, rows: &Range<usize>, gradient: &mut Matrix, by_sequence: &mut [f32], by_token: &mut [f32]) {
        let cols = by_token.len() / rows.len();
        let mut picked = self.picked.iter().filter(|(row, _)| rows.contains(row)).peekable();
        gradient.cols = cols;
        gradient.data.resize(by_token.len(), 0.0);
        match self.applied {
            Some((delta, input)) => {
                gradient.set_gradient(delta, rows, input.x, Par::Seq);
                squared_samples(delta, rows, |count| count as f32).add_gradient_to(&input.squares, by_token);
            }
            None if picked.peek().is_none() => return,
            None => gradient.data.fill(0.0),
        }
        for (row, part) in picked {
            let row = row - rows.start;
            gradient.row_mut(row).iter_mut().zip(*part).for_each(|(sum, part)| *sum += part);
            by_token[row * cols..].iter_mut().zip(*part).for_each(|(sum, part)| *sum += part * part);
        }
        let squares = by_sequence.iter_mut().zip(&gradient.data);
        wide(|| squares.for_each(|(sum, gradient)| *sum += gradient * gradient));
    }
}

/// Squares in some columns of the tokens that stand for all, `times` what each stands for.
fn squared_samples(of: &Matrix, cols: &Range<usize>, times: fn(usize) -> f32) -> Matrix {
    let tokens = of.rows();
    let behind = (1..tokens).step_by(STRETCH).map(|first| (first, STRETCH.min(tokens - first)));
    let mut squares =
        Matrix { cols: cols.len(), data: Vec::with_capacity((tokens / STRETCH + 2) * cols.len()) };
    for (token, count) in [(0, 1)].into_iter().chain(behind) {
        let row = of.row(token)[cols.clone()].iter();
        squares.data.extend(row.map(|x| x * x * times(count)));
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_for_all_tokens() {
        let ones = |tokens: usize| Matrix { cols: 1, data: vec![1.0; tokens] };
        for tokens in 1..=12 {
            let squares = squared_samples(&ones(tokens), &(0..1), |count| count as f32);
            assert_eq!(squares.data.iter().sum::<f32>(), tokens as f32);
        }
        let tokens = Matrix { cols: 2, data: (0..12).map(|x| x as f32).collect() };
        let squares = squared_samples(&tokens, &(1..2), |count| count as f32);
        assert_eq!(squares.data, [1.0, 4.0 * 9.0, 121.0]);
    }

    /// Where all tokens are alike, some of them tell of all.
    #[test]
    fn by_token_is_what_each_token_is_squared() {
        let (delta, input) = (
            Matrix { cols: 3, data: [1.0, 2.0, 3.0].repeat(7) },
            Matrix { cols: 2, data: [5.0, 7.0].repeat(7) },
        );
        let input = Input::new(&input);
        let seen = [Seen { applied: Some((&delta, &input)), picked: vec![(2, &[1.0, 1.0])] }];
        let fisher = Fisher::of(&(1..3), 2, &seen);
        assert_eq!(fisher.by_token.data, [7.0 * 100.0, 7.0 * 196.0, 7.0 * 225.0 + 1.0, 7.0 * 441.0 + 1.0]);
        let by_sequence = [70.0, 98.0, 106.0, 148.0f32].map(|gradient| gradient * gradient);
        assert_eq!(fisher.by_sequence.data, by_sequence);
    }
}
