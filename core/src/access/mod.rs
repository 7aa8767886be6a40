//! Which pages or bytes, in which order: a pattern over a span becomes the work of a measured region.
//!
//! Every order covers its span exactly once, so all of them must find the same bytes and the same sum.

mod stream;

pub use stream::{FLOOR_THREADS, Rows, extents, pieces, replay};

use crate::job::Pattern;
use crate::os::{Reads, Touches};
use crate::random::Random;
use crate::unit::{ByteRange, Bytes, PageSize};

/// How many pages or reads lie between two steps of [`Pattern::Strided`].
pub const STRIDE: usize = 64;

/// The most touches or reads of one run: what their order and latencies take is bounded by it.
pub const MOST_OPERATIONS: u64 = 1 << 24;

/// Touches of every page that `span` lies on.
///
/// `tensors` are the extents in header order; [`Pattern::TensorOrder`] alone looks at them.
pub fn touches(
    span: ByteRange,
    page: PageSize,
    pattern: Pattern,
    tensors: &[ByteRange],
    random: &mut Random,
) -> Touches {
    let pages = page.spanned_by(span);
    let count = u32::try_from(pages.count).expect("a span has at most MOST_OPERATIONS pages");
    let order = match pattern {
        Pattern::TensorOrder => tensor_order(span, page, tensors),
        _ => order(pattern, count, random),
    };
    Touches::new(pages.first, order)
}

/// Reads of `io_size` that cover `span`.
pub fn reads(span: ByteRange, io_size: Bytes, pattern: Pattern, random: &mut Random) -> Reads {
    let count = u32::try_from(Reads::count(span, io_size)).expect("a span has at most MOST_OPERATIONS reads");
    Reads::new(span, io_size, order(pattern, count, random))
}

fn order(pattern: Pattern, count: u32, random: &mut Random) -> Vec<u32> {
    match pattern {
        Pattern::Sequential | Pattern::TensorOrder => (0..count).collect(),
        Pattern::Reverse => (0..count).rev().collect(),
        Pattern::Strided => (0..STRIDE as u32).flat_map(|start| (start..count).step_by(STRIDE)).collect(),
        Pattern::Random => random.permutation(count),
    }
}

/// Pages in the order of the tensors that lie on them; the header and the gaps, which no tensor claims, come first.
fn tensor_order(span: ByteRange, page: PageSize, tensors: &[ByteRange]) -> Vec<u32> {
    let pages = page.spanned_by(span);
    let mut claimed = vec![false; pages.count as usize];
    let mut order = Vec::with_capacity(claimed.len());
    for part in tensors.iter().filter_map(|tensor| tensor.intersect(span)) {
        let part = page.spanned_by(part);
        for index in part.first - pages.first..part.first - pages.first + part.count {
            if !std::mem::replace(&mut claimed[index as usize], true) {
                order.push(index as u32);
            }
        }
    }
    let unclaimed = claimed.iter().enumerate().filter(|(_, claimed)| !**claimed);
    unclaimed.map(|(index, _)| index as u32).chain(order.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::VariantArray;

    use super::*;
    use crate::unit::FileOffset;

    fn range(start: u64, len: u64) -> ByteRange {
        ByteRange { start: FileOffset(start), len: Bytes(len) }
    }

    fn page() -> PageSize {
        PageSize::new(4096).unwrap()
    }

    #[test]
    fn patterns_are_what_they_are_called() {
        let order = |pattern, count| order(pattern, count, &mut Random::new(1));
        assert_eq!(order(Pattern::Sequential, 3), [0, 1, 2]);
        assert_eq!(order(Pattern::Reverse, 3), [2, 1, 0]);
        assert_eq!(order(Pattern::Strided, 130)[..4], [0, 64, 128, 1]);
        assert_ne!(order(Pattern::Random, 100), order(Pattern::Sequential, 100));
    }

    #[test]
    fn tensor_order_follows_the_header_and_touches_shared_pages_once() {
        // Page 0 is the header's, b lies on pages 1 and 2, a on pages 2 and 3; the header names b first, then a.
        let tensors = [range(8192, 8192), range(4096, 4200)];
        let touches = touches(range(0, 16384), page(), Pattern::TensorOrder, &tensors, &mut Random::new(1));
        assert_eq!(touches.order(), [0, 2, 3, 1]);
    }

    proptest! {
        #[test]
        fn every_pattern_covers_the_span_once(
            first in 0u64..9, len in 1u64..3_000_000, io in prop::sample::select(vec![512u64, 4096, 131_072]), seed: u64,
        ) {
            let span = range(first * 4096, len);
            let tensors = [range(len / 2, len / 3), range(0, len / 2)];
            for &pattern in Pattern::VARIANTS {
                let random = &mut Random::new(seed);
                let mut pages = touches(span, page(), pattern, &tensors, random).order().to_vec();
                pages.sort_unstable();
                prop_assert!(pages.into_iter().eq(0..page().count(Bytes(len)) as u32));
                let reads = reads(span, Bytes(io), pattern, random);
                let covered: Bytes = reads.order().iter().map(|&index| reads.range(index).len).sum();
                prop_assert_eq!(covered, Bytes(len));
            }
        }
    }
}
