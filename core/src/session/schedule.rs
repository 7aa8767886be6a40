//! The order of the runs of a block, and the randomness of each: drawn from the job's seed, whoever draws.

use crate::job::Case;
use crate::random::Random;

/// What one seed is drawn from in one block.
enum Stream {
    Order,
    Pages,
}

fn draw(seed: u64, block: u32, stream: Stream) -> Random {
    Random::derived(seed, u64::from(block) * 2 + stream as u64)
}

/// The cases of `block` in the order in which they are measured. It depends on the seed alone, never on what is left
/// to do: a resumed session keeps the order of the one that was cut.
pub fn order(cases: &[Case], seed: u64, block: u32) -> Vec<Case> {
    let mut order = cases.to_vec();
    draw(seed, block, Stream::Order).shuffle(&mut order);
    order
}

/// What random patterns of `block` are drawn from: the same for all its cases, so that arms touch in the same order.
pub fn pages(seed: u64, block: u32) -> Random {
    draw(seed, block, Stream::Pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Job, Model};

    #[test]
    fn each_block_holds_every_case_once_in_an_order_of_its_own() {
        let model = |name: &str| Model { name: name.into(), path: None, arrangement: None };
        let cases = Job { models: vec![model("a"), model("b")], ..Job::default() }.cases();
        let (first, second) = (order(&cases, 1, 0), order(&cases, 1, 1));
        assert_ne!(first, second);
        assert_eq!(first, order(&cases, 1, 0), "a seed gives its order back");
        assert!(cases.iter().all(|case| first.iter().filter(|other| *other == case).count() == 1));
        assert_ne!(pages(1, 0).next_u64(), pages(1, 1).next_u64());
    }
}
