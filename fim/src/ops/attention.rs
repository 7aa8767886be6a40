//! Attention of each token to itself and those before it, in heads that share keys and values.

use faer::Par;
use rayon::prelude::*;

use super::{dot, exp, sum, wide};
use crate::matrix::Matrix;

/// How far back a token looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// To the first token.
    All,
    /// Itself and the tokens before it, so many together.
    Last(usize),
}

impl Window {
    fn first(self, position: usize) -> usize {
        match self {
            Window::All => 0,
            Window::Last(tokens) => (position + 1).saturating_sub(tokens),
        }
    }
}

/// The numbers of a layer's attention.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; a multiple of them are the heads of queries.
    pub kv_heads: usize,
    /// The elements of a head of queries and keys.
    pub key: usize,
    /// The elements of a head of values.
    pub value: usize,
    /// What scores are multiplied by.
    pub scale: f32,
    /// How far back a token looks.
    pub window: Window,
}

impl Attention {
    /// Softmax(q · kᵀ) · v, head by head.
    pub fn attend(&self, q: &Matrix, k: &Matrix, v: &Matrix) -> Matrix {
        let head = |head| {
            let [q, k, v] = self.head(head, q, k, v);
            self.shares(&q, &k).times(&v, Par::Seq)
        };
        let heads: Vec<Matrix> = (0..self.heads).into_par_iter().map(head).collect();
        let mut out = Matrix::zeros(q.rows(), self.heads * self.value);
        heads.iter().enumerate().for_each(|(index, head)| out.add_part(index * self.value, head));
        out
    }

    /// What `delta` at the output of [`Self::attend`] is at queries, keys and values:
    ///
    /// ```text
    /// dV = Pᵀ·dO    dP = dO·Vᵀ    dS = P ∘ (dP − rowsum(P ∘ dP))    dQ = scale · dS·K    dK = scale · dSᵀ·Q
    /// ```
    pub fn back(&self, q: &Matrix, k: &Matrix, v: &Matrix, delta: &Matrix) -> [Matrix; 3] {
        let head = |head: usize| {
            let out = delta.part(head * self.value, self.value);
            self.head_back(&self.head(head, q, k, v), &out)
        };
        let heads: Vec<[Matrix; 3]> = (0..self.heads).into_par_iter().map(head).collect();
        let mut sums = [q, k, v].map(|x| Matrix::zeros(x.rows(), x.cols));
        for (index, parts) in heads.iter().enumerate() {
            let shared = index / (self.heads / self.kv_heads);
            let places = [index * self.key, shared * self.key, shared * self.value];
            for ((sum, part), place) in sums.iter_mut().zip(parts).zip(places) {
                sum.add_part(place, part);
            }
        }
        sums
    }

    /// The parts of queries, keys and values that a head works on.
    fn head(&self, head: usize, q: &Matrix, k: &Matrix, v: &Matrix) -> [Matrix; 3] {
        let shared = head / (self.heads / self.kv_heads);
        let q = q.part(head * self.key, self.key);
        [q, k.part(shared * self.key, self.key), v.part(shared * self.value, self.value)]
    }

    fn head_back(&self, [q, k, v]: &[Matrix; 3], delta: &Matrix) -> [Matrix; 3] {
        let shares = self.shares(q, k);
        let mut dv = Matrix::zeros(v.rows(), v.cols);
        dv.set_gradient(&shares, delta, Par::Seq);
        let mut ds = delta.times_transposed(v, Par::Seq);
        for (position, dp) in ds.data.chunks_exact_mut(k.rows()).enumerate() {
            let share = shares.row(position);
            wide(|| {
                let mean = dot(share, dp);
                dp.iter_mut().zip(share).for_each(|(dp, share)| *dp = share * (*dp - mean) * self.scale);
            });
        }
        let mut dk = Matrix::zeros(k.rows(), k.cols);
        dk.set_gradient(&ds, q, Par::Seq);
        [ds.times(k, Par::Seq), dk, dv]
    }

    /// How much each token looks at each, 0 where it doesn't.
    fn shares(&self, q: &Matrix, k: &Matrix) -> Matrix {
        let mut scores = q.times_transposed(k, Par::Seq);
        scores.data.iter_mut().for_each(|score| *score *= self.scale);
        for (position, row) in scores.data.chunks_exact_mut(k.rows()).enumerate() {
            let seen = self.window.first(position)..position + 1;
            softmax(&mut row[seen.clone()]);
            row[..seen.start].fill(0.0);
            row[seen.end..].fill(0.0);
        }
        scores
    }
}

fn softmax(row: &mut [f32]) {
    wide(|| {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().for_each(|score| *score = exp(*score - most));
        let unit = sum(row).recip();
        row.iter_mut().for_each(|score| *score *= unit);
    });
}
