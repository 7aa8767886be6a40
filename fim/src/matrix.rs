//! Matrices of single precision, row by row in memory, and their products.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::ops::wide;

/// Columns that the kernels take at once, or a part of them.
const KERNEL: usize = 32;

/// A matrix: as many rows as there are tokens, or outputs of a linear map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// The elements of a row.
    pub cols: usize,
    /// All of them, row by row.
    pub data: Vec<f32>,
}

impl Matrix {
    /// Zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Matrix { cols, data: vec![0.0; rows * cols] }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.cols).unwrap_or(0)
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.cols..][..self.cols]
    }

    /// One row, to be written.
    pub fn row_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.data[index * self.cols..][..self.cols]
    }

    /// The columns from `first` on, `cols` of them: one head of several.
    pub fn part(&self, first: usize, cols: usize) -> Matrix {
        let mut part = Matrix { cols, data: Vec::with_capacity(self.rows() * cols) };
        for row in self.data.chunks_exact(self.cols) {
            part.data.extend_from_slice(&row[first..][..cols]);
        }
        part
    }

    /// Adds `part` to the columns from `first` on.
    pub fn add_part(&mut self, first: usize, part: &Matrix) {
        for (row, added) in self.data.chunks_exact_mut(self.cols).zip(part.data.chunks_exact(part.cols)) {
            row[first..].iter_mut().zip(added).for_each(|(sum, more)| *sum += more);
        }
    }

    /// Adds another of the same shape.
    pub fn add(&mut self, other: &Matrix) {
        self.data.iter_mut().zip(&other.data).for_each(|(sum, more)| *sum += more);
    }

    fn view(&self) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(&self.data, self.rows(), self.cols)
    }

    fn view_mut(&mut self) -> MatMut<'_, f32> {
        let rows = self.rows();
        MatMut::from_row_major_slice_mut(&mut self.data, rows, self.cols)
    }

    /// x · Wᵀ: what a linear map with a row of `weight` for each output makes of each row.
    pub fn times_transposed(&self, weight: &Matrix, par: Par) -> Matrix {
        let mut product = Matrix::zeros(self.rows(), weight.rows());
        multiply(product.view_mut(), Accum::Replace, self.view(), weight.view().transpose(), par);
        product
    }

    /// δ · W: the same map backwards.
    pub fn times(&self, weight: &Matrix, par: Par) -> Matrix {
        let mut product = Matrix::zeros(self.rows(), weight.cols);
        multiply(product.view_mut(), Accum::Replace, self.view(), weight.view(), par);
        product
    }

    /// Adds δ · W.
    pub fn add_product(&mut self, delta: &Matrix, weight: &Matrix, par: Par) {
        multiply(self.view_mut(), Accum::Add, delta.view(), weight.view(), par);
    }

    /// Makes this δᵀ · x, summed over rows, for the outputs that are asked for: the gradient of a linear map's weight.
    pub fn set_gradient(&mut self, delta: &Matrix, outputs: &Range<usize>, input: &Matrix, par: Par) {
        let delta = delta.view().subcols(outputs.start, outputs.len());
        multiply(self.view_mut(), Accum::Replace, delta.transpose(), input.view(), par);
    }

    /// Adds δᵀ · x to `sums`, δ being this.
    pub fn add_gradient_to(&self, input: &Matrix, sums: &mut [f32]) {
        let sums = MatMut::from_row_major_slice_mut(sums, self.cols, input.cols);
        multiply(sums, Accum::Add, self.view().transpose(), input.view(), Par::Seq);
    }

    /// Adds the rows to `sums`, a column each.
    pub fn add_columns(&self, sums: &mut [f64]) {
        self.add_each(sums, f64::from);
    }

    /// Adds the squares of the rows to `sums`, a column each.
    pub fn add_squares(&self, sums: &mut [f64]) {
        self.add_each(sums, |x| f64::from(x * x));
    }

    /// In order: the sum mustn't depend on which thread was first.
    fn add_each(&self, sums: &mut [f64], of: impl Fn(f32) -> f64 + Sync) {
        let of_rows = |rows: &[f32]| {
            let mut sums = vec![0.0; self.cols];
            wide(|| {
                for row in rows.chunks_exact(self.cols) {
                    sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += of(*x));
                }
            });
            sums
        };
        let parts: Vec<Vec<f64>> = self.data.par_chunks(64 * self.cols).map(of_rows).collect();
        parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, more)| *sum += more));
    }
}

/// Threads take columns of their own: faer's wait for each other within a product.
fn multiply(product: MatMut<'_, f32>, accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, par: Par) {
    let of_thread = product.ncols().div_ceil(2 * par.degree()).next_multiple_of(KERNEL);
    if par.degree() == 1 || of_thread >= product.ncols() {
        return matmul(product, accum, a, b, 1.0, Par::Seq);
    }
    let parts = product.par_col_chunks_mut(of_thread).zip(b.par_col_chunks(of_thread));
    parts.for_each(|(product, b)| matmul(product, accum, a, b, 1.0, Par::Seq));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(rows: usize, cols: usize, by: f32) -> Matrix {
        Matrix { cols, data: (0..rows * cols).map(|index| (index as f32 * by).sin()).collect() }
    }

    /// Row by row in double precision.
    fn plain(rows: usize, cols: usize, inner: usize, at: impl Fn(usize, usize, usize) -> f32) -> Vec<f64> {
        let sum = |i, j| (0..inner).map(|k| f64::from(at(i, j, k))).sum();
        (0..rows * cols).map(|index| sum(index / cols, index % cols)).collect()
    }

    fn assert_close(found: &Matrix, expected: &[f64]) {
        let off = found.data.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(found.data.len() == expected.len() && off < 1e-4, "off by {off}");
    }

    #[test]
    fn products_are_those_of_the_textbook() {
        let (x, w, d) = (wave(5, 37, 0.3), wave(19, 37, 0.7), wave(5, 19, 1.1));
        let par = Par::rayon(2);
        assert_close(&x.times_transposed(&w, par), &plain(5, 19, 37, |i, j, k| x.row(i)[k] * w.row(j)[k]));
        let back = plain(5, 37, 19, |i, j, k| d.row(i)[k] * w.row(k)[j]);
        assert_close(&d.times(&w, par), &back);
        let mut sum = d.times(&w, par);
        sum.add_product(&d, &w, par);
        assert_close(&sum, &back.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
        let gradient = plain(19, 37, 5, |i, j, k| d.row(k)[i] * x.row(k)[j]);
        let mut found = wave(19, 37, 0.1);
        found.set_gradient(&d, &(0..19), &x, par);
        assert_close(&found, &gradient);
        let mut part = Matrix::zeros(2, 37);
        part.set_gradient(&d, &(3..5), &x, par);
        assert_close(&part, &gradient[3 * 37..5 * 37]);
        d.add_gradient_to(&x, &mut found.data);
        assert_close(&found, &gradient.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
    }

    #[test]
    fn parts_go_out_and_come_back() {
        let whole = wave(3, 8, 0.4);
        let mut back = Matrix::zeros(3, 8);
        back.add_part(0, &whole.part(0, 6));
        back.add_part(6, &whole.part(6, 2));
        assert_eq!(back, whole);
    }
}
