//! What changed from one layout to another.

use std::collections::HashMap;

use super::{Layout, TensorExtent};
use crate::record::{Move, Moves};

impl Layout {
    /// How `other` differs from this layout: tensors are the same when they have the same name.
    pub fn moves_to(&self, other: &Layout) -> Moves {
        let here = by_name(self);
        let there = by_name(other);
        let missing = |layout: &Layout, from: &HashMap<&str, usize>| {
            let names = layout.tensors.iter().map(|tensor| &tensor.name);
            names.filter(|name| !from.contains_key(name.as_str())).cloned().collect()
        };
        // places in the base, in the order of the other
        let common: Vec<(usize, usize)> = other
            .tensors
            .iter()
            .enumerate()
            .filter_map(|(to, tensor)| Some((here.get(tensor.name.as_str()).copied()?, to)))
            .collect();
        let differs = |&&(from, to): &&(usize, usize)| !same(&self.tensors[from], &other.tensors[to]);
        let changed = common.iter().filter(differs).map(|&(from, _)| self.tensors[from].name.clone());
        let stays = longest_rise(&common.iter().map(|&(from, _)| from).collect::<Vec<_>>());
        let moved = common.iter().zip(&stays).filter(|(_, stays)| !**stays).map(|(&(from, to), _)| {
            let TensorExtent { name, data, .. } = &other.tensors[to];
            Move { name: name.clone(), bytes: data.len.0, from: from as u32, to: to as u32 }
        });
        Moves {
            common: common.len() as u64,
            only_in_base: missing(self, &there),
            only_in_other: missing(other, &here),
            changed: changed.collect(),
            moved: moved.collect(),
        }
    }
}

fn by_name(layout: &Layout) -> HashMap<&str, usize> {
    layout.tensors.iter().enumerate().map(|(index, tensor)| (tensor.name.as_str(), index)).collect()
}

fn same(one: &TensorExtent, other: &TensorExtent) -> bool {
    (one.kind, &one.shape, one.data.len) == (other.kind, &other.shape, other.data.len)
}

/// Which of the distinct `numbers` belong to a longest rising subsequence: those that can stay when the fewest move.
///
/// C. Schensted, "Longest increasing and decreasing subsequences", Canadian Journal of Mathematics 13, 1961: `ends[n]`
/// is where the rise of n + 1 numbers ends that ends lowest.
fn longest_rise(numbers: &[usize]) -> Vec<bool> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|&end| numbers[end] < *number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut rises = vec![false; numbers.len()];
    let mut last = ends.last().copied();
    while let Some(at) = last {
        rises[at] = true;
        last = before[at];
    }
    rises
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    /// The length of a longest rise, by trying each number as the last one.
    fn by_hand(numbers: &[usize]) -> usize {
        let mut lengths: Vec<usize> = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let before =
                (0..at).filter(|&earlier| numbers[earlier] < *number).map(|earlier| lengths[earlier]);
            lengths.push(1 + before.max().unwrap_or(0));
        }
        lengths.into_iter().max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn what_stays_rises_and_is_the_most(n in 0u32..40, seed: u64) {
            let numbers: Vec<usize> = Random::new(seed).permutation(n).into_iter().map(|n| n as usize).collect();
            let rises = longest_rise(&numbers);
            let kept: Vec<usize> = numbers.iter().zip(&rises).filter(|(_, rises)| **rises).map(|(n, _)| *n).collect();
            prop_assert!(kept.is_sorted());
            prop_assert_eq!(kept.len(), by_hand(&numbers));
        }
    }
}
