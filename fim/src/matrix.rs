//! Matrices of single precision, row by row in memory, and their products.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};
use packbench_core::os;
use packbench_core::unit::Bytes;
use rayon::prelude::*;

use crate::ops::wide;

/// Columns that the kernels take at once, or a part of them.
const KERNEL: usize = 16;
/// Columns of a product that are computed together: of more of them the processor's caches hold too little.
const WIDTH: usize = 240;
/// Elements, and rows, that a thread takes at once.
const STRETCH: usize = 1 << 14;
const ROWS: usize = 16;
/// Matrices from here on ask for large pages: so it costs little to take their memory anew each time.
pub const LARGE_MATRIX: Bytes = Bytes(4 << 20);

/// A matrix: as many rows as there are tokens, or outputs of a linear map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// The elements of a row.
    pub cols: usize,
    /// All of them, row by row.
    pub data: Vec<f32>,
}

/// A matrix or a part of one, to be multiplied.
pub type View<'m> = MatRef<'m, f32>;

impl Matrix {
    /// Zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        let mut data = vec![0.0; rows * cols];
        if size_of_val(data.as_slice()) as u64 >= LARGE_MATRIX.0 {
            os::prefer_large_pages(&mut data);
        }
        Matrix { cols, data }
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
        let rows = self.data.par_chunks_exact_mut(self.cols).with_min_len(ROWS);
        rows.zip(part.data.par_chunks_exact(part.cols)).for_each(|(row, added)| {
            row[first..].iter_mut().zip(added).for_each(|(sum, more)| *sum += more);
        });
    }

    /// Makes this a matrix of another shape, of any numbers; its memory is used again.
    pub fn resize(&mut self, rows: usize, cols: usize) {
        self.cols = cols;
        self.data.resize(rows * cols, 0.0);
    }

    /// Adds another of the same shape.
    pub fn add(&mut self, other: &Matrix) {
        let parts = self.data.par_chunks_mut(STRETCH).zip(other.data.par_chunks(STRETCH));
        parts.for_each(|(sums, more)| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more));
    }

    /// Adds a row to each.
    pub fn add_to_rows(&mut self, row: &[f32]) {
        let rows = self.data.par_chunks_exact_mut(row.len()).with_min_len(ROWS);
        rows.for_each(|sums| sums.iter_mut().zip(row).for_each(|(sum, more)| *sum += more));
    }

    /// All of it.
    pub fn all(&self) -> View<'_> {
        MatRef::from_row_major_slice(&self.data, self.rows(), self.cols)
    }

    /// Some columns.
    pub fn columns_in(&self, cols: &Range<usize>) -> View<'_> {
        self.all().subcols(cols.start, cols.len())
    }

    /// Some rows.
    pub fn rows_in(&self, rows: &Range<usize>) -> View<'_> {
        self.all().subrows(rows.start, rows.len())
    }

    fn view_mut(&mut self) -> MatMut<'_, f32> {
        let rows = self.rows();
        MatMut::from_row_major_slice_mut(&mut self.data, rows, self.cols)
    }

    /// x · Wᵀ: what a linear map with a row of `weight` for each output makes of each row.
    pub fn times_transposed(&self, weight: &Matrix, par: Par) -> Matrix {
        let mut product = Matrix::zeros(self.rows(), weight.rows());
        product.set_product(self.all(), weight.all().transpose(), par);
        product
    }

    /// δ · W: the same map backwards.
    pub fn times(&self, weight: &Matrix, par: Par) -> Matrix {
        let mut product = Matrix::zeros(self.rows(), weight.cols);
        product.set_product(self.all(), weight.all(), par);
        product
    }

    /// Makes this a · b.
    pub fn set_product(&mut self, a: View<'_>, b: View<'_>, par: Par) {
        multiply(self.view_mut(), Accum::Replace, a, b, par);
    }

    /// Adds a · b.
    pub fn add_product(&mut self, a: View<'_>, b: View<'_>, par: Par) {
        multiply(self.view_mut(), Accum::Add, a, b, par);
    }

    /// Makes this δᵀ · x, summed over rows: the gradient of a linear map's weight.
    pub fn set_gradient(&mut self, delta: &Matrix, input: &Matrix, par: Par) {
        self.set_product(delta.all().transpose(), input.all(), par);
    }

    /// Columns as rows.
    pub fn transposed(&self) -> Matrix {
        let rows = self.rows();
        let mut transposed = Matrix::zeros(self.cols, rows);
        transposed.data.par_chunks_mut(ROWS * rows).enumerate().for_each(|(index, columns)| {
            for (row, data) in self.data.chunks_exact(self.cols).enumerate() {
                let column = columns[row..].iter_mut().step_by(rows);
                column.zip(&data[index * ROWS..]).for_each(|(to, from)| *to = *from);
            }
        });
        transposed
    }

    /// Adds the squares of the rows to `sums`, a column each.
    pub fn add_squares(&self, sums: &mut [f64]) {
        let of_rows = |rows: &[f32]| {
            let mut sums = vec![0.0; self.cols];
            rows.chunks_exact(self.cols).for_each(|row| add_row(&mut sums, row, |x| f64::from(x * x)));
            sums
        };
        // In order: a sum mustn't depend on which thread was first.
        let parts: Vec<Vec<f64>> = self.data.par_chunks(64 * self.cols).map(of_rows).collect();
        parts.iter().for_each(|part| add_row(sums, part, |sum| sum));
    }
}

/// Some columns of rows, to be written.
pub struct Part<'p> {
    rows: &'p mut [f32],
    /// The elements of a whole row.
    whole: usize,
    cols: Range<usize>,
}

impl<'p> Part<'p> {
    /// The columns `cols` of `rows`, each of `whole` elements.
    pub fn new(rows: &'p mut [f32], whole: usize, cols: &Range<usize>) -> Self {
        Part { rows, whole, cols: cols.clone() }
    }

    /// Its rows, in order.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.rows.chunks_exact_mut(self.whole).map(|row| &mut row[self.cols.clone()])
    }

    /// Row `index` of it.
    pub fn row_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.rows[index * self.whole..][self.cols.clone()]
    }

    /// Adds its rows to `sums`, a column each.
    pub fn add_columns_to(&mut self, sums: &mut [f64]) {
        self.rows_mut().for_each(|row| add_row(sums, row, f64::from));
    }

    /// Fills it with zeros.
    pub fn clear(&mut self) {
        self.rows_mut().for_each(|row| row.fill(0.0));
    }

    /// Makes this a · b, or adds it.
    pub fn multiply(&mut self, accum: Accum, a: View<'_>, b: View<'_>) {
        let rows = self.rows.len() / self.whole;
        let all = MatMut::from_row_major_slice_mut(self.rows, rows, self.whole);
        multiply(all.subcols_mut(self.cols.start, self.cols.len()), accum, a, b, Par::Seq);
    }
}

/// Adds what `of` makes of each element.
fn add_row<T: Copy>(sums: &mut [f64], row: &[T], of: impl Fn(T) -> f64) {
    wide(|| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += of(*x)));
}

/// How large parts of `count` are of which each of `threads` gets as many, none larger than `most`.
pub fn evenly(count: usize, most: usize, threads: usize) -> usize {
    let parts = threads * count.div_ceil(threads * most).max(1);
    count.div_ceil(parts).max(1)
}

/// Threads take columns of their own: faer's wait for each other within a product.
fn multiply(mut product: MatMut<'_, f32>, accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, par: Par) {
    let width = evenly(product.ncols(), WIDTH, par.degree()).next_multiple_of(KERNEL);
    let part = |product: MatMut<'_, f32>, b: MatRef<'_, f32>| matmul(product, accum, a, b, 1.0, Par::Seq);
    if par.degree() > 1 {
        let parts = product.par_col_chunks_mut(width).zip(b.par_col_chunks(width));
        return parts.for_each(|(product, b)| part(product, b));
    }
    for first in (0..product.ncols()).step_by(width) {
        let count = width.min(product.ncols() - first);
        part(product.rb_mut().subcols_mut(first, count), b.subcols(first, count));
    }
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
        sum.add_product(d.all(), w.all(), par);
        assert_close(&sum, &back.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
        let gradient = plain(19, 37, 5, |i, j, k| d.row(k)[i] * x.row(k)[j]);
        let mut found = wave(19, 37, 0.1);
        found.set_gradient(&d, &x, par);
        assert_close(&found, &gradient);
        let mut part = Matrix::zeros(2, 30);
        part.set_product(d.transposed().rows_in(&(3..5)), x.columns_in(&(7..37)), par);
        assert_close(&part, &[&gradient[3 * 37 + 7..4 * 37], &gradient[4 * 37 + 7..5 * 37]].concat());
    }

    #[test]
    fn wide_products_are_put_together_of_parts() {
        let cols = 3 * WIDTH + 5;
        let (a, b) = (wave(3, 7, 0.3), wave(7, cols, 0.7));
        let expected = plain(3, cols, 7, |i, j, k| a.row(i)[k] * b.row(k)[j]);
        for par in [Par::Seq, Par::rayon(2)] {
            assert_close(&a.times(&b, par), &expected);
        }
        let mut rows = vec![1.0; 3 * cols];
        let mut part = Part::new(&mut rows, cols, &(2..cols - 1));
        part.multiply(Accum::Add, a.all(), b.columns_in(&(2..cols - 1)));
        for (row, expected) in rows.chunks_exact(cols).zip(expected.chunks_exact(cols)) {
            assert_eq!([row[0], row[1], row[cols - 1]], [1.0; 3], "columns beside it are left alone");
            let part = Matrix { cols, data: row[2..cols - 1].to_vec() };
            assert_close(&part, &expected[2..cols - 1].iter().map(|x| x + 1.0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn columns_become_rows() {
        let whole = wave(5, 37, 0.3);
        let transposed = whole.transposed();
        assert_eq!((transposed.rows(), transposed.cols), (37, 5));
        for (row, col) in [(0, 0), (4, 36), (3, 17), (2, 16)] {
            assert_eq!(transposed.row(col)[row], whole.row(row)[col]);
        }
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
