/// Numbers that are counted and never written down, so that n² of them take the memory of n.
pub(super) trait Counted {
    /// How many there are, at least one.
    fn count(&self) -> u64;

    /// How many are at most `limit`.
    fn count_at_most(&self, limit: f64) -> u64;

    /// Two finite numbers between which all lie.
    fn span(&self) -> (f64, f64);

    /// The number at place `rank` in ascending order, from 0; at most 64 counts.
    ///
    /// It is the smallest one that at least `rank + 1` numbers don't exceed; a bisection over the numbers that an `f64`
    /// can hold finds it exactly.
    fn nth(&self, rank: u64) -> f64 {
        let (low, high) = self.span();
        let (mut low, mut high) = (place(low), place(high));
        while low < high {
            let middle = low.midpoint(high);
            if self.count_at_most(at_place(middle)) > rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        // Minus zero and zero have places of their own; adding zero makes one of both.
        at_place(low) + 0.0
    }

    /// The middle one; between two, half-way.
    fn median(&self) -> f64 {
        let count = self.count();
        let upper = self.nth(count / 2);
        if count % 2 == 1 { upper } else { average(self.nth(count / 2 - 1), upper) }
    }
}

pub(super) fn average(a: f64, b: f64) -> f64 {
    (a + b) / 2.0
}

/// Where `x` stands among all `f64` in ascending order; the order of [`f64::total_cmp`].
///
/// The bits of positive numbers ascend with them and those of negative ones descend: turning all bits of the negative
/// and the sign bit of the positive puts both in one ascending line.
fn place(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The `f64` that stands at `place`.
fn at_place(place: u64) -> f64 {
    f64::from_bits(if place & SIGN == 0 { !place } else { place & !SIGN })
}

const SIGN: u64 = 1 << 63;
