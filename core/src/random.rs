//! Randomness that a recorded seed gives back: the order of the cases in a block, the permutation of the pages.
//!
//! A report names its seed, and a later version of packbench must draw the same orders from it. So every step from the
//! seed to a drawn value is fixed here and held by golden tests: the expansion of the seed, the generator (PCG XSL RR
//! 128/64), the bounded integer and the shuffle. A change to any of them is a change of the report's schema. Draws are
//! made in 64 bits, so 32-bit devices draw the same.

use std::num::NonZero;

use rand_core::Rng;
use rand_pcg::Pcg64;

/// A seeded source of random values, the same on every device and in every version. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    generator: Pcg64,
}

impl Random {
    /// The source that `seed` stands for.
    pub fn new(seed: u64) -> Self {
        let mut expansion = SplitMix64(seed);
        let mut wide = || u128::from(expansion.next()) << 64 | u128::from(expansion.next());
        let (state, stream) = (wide(), wide());
        Random { generator: Pcg64::new(state, stream) }
    }

    /// The source number `stream` of those that share one recorded `seed`, such as one a block.
    ///
    /// No two streams of a seed are the same source, and a stream doesn't depend on what was drawn from the others:
    /// a resumed session draws block 7 without drawing blocks 0 to 6.
    pub fn derived(seed: u64, stream: u64) -> Self {
        // Mixing is one to one, so streams of a seed can't collide; it also keeps (s, t) apart from (s + 1, t − 1).
        Random::new(SplitMix64(SplitMix64(seed).next().wrapping_add(stream)).next())
    }

    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A uniform integer in `0..bound`.
    ///
    /// ```text
    /// bits × bound = high · 2⁶⁴ + low;   high is uniform once the 2⁶⁴ mod bound lowest lows are drawn again
    /// ```
    /// D. Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29(1), 2019, algorithm 5.
    pub fn below(&mut self, bound: NonZero<u64>) -> u64 {
        let surplus = bound.get().wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound.get());
            let (high, low) = ((product >> 64) as u64, product as u64);
            if low >= surplus {
                return high;
            }
        }
    }

    /// Puts `items` into a uniformly drawn order (Fisher–Yates, from the last place down).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let places = NonZero::<u64>::MIN.saturating_add(last as u64);
            items.swap(last, self.below(places) as usize);
        }
    }

    /// The numbers `0..n` in a uniformly drawn order.
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}

/// G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014: turns seeds that differ
/// in one bit into states that have nothing in common. Written out because `rand_core` may change its own expansion.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        SplitMix64::mix(self.0)
    }

    fn mix(mut z: u64) -> u64 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(n: u64) -> NonZero<u64> {
        NonZero::new(n).unwrap()
    }

    #[test]
    fn the_seed_expansion_is_the_published_one() {
        let mut expansion = SplitMix64(1_234_567);
        assert_eq!(
            [expansion.next(), expansion.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    /// The values were worked out by a second implementation of this file, in Python's integers.
    #[test]
    fn first_values_are_those_of_every_version() {
        let mut random = Random::new(0);
        let first = [14_645_725_078_257_245_364, 872_640_208_744_727_529, 15_973_102_534_033_515_988];
        assert_eq!(first.map(|_| random.next_u64()), first);

        assert_eq!(Random::derived(0, 0).next_u64(), 3_302_079_508_720_544_426);
        assert_eq!(Random::derived(0, 1).next_u64(), 4_257_837_346_052_146_678);
        assert_eq!(Random::derived(1, 0).next_u64(), 12_227_526_348_557_327_168);

        assert_eq!(Random::new(7).permutation(10), [8, 6, 0, 2, 1, 7, 5, 3, 4, 9]);
        let mut random = Random::new(7);
        let drawn = [10, 10, 1 << 40, u64::MAX].map(|n| random.below(bound(n)));
        assert_eq!(drawn, [9, 4, 454_830_926_356, 13_808_499_471_231_199_024]);
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        for n in [0, 1, 2, 1000] {
            let mut order = Random::new(3).permutation(n);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..n));
        }
    }

    #[test]
    fn all_orders_of_three_are_drawn_equally_often() {
        let mut random = Random::new(11);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            *seen.entry(random.permutation(3)).or_insert(0_u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        // Four standard deviations of a binomial count with p = 1/6.
        assert!(seen.values().all(|count| count.abs_diff(1000) < 116), "{seen:?}");
    }

    #[test]
    fn a_bound_above_half_the_range_is_drawn_without_bias() {
        // Without the second draw, values of one half of this range would come twice as often as those of the other.
        let top = 3 << 62;
        let mut random = Random::new(5);
        let low = (0..3000).filter(|_| random.below(bound(top)) < top / 3).count();
        assert!(low.abs_diff(1000) < 104, "{low}");
    }
}
