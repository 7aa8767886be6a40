//! Rotary positions: pairs of elements of each head, turned by an angle that grows with the position.

use rayon::prelude::*;

use crate::matrix::Matrix;

/// Rows that a thread takes at once.
const ROWS: usize = 16;

/// Which elements of a head make a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// 2i and 2i + 1.
    Neighbours,
    /// i and i + n/2.
    Halves,
}

/// The rotations of one layer.
#[derive(Clone, Debug)]
pub struct Rope {
    /// Which elements turn together.
    pub pairing: Pairing,
    /// The elements of a head.
    pub head: usize,
    /// How far each pair turns a position, in radians. As many pairs as turn; the rest of a head stands still.
    pub turns: Vec<f32>,
}

impl Rope {
    /// Pair i of `rotated`/2 turns by scale · base^(−2i/rotated), divided by its factor if there are any.
    pub fn new(
        pairing: Pairing,
        head: usize,
        rotated: usize,
        base: f32,
        scale: f32,
        factors: &[f32],
    ) -> Self {
        let turn = |pair: usize| {
            let power = -2.0 * pair as f64 / rotated as f64;
            let factor = factors.get(pair).copied().unwrap_or(1.0);
            (f64::from(scale) * f64::from(base).powf(power) / f64::from(factor)) as f32
        };
        Rope { pairing, head, turns: (0..rotated / 2).map(turn).collect() }
    }

    /// Turns each row, a token at the position of its number, forward.
    pub fn turn(&self, x: &mut Matrix) {
        self.turn_by(x, 1.0);
    }

    /// Turns gradients back: a rotation's transpose is the rotation the other way.
    pub fn turn_back(&self, delta: &mut Matrix) {
        self.turn_by(delta, -1.0);
    }

    fn turn_by(&self, x: &mut Matrix, sign: f32) {
        let rows = x.data.par_chunks_exact_mut(x.cols).with_min_len(ROWS).enumerate();
        rows.for_each_init(Vec::new, |angles, (position, row)| {
            angles.clear();
            angles.extend(self.turns.iter().map(|turn| (position as f32 * turn * sign).sin_cos()));
            for head in row.chunks_exact_mut(self.head) {
                match self.pairing {
                    Pairing::Neighbours => {
                        let (pairs, _) = head.as_chunks_mut();
                        pairs.iter_mut().zip(&*angles).for_each(|([a, b], angle)| turn(a, b, angle));
                    }
                    Pairing::Halves => {
                        let (first, second) = head.split_at_mut(angles.len());
                        let pairs = first.iter_mut().zip(second).zip(&*angles);
                        pairs.for_each(|((a, b), angle)| turn(a, b, angle));
                    }
                }
            }
        });
    }
}

fn turn(a: &mut f32, b: &mut f32, (sin, cos): &(f32, f32)) {
    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
}
