//! Squared gradients of some rows of a matrix, summed over what was seen.

use std::ops::Range;

use faer::{Accum, Par};
use rayon::prelude::*;

use crate::matrix::{Matrix, Part, evenly};
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
        Input { x, squares: squared_samples(x, |_| 1.0) }
    }

    /// Σ over all tokens of x², a column each; empty where there are no inputs.
    pub fn sums(inputs: &[Input<'_>]) -> Vec<f64> {
        let mut sums = vec![0.0; inputs.first().map_or(0, |input| input.x.cols)];
        inputs.iter().for_each(|input| input.x.add_squares(&mut sums));
        sums
    }
}

/// The gradient of the sum of negative log likelihoods at a matrix's outputs: δᵀ, a row an output. So the products of some
/// outputs read memory in order.
pub struct Output {
    delta: Matrix,
    /// Of the tokens that stand for all, times what each stands for.
    squares: Matrix,
}

impl Output {
    /// Of δ, a row a token.
    pub fn new(delta: Matrix) -> Self {
        let squares = squared_samples(&delta, |count| count as f32);
        Output { delta: delta.transposed(), squares: squares.transposed() }
    }
}

/// What a sequence tells of a matrix W.
#[derive(Default)]
pub struct Seen<'s> {
    /// Where W was applied.
    pub applied: Option<(&'s Output, &'s Input<'s>)>,
    /// Gradients of single rows that came another way.
    pub picked: Vec<(usize, &'s [f32])>,
}

/// Sums over sequences and tokens for some rows of W:
///
/// ```text
/// by_sequence = Σ over sequences of (Σ over tokens of δ·xᵀ)²  =  Σ (∂NLL/∂W)²
/// by_token    = Σ over tokens of (δ·xᵀ)²  =  (δ²)ᵀ·(x²), by some of the tokens
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fisher {
    /// A sequence's gradients are summed before they are squared.
    pub by_sequence: Matrix,
    /// Each token's gradient is squared by itself. The first token of a sequence, which is unlike the others, stands for
    /// itself, one of each [`STRETCH`] behind it for all of these: still far more samples than there are sequences.
    pub by_token: Matrix,
    /// Σ of `by_sequence`.
    pub trace: f64,
    /// Σ of `by_token`, a column each.
    pub columns: Vec<f64>,
}

/// Tokens that one stands for.
const STRETCH: usize = 4;
/// Rows and columns that are summed together: a processor's cache holds their sums while sequences go by.
const TILE: [usize; 2] = [384, 240];

impl Fisher {
    /// Makes this the sums for these rows, of `cols` elements each; its memory is used again. Threads take rows of their
    /// own, so that none waits for another.
    pub fn set(&mut self, rows: &Range<usize>, cols: usize, seen: &[Seen<'_>]) {
        let Fisher { by_sequence, by_token, .. } = self;
        for sums in [&mut *by_sequence, &mut *by_token] {
            sums.resize(rows.len(), cols);
        }
        let of_block = evenly(rows.len(), TILE[0], rayon::current_num_threads());
        let blocks = by_sequence.data.par_chunks_mut(of_block * cols);
        let blocks = blocks.zip(by_token.data.par_chunks_mut(of_block * cols)).enumerate();
        let whole = cols;
        let totals = blocks.map_init(Matrix::default, |gradient, (index, (by_sequence, by_token))| {
            let first = rows.start + index * of_block;
            let block = first..first + by_token.len() / cols;
            let [mut traces, mut columns] = [(); 2].map(|()| vec![0.0; cols]);
            for first in (0..cols).step_by(TILE[1]) {
                let cols = first..cols.min(first + TILE[1]);
                let mut tile = Tile {
                    by_sequence: Part::new(by_sequence, whole, &cols),
                    by_token: Part::new(by_token, whole, &cols),
                };
                tile.set(&block, &cols, seen, gradient);
                tile.by_sequence.add_columns_to(&mut traces[cols.clone()]);
                tile.by_token.add_columns_to(&mut columns[cols]);
            }
            (traces.iter().sum(), columns)
        });
        // In order: a sum mustn't depend on which thread was first.
        let totals: Vec<(f64, Vec<f64>)> = totals.collect();
        self.trace = totals.iter().map(|(trace, _)| trace).sum();
        self.columns.clear();
        self.columns.resize(cols, 0.0);
        for (_, columns) in &totals {
            self.columns.iter_mut().zip(columns).for_each(|(sum, more)| *sum += more);
        }
    }
}

/// Sums of some rows and columns.
struct Tile<'t> {
    by_sequence: Part<'t>,
    by_token: Part<'t>,
}

impl Tile<'_> {
    /// Makes this the sums over `all`; `gradient` is room.
    fn set(&mut self, rows: &Range<usize>, cols: &Range<usize>, all: &[Seen<'_>], gradient: &mut Matrix) {
        let Tile { by_sequence, by_token } = self;
        gradient.resize(rows.len(), cols.len());
        // What is first is put where it belongs, the others are added to it.
        let mut accum = Accum::Replace;
        for seen in all {
            let mut picked = seen.picked.iter().filter(|(row, _)| rows.contains(row)).peekable();
            match seen.applied {
                Some((output, input)) => {
                    gradient.set_product(output.delta.rows_in(rows), input.x.columns_in(cols), Par::Seq);
                    by_token.multiply(accum, output.squares.rows_in(rows), input.squares.columns_in(cols));
                }
                None if picked.peek().is_none() => continue,
                None => {
                    gradient.data.fill(0.0);
                    if accum == Accum::Replace {
                        by_token.clear();
                    }
                }
            }
            for (row, part) in picked {
                let (row, part) = (row - rows.start, &part[cols.clone()]);
                gradient.row_mut(row).iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
                by_token.row_mut(row).iter_mut().zip(part).for_each(|(sum, part)| *sum += part * part);
            }
            for (sums, gradient) in by_sequence.rows_mut().zip(gradient.data.chunks_exact(cols.len())) {
                let sums = sums.iter_mut().zip(gradient);
                wide(|| match accum {
                    Accum::Replace => sums.for_each(|(sum, gradient)| *sum = gradient * gradient),
                    Accum::Add => sums.for_each(|(sum, gradient)| *sum += gradient * gradient),
                });
            }
            accum = Accum::Add;
        }
        if accum == Accum::Replace {
            by_sequence.clear();
            by_token.clear();
        }
    }
}

/// Squares of the tokens that stand for all, `times` what each stands for.
fn squared_samples(of: &Matrix, times: fn(usize) -> f32) -> Matrix {
    let tokens = of.rows();
    let behind = (1..tokens).step_by(STRETCH).map(|first| (first, STRETCH.min(tokens - first)));
    let tokens: Vec<(usize, usize)> = [(0, 1)].into_iter().chain(behind).collect();
    let mut squares = Matrix::zeros(tokens.len(), of.cols);
    squares.data.par_chunks_exact_mut(of.cols).zip(tokens).for_each(|(row, (token, count))| {
        row.iter_mut().zip(of.row(token)).for_each(|(square, x)| *square = x * x * times(count));
    });
    squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_for_all_tokens() {
        let ones = |tokens: usize| Matrix { cols: 1, data: vec![1.0; tokens] };
        for tokens in 1..=12 {
            let squares = squared_samples(&ones(tokens), |count| count as f32);
            assert_eq!(squares.data.iter().sum::<f32>(), tokens as f32);
        }
        let tokens = Matrix { cols: 2, data: (0..12).map(|x| x as f32).collect() };
        let squares = Output::new(tokens).squares;
        assert_eq!(squares.data, [0.0, 4.0 * 4.0, 100.0, 1.0, 4.0 * 9.0, 121.0]);
    }

    /// Where all tokens are alike, some of them tell of all.
    #[test]
    fn by_token_is_what_each_token_is_squared() {
        let (output, input) = (
            Matrix { cols: 3, data: [1.0, 2.0, 3.0].repeat(7) },
            Matrix { cols: 2, data: [5.0, 7.0].repeat(7) },
        );
        let (output, input) = (Output::new(output), Input::new(&input));
        let seen = [Seen { applied: Some((&output, &input)), picked: vec![(2, &[1.0, 1.0])] }];
        let mut fisher = Fisher::default();
        fisher.set(&(1..3), 2, &seen);
        assert_eq!(fisher.by_token.data, [7.0 * 100.0, 7.0 * 196.0, 7.0 * 225.0 + 1.0, 7.0 * 441.0 + 1.0]);
        let by_sequence = [70.0, 98.0, 106.0, 148.0f32].map(|gradient| gradient * gradient);
        assert_eq!(fisher.by_sequence.data, by_sequence);
        assert_eq!(fisher.trace, f64::from(by_sequence.iter().sum::<f32>()));
        assert_eq!(fisher.columns, [7.0 * 325.0 + 1.0, 7.0 * 637.0 + 1.0]);
    }

    /// More rows and columns than a tile has, two sequences, and a row that was picked besides.
    #[test]
    fn tiles_hold_parts_of_one_sum() {
        let wave = |rows: usize, cols: usize, by: f32| Matrix {
            cols,
            data: (0..rows * cols).map(|index| (index as f32 * by).sin()).collect(),
        };
        let (rows, cols, tokens) = (2 * TILE[0] + 5, TILE[1] + 7, 9);
        let sequences = [0.3, 0.7].map(|by| (wave(tokens, rows, by), wave(tokens, cols, by + 0.1)));
        let outputs = sequences.clone().map(|(delta, _)| Output::new(delta));
        let inputs = sequences.each_ref().map(|(_, x)| Input::new(x));
        let (first, picked) = (3, vec![2.0; cols]);
        let mut seen =
            [0, 1].map(|index| Seen { applied: Some((&outputs[index], &inputs[index])), picked: vec![] });
        seen[1].picked.push((first + TILE[0], &picked));
        // What was there before leaves nothing behind.
        let mut fisher =
            Fisher { by_sequence: wave(9, 9, 0.1), by_token: wave(900, 900, 0.1), ..Fisher::default() };
        fisher.set(&(first..rows), cols, &seen);
        assert_eq!([fisher.by_sequence.rows(), fisher.by_token.rows()], [rows - first; 2]);
        for (row, col) in
            [(first, 0), (first + TILE[0], TILE[1]), (first + 1, TILE[1] - 1), (rows - 1, cols - 1)]
        {
            let [mut by_sequence, mut by_token] = [0.0; 2];
            for (index, (delta, x)) in sequences.iter().enumerate() {
                let of_token = |token: usize| f64::from(delta.row(token)[row] * x.row(token)[col]);
                let picked = if index == 1 && row == first + TILE[0] { 2.0 } else { 0.0 };
                by_sequence += ((0..tokens).map(of_token).sum::<f64>() + picked).powi(2);
                let samples =
                    [(0, 1.0), (1, 4.0), (5, 4.0)].map(|(token, count)| count * of_token(token).powi(2));
                by_token += samples.iter().sum::<f64>() + picked * picked;
            }
            let found =
                [&fisher.by_sequence, &fisher.by_token].map(|sums| f64::from(sums.row(row - first)[col]));
            assert!((found[0] - by_sequence).abs() < 1e-4, "{row}, {col}: {found:?}, not {by_sequence}");
            assert!((found[1] - by_token).abs() < 1e-4, "{row}, {col}: {found:?}, not {by_token}");
        }
        let sum = |sums: &Matrix| sums.data.iter().map(|sum| f64::from(*sum)).sum::<f64>();
        assert!((fisher.trace / sum(&fisher.by_sequence) - 1.0).abs() < 1e-9);
        assert!((fisher.columns.iter().sum::<f64>() / sum(&fisher.by_token) - 1.0).abs() < 1e-9);
    }
}
