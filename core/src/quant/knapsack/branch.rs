//! Where one item decides: an embedding may be most of a file, and half of the step to its next type is no plan. The
//! choices up to that step and those behind it are two problems, each with a relaxation of its own.

use super::hull::{self, Relaxed};
use super::{Choice, Solution, gap, least_bytes, search};
use crate::unit::Bytes;

/// Gaps that are left open.
const CLOSE: f64 = 1e-4;

/// Problems that are solved before a larger gap is left open.
const MOST_SUBPROBLEMS: usize = 128;

/// Splits after which the gap must be smaller by a tenth. Where many plans are nearly as good, splits close none.
const PATIENCE: usize = 8;

/// The plans in which items have some of their choices.
struct Subproblem {
    /// By item: its choices here.
    items: Vec<Vec<Choice>>,
    /// By item: which ones of all they are.
    places: Vec<Vec<usize>>,
    relaxed: Relaxed,
    /// The best of them that was found, its choices numbered as here.
    solution: Solution,
}

/// The best plan that is found, with the λ of the problem that it was found in. The budget holds the least of each item.
pub(super) fn solve(items: &[Vec<Choice>], budget: Bytes) -> Solution {
    let places = items.iter().map(|item| (0..item.len()).collect()).collect();
    let whole = Subproblem::new(items.to_vec(), places, budget);
    let (mut best, mut made) = (whole.in_all(), 1);
    let mut open = vec![whole];
    let mut gap_before = f64::INFINITY;
    for split in 0.. {
        let Some(next) = lowest(&open, best.loss) else { break };
        let gap = gap(best.loss, open[next].solution.bound);
        if made >= MOST_SUBPROBLEMS || gap <= CLOSE {
            break;
        }
        if split % PATIENCE == 0 {
            if gap > 0.9 * gap_before {
                break;
            }
            gap_before = gap;
        }
        let parent = open.swap_remove(next);
        for half in parent.halves(budget) {
            made += 1;
            // Of the same plan the rate is that of the smaller problem.
            if half.solution.loss <= best.loss {
                best = half.in_all();
            }
            open.push(half);
        }
    }
    let bound = open.iter().map(|subproblem| subproblem.solution.bound).fold(best.loss, f64::min);
    Solution { bound, ..best }
}

/// Of the problems that may hold a plan that loses less than `loss` the one with the lowest bound.
fn lowest(open: &[Subproblem], loss: f64) -> Option<usize> {
    let bound = |&index: &usize| open[index].solution.bound;
    let may = (0..open.len()).filter(|index| bound(index) < loss && open[*index].relaxed.step.is_some());
    may.min_by(|one, other| bound(one).total_cmp(&bound(other)))
}

impl Subproblem {
    fn new(items: Vec<Vec<Choice>>, places: Vec<Vec<usize>>, budget: Bytes) -> Self {
        let relaxed = hull::relax(&items, budget);
        let found = search::improve(&items, budget, &relaxed);
        let solution = Solution { loss_per_byte: relaxed.loss_per_byte, ..found };
        Subproblem { items, places, relaxed, solution }
    }

    /// Its solution, the choices numbered as in the whole problem.
    fn in_all(&self) -> Solution {
        let chosen = self.places.iter().zip(&self.solution.chosen).map(|(places, &index)| places[index]);
        Solution { chosen: chosen.collect(), ..self.solution.clone() }
    }

    /// The choices of the item whose step has no room up to that step, and the larger ones; without what the budget
    /// doesn't hold.
    fn halves(&self, budget: Bytes) -> Vec<Subproblem> {
        let Some(item) = self.relaxed.step else { return vec![] };
        let most = self.items[item][self.relaxed.chosen[item]].bytes;
        let half = |is_up_to: bool| {
            let (mut items, mut places) = (self.items.clone(), self.places.clone());
            let here = |index: &usize| (self.items[item][*index].bytes <= most) == is_up_to;
            let kept: Vec<usize> = (0..self.items[item].len()).filter(here).collect();
            items[item] = kept.iter().map(|&index| self.items[item][index]).collect();
            places[item] = kept.iter().map(|&index| self.places[item][index]).collect();
            (least_bytes(&items) <= budget).then(|| {
                let mut half = Subproblem::new(items, places, budget);
                // What holds of all plans holds of these.
                let bound = half.solution.bound.max(self.solution.bound);
                half.solution.bound = bound.min(half.solution.loss);
                half
            })
        };
        [true, false].into_iter().filter_map(half).collect()
    }
}
