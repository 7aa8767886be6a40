//! From the relaxation to whole choices: a dynamic program over the few options that could still make a better plan.

use std::collections::HashMap;

use super::hull::Relaxed;
use super::{Choice, Solution, total};
use crate::unit::Bytes;

/// Plans that are kept beside each other. More of them find a better plan in longer time.
const MOST_PLANS: usize = 2_000;

/// Plans that are made in all before the search ends, as one that is this long gains next to nothing.
const MOST_WORK: usize = 400_000;

/// An option of an item, beside the one that the relaxation gives it.
#[derive(Clone, Copy)]
struct Swap {
    item: usize,
    to: usize,
    /// What it adds to the bound: r.
    reduced: f64,
    /// What it adds to the plan.
    bytes: i64,
    loss: f64,
}

/// The relaxation's plan with some swaps made, and none of the later items touched yet.
#[derive(Clone, Copy)]
struct Plan {
    bytes: i64,
    loss: f64,
    /// No plan that comes of it loses less than the bound and this.
    reduced: f64,
    last: Option<usize>,
}

/// A swap and the ones that were made before it.
#[derive(Clone, Copy)]
struct Made {
    item: usize,
    to: usize,
    before: Option<usize>,
}

struct Search<'a> {
    items: &'a [Vec<Choice>],
    budget: i64,
    /// L(λ).
    lower: f64,
    best: Solution,
    made: Vec<Made>,
    /// No plan that was passed over loses less.
    missed: f64,
}

/// The best plan that is found, at least as good as the relaxation's.
pub(super) fn improve(items: &[Vec<Choice>], budget: Bytes, relaxed: &Relaxed) -> Solution {
    let (mut swaps, lower) = swaps(items, budget, relaxed);
    swaps.sort_by(|one, other| one.reduced.total_cmp(&other.reduced));
    let best = fill(items, budget, &relaxed.chosen, &swaps);
    let mut search = Search {
        items,
        budget: i64::try_from(budget.0).unwrap_or(i64::MAX),
        lower,
        best,
        made: vec![],
        missed: f64::INFINITY,
    };
    search.run(&relaxed.chosen, &swaps);
    let bound = search.missed.min(search.best.loss);
    Solution { bound: bound.max(0.0), ..search.best }
}

/// All swaps, and L(λ).
fn swaps(items: &[Vec<Choice>], budget: Bytes, relaxed: &Relaxed) -> (Vec<Swap>, f64) {
    let priced = |choice: &Choice| choice.loss + relaxed.loss_per_byte * choice.bytes.0 as f64;
    let mut lower = -relaxed.loss_per_byte * budget.0 as f64;
    let mut swaps = Vec::new();
    for (item, (choices, &chosen)) in items.iter().zip(&relaxed.chosen).enumerate() {
        let (from, least) = (choices[chosen], priced(&choices[chosen]));
        lower += least;
        let others = choices.iter().enumerate().filter(|&(to, _)| to != chosen);
        swaps.extend(others.map(|(to, choice)| Swap {
            item,
            to,
            reduced: (priced(choice) - least).max(0.0),
            bytes: choice.bytes.0 as i64 - from.bytes.0 as i64,
            loss: choice.loss - from.loss,
        }));
    }
    (swaps, lower)
}

/// The relaxation's plan, with what still fits.
fn fill(items: &[Vec<Choice>], budget: Bytes, chosen: &[usize], swaps: &[Swap]) -> Solution {
    let mut chosen = chosen.to_vec();
    let mut room = budget.0 - total(items, &chosen).bytes.0;
    for swap in swaps {
        let (from, to) = (items[swap.item][chosen[swap.item]], items[swap.item][swap.to]);
        if to.loss < from.loss && to.bytes.0 <= from.bytes.0 + room {
            room = room + from.bytes.0 - to.bytes.0;
            chosen[swap.item] = swap.to;
        }
    }
    solution(items, chosen)
}

fn solution(items: &[Vec<Choice>], chosen: Vec<usize>) -> Solution {
    let Choice { bytes, loss } = total(items, &chosen);
    Solution { chosen, bytes, loss, bound: 0.0, loss_per_byte: 0.0 }
}

impl Search<'_> {
    /// Goes through the items in the order of their least swap.
    fn run(&mut self, base: &[usize], swaps: &[Swap]) {
        let Choice { bytes, loss } = total(self.items, base);
        let mut plans = vec![Plan { bytes: bytes.0 as i64, loss, reduced: 0.0, last: None }];
        let groups = by_item(swaps, self.best.loss - self.lower);
        let savings = savings(&groups);
        let mut work = 0;
        for (group, saving) in groups.iter().zip(savings) {
            let least = self.lower + group[0].reduced;
            if least >= self.best.loss {
                break;
            }
            work += plans.len() * (group.len() + 1);
            if work > MOST_WORK {
                self.missed = self.missed.min(least);
                break;
            }
            plans = self.extend(base, &plans, group, saving);
        }
    }

    /// Each plan with and without each swap of one item, without those that can't become the best. `saving` is what
    /// all later items together could save in bytes.
    fn extend(&mut self, base: &[usize], plans: &[Plan], group: &[Swap], saving: i64) -> Vec<Plan> {
        let mut extended = plans.to_vec();
        for swap in group {
            for plan in plans {
                let next = Plan {
                    bytes: plan.bytes + swap.bytes,
                    loss: plan.loss + swap.loss,
                    reduced: plan.reduced + swap.reduced,
                    last: Some(self.made.len()),
                };
                if self.lower + next.reduced < self.best.loss && next.bytes - saving <= self.budget {
                    self.made.push(Made { item: swap.item, to: swap.to, before: plan.last });
                    self.keep_if_best(base, &next);
                    extended.push(next);
                }
            }
        }
        self.undominated(extended)
    }

    fn keep_if_best(&mut self, base: &[usize], plan: &Plan) {
        if plan.bytes > self.budget || plan.loss >= self.best.loss {
            return;
        }
        let mut chosen = base.to_vec();
        let mut last = plan.last;
        while let Some(index) = last {
            let Made { item, to, before } = self.made[index];
            chosen[item] = to;
            last = before;
        }
        let found = solution(self.items, chosen);
        if found.loss < self.best.loss {
            self.best = found;
        }
    }

    /// Plans that lose less than every other one of no more bytes; of too many, those with the least bounds.
    fn undominated(&mut self, mut plans: Vec<Plan>) -> Vec<Plan> {
        plans.sort_by(|one, other| one.bytes.cmp(&other.bytes).then(one.loss.total_cmp(&other.loss)));
        let mut least = f64::INFINITY;
        plans.retain(|plan| {
            let better = plan.loss < least;
            least = least.min(plan.loss);
            better && self.lower + plan.reduced < self.best.loss
        });
        if plans.len() > MOST_PLANS {
            plans.sort_by(|one, other| one.reduced.total_cmp(&other.reduced));
            self.missed = self.missed.min(self.lower + plans[MOST_PLANS].reduced);
            plans.truncate(MOST_PLANS);
        }
        plans
    }
}

/// The swaps that could be part of a better plan, item by item, in the order of each item's least. `room` is how far a
/// plan may lie above the bound.
fn by_item(swaps: &[Swap], room: f64) -> Vec<Vec<Swap>> {
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut groups: Vec<Vec<Swap>> = Vec::new();
    for swap in swaps.iter().filter(|swap| swap.reduced < room) {
        let place = *places.entry(swap.item).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(*swap);
    }
    groups
}

/// By group: what the groups after it could save in bytes.
fn savings(groups: &[Vec<Swap>]) -> Vec<i64> {
    let most = |group: &Vec<Swap>| group.iter().map(|swap| -swap.bytes).max().unwrap_or(0).max(0);
    let mut later = 0;
    let before = |group: &Vec<Swap>| {
        later += most(group);
        later - most(group)
    };
    let mut savings: Vec<i64> = groups.iter().rev().map(before).collect();
    savings.reverse();
    savings
}
