//! The linear relaxation: items may be had in fractions between two choices.

use super::{Choice, total};
use crate::unit::Bytes;

/// Where the relaxation ends: whole choices up to one step that has no room.
pub(super) struct Relaxed {
    /// By item: the choice that it has when steps worse than the rate are left out. Within the budget.
    pub chosen: Vec<usize>,
    /// λ: the loss that a byte saves in the step that has no room; 0 when all steps have room.
    pub loss_per_byte: f64,
    /// The item of that step.
    pub step: Option<usize>,
}

/// From one choice of an item to its next larger one on the hull.
struct Step {
    item: usize,
    to: usize,
    bytes: u64,
    loss_per_byte: f64,
}

/// Takes the steps in the order of what a byte saves, as long as they have room.
pub(super) fn relax(items: &[Vec<Choice>], budget: Bytes) -> Relaxed {
    let hulls: Vec<Vec<usize>> = items.iter().map(|item| hull(item)).collect();
    let mut chosen: Vec<usize> = hulls.iter().map(|hull| hull[0]).collect();
    let mut room = budget.0 - total(items, &chosen).bytes.0;
    for step in steps(items, &hulls) {
        if step.bytes > room {
            return Relaxed { chosen, loss_per_byte: step.loss_per_byte, step: Some(step.item) };
        }
        room -= step.bytes;
        chosen[step.item] = step.to;
    }
    Relaxed { chosen, loss_per_byte: 0.0, step: None }
}

/// All steps, the best first. Within an item the slopes fall, so its steps stay in order.
fn steps(items: &[Vec<Choice>], hulls: &[Vec<usize>]) -> Vec<Step> {
    let of_item = |(item, hull): (usize, &Vec<usize>)| -> Vec<Step> {
        let step = |pair: &[usize]| {
            let (from, to) = (items[item][pair[0]], items[item][pair[1]]);
            Step { item, to: pair[1], bytes: to.bytes.0 - from.bytes.0, loss_per_byte: slope(from, to) }
        };
        hull.windows(2).map(step).collect()
    };
    let mut steps: Vec<Step> = hulls.iter().enumerate().flat_map(of_item).collect();
    steps.sort_by(|one, other| other.loss_per_byte.total_cmp(&one.loss_per_byte));
    steps
}

/// What a byte saves on the way to a larger choice.
fn slope(from: Choice, to: Choice) -> f64 {
    (from.loss - to.loss) / (to.bytes.0 - from.bytes.0) as f64
}

/// The choices on the lower convex hull of loss over bytes, the smallest first. Never empty.
fn hull(item: &[Choice]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..item.len()).collect();
    order.sort_by(|&one, &other| {
        item[one].bytes.cmp(&item[other].bytes).then(item[one].loss.total_cmp(&item[other].loss))
    });
    let mut hull: Vec<usize> = Vec::with_capacity(order.len());
    for index in order {
        if hull.last().is_some_and(|&last| item[index].loss >= item[last].loss) {
            continue;
        }
        while let [.., before, last] = hull[..] {
            if slope(item[before], item[last]) > slope(item[last], item[index]) {
                break;
            }
            hull.pop();
        }
        hull.push(index);
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hull_leaves_out_what_a_mixture_of_others_beats() {
        let at = |bytes, loss| Choice { bytes: Bytes(bytes), loss };
        let item = [at(4, 1.0), at(1, 8.0), at(3, 7.0), at(2, 4.0), at(5, 1.0), at(1, 9.0)];
        assert_eq!(hull(&item), [1, 3, 0]);
    }

    #[test]
    fn steps_are_taken_while_they_have_room() {
        let at = |bytes, loss| Choice { bytes: Bytes(bytes), loss };
        let items = [vec![at(1, 8.0), at(2, 2.0)], vec![at(1, 5.0), at(3, 1.0)]];
        let relaxed = relax(&items, Bytes(4));
        assert_eq!((relaxed.chosen, relaxed.loss_per_byte, relaxed.step), (vec![1, 0], 2.0, Some(1)));
        let relaxed = relax(&items, Bytes(5));
        assert_eq!((relaxed.chosen, relaxed.loss_per_byte, relaxed.step), (vec![1, 1], 0.0, None));
    }
}
