//! Which option of each item: the least loss that so many bytes buy, with a proof of how little could be missing.
//!
//! The multiple-choice knapsack problem. For any rate λ (loss that a byte is worth),
//!
//! ```text
//! loss of a plan = L(λ) + Σ rᵢ + λ · (budget − bytes)
//! L(λ) = Σᵢ minⱼ (lossᵢⱼ + λ · bytesᵢⱼ) − λ · budget         no plan within the budget loses less
//! rᵢⱼ  = lossᵢⱼ + λ · bytesᵢⱼ − minₖ (lossᵢₖ + λ · bytesᵢₖ)   ≥ 0: what option j of item i adds to that
//! ```
//! λ is the slope at which the budget cuts the convex hulls of the items (`hull`); L(λ) is then the optimum of the
//! linear relaxation. Options with L + r above the best plan known are out; what is left, few options of few items, is
//! searched by dynamic programming over plans that are not dominated (`search`). Where that leaves a gap, the options of the
//! item at which the relaxation ends are two problems (`branch`).
//!
//! D. Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", European Journal of Operational Research
//! 83(2), 1995; H. Kellerer, U. Pferschy, D. Pisinger, "Knapsack Problems", 2004, chapter 11.

mod branch;
mod hull;
mod search;

use crate::unit::Bytes;

/// One way to have an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// What it takes.
    pub bytes: Bytes,
    /// What it loses: finite, not negative.
    pub loss: f64,
}

/// A choice for each item.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// By item: the index of its choice.
    pub chosen: Vec<usize>,
    /// Of all of them.
    pub bytes: Bytes,
    /// Of all of them.
    pub loss: f64,
    /// No choice within the budget loses less.
    pub bound: f64,
    /// What a further byte would be worth: λ.
    pub loss_per_byte: f64,
}

impl Solution {
    /// How close it is to the least.
    pub fn gap(&self) -> f64 {
        gap(self.loss, self.bound)
    }
}

/// How much of a loss could be missing at most, as a share of it, where no choice loses less than `bound`.
pub fn gap(loss: f64, bound: f64) -> f64 {
    if loss > 0.0 { (loss - bound).max(0.0) / loss } else { 0.0 }
}

/// The least that any choice takes.
pub fn least_bytes(items: &[Vec<Choice>]) -> Bytes {
    items.iter().map(|item| item.iter().map(|choice| choice.bytes).min().unwrap_or_default()).sum()
}

/// The choices of least loss within `budget`, or close to it: [`Solution::gap`] says how close. `None` when the budget
/// is below [`least_bytes`], or an item has no choice.
///
/// O(c log c) for c choices, plus a search whose size is bounded, as often as a bounded number of times.
pub fn solve(items: &[Vec<Choice>], budget: Bytes) -> Option<Solution> {
    if items.iter().any(Vec::is_empty) || least_bytes(items) > budget {
        return None;
    }
    Some(branch::solve(items, budget))
}

fn total(items: &[Vec<Choice>], chosen: &[usize]) -> Choice {
    let all = || items.iter().zip(chosen).map(|(item, &index)| item[index]);
    Choice { bytes: all().map(|choice| choice.bytes).sum(), loss: all().map(|choice| choice.loss).sum() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn choice() -> impl Strategy<Value = Choice> {
        (0..20_u64, 0..20_u32).prop_map(|(bytes, loss)| Choice { bytes: Bytes(bytes), loss: loss.into() })
    }

    fn items() -> impl Strategy<Value = Vec<Vec<Choice>>> {
        prop::collection::vec(prop::collection::vec(choice(), 1..5), 1..7)
    }

    /// The least loss of all choices within the budget.
    fn exhaustive(items: &[Vec<Choice>], budget: u64) -> Option<f64> {
        let Some((first, rest)) = items.split_first() else { return Some(0.0) };
        let losses = first
            .iter()
            .filter(|choice| choice.bytes.0 <= budget)
            .filter_map(|choice| exhaustive(rest, budget - choice.bytes.0).map(|loss| loss + choice.loss));
        losses.min_by(f64::total_cmp)
    }

    proptest! {
        #[test]
        fn small_problems_are_solved_as_if_by_trying_everything(items in items(), budget in 0..120_u64) {
            let solution = solve(&items, Bytes(budget));
            prop_assert_eq!(solution.as_ref().map(|solution| solution.loss), exhaustive(&items, budget));
            if let Some(solution) = solution {
                let total = total(&items, &solution.chosen);
                prop_assert_eq!((total.bytes, total.loss), (solution.bytes, solution.loss));
                prop_assert!(solution.bytes.0 <= budget);
                prop_assert!(solution.bound <= solution.loss && solution.loss_per_byte >= 0.0);
            }
        }
    }

    #[test]
    fn what_has_no_room_has_no_solution() {
        let item = vec![Choice { bytes: Bytes(10), loss: 1.0 }];
        assert_eq!(solve(std::slice::from_ref(&item), Bytes(9)), None);
        assert_eq!(solve(&[item, vec![]], Bytes(100)), None);
        assert_eq!(solve(&[], Bytes(0)).map(|solution| solution.loss), Some(0.0));
    }
}
