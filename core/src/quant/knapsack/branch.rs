//! Where one item decides: an embedding may be most of a file, and half of the step to its next type is no plan. The
//! choices up to that step and those behind it are two problems, each with a relaxation of its own.

use super::hull::{self, Relaxed};
use super::{Choice, Solution, gap, least_bytes, search};
use crate::unit::Bytes;

/// Gaps that are left open.
const CLOSE: f64 = 1e-4;

/// Problems that are solved before a larger gap is left open.
const MOST_PARTS: usize = 128;

/// The plans in which items have some of their choices.
struct Part {
    /// By item: its choices here.
    items: Vec<Vec<Choice>>,
    /// By item: which ones of all they are.
    places: Vec<Vec<usize>>,
    relaxed: Relaxed,
    /// The best of them that was found, its choices numbered as here.
    solution: Solution,
}

/// The best plan that is found. λ is that of the problem as a whole. The budget holds the least of each item.
pub(super) fn solve(items: &[Vec<Choice>], budget: Bytes) -> Solution {
    let places = items.iter().map(|item| (0..item.len()).collect()).collect();
    let whole = Part::new(items.to_vec(), places, budget);
    let loss_per_byte = whole.relaxed.loss_per_byte;
    let (mut best, mut made) = (whole.in_all(), 1);
    let mut open = vec![whole];
    while let Some(next) = lowest(&open, best.loss) {
        if made >= MOST_PARTS || gap(best.loss, open[next].solution.bound) <= CLOSE {
            break;
        }
        let parent = open.swap_remove(next);
        for part in parent.halves(budget) {
            made += 1;
            if part.solution.loss < best.loss {
                best = part.in_all();
            }
            open.push(part);
        }
    }
    let bound = open.iter().map(|part| part.solution.bound).fold(best.loss, f64::min);
    Solution { bound, loss_per_byte, ..best }
}

/// Of the parts that may hold a better plan than one that loses `loss` the one with the lowest bound.
fn lowest(open: &[Part], loss: f64) -> Option<usize> {
    let bound = |&part: &usize| open[part].solution.bound;
    let may = (0..open.len()).filter(|part| bound(part) < loss && open[*part].relaxed.step.is_some());
    may.min_by(|one, other| bound(one).total_cmp(&bound(other)))
}

impl Part {
    fn new(items: Vec<Vec<Choice>>, places: Vec<Vec<usize>>, budget: Bytes) -> Self {
        let relaxed = hull::relax(&items, budget);
        let solution = search::improve(&items, budget, &relaxed);
        Part { items, places, relaxed, solution }
    }

    /// Its solution, the choices numbered as in the whole problem.
    fn in_all(&self) -> Solution {
        let chosen = self.places.iter().zip(&self.solution.chosen).map(|(places, &index)| places[index]);
        Solution { chosen: chosen.collect(), ..self.solution.clone() }
    }

    /// The choices of the item whose step has no room up to that step, and the larger ones: those that the budget holds.
    fn halves(&self, budget: Bytes) -> Vec<Part> {
        let Some(item) = self.relaxed.step else { return vec![] };
        let most = self.items[item][self.relaxed.chosen[item]].bytes;
        let half = |is_up_to: bool| {
            let (mut items, mut places) = (self.items.clone(), self.places.clone());
            let here = |index: &usize| (self.items[item][*index].bytes <= most) == is_up_to;
            let kept: Vec<usize> = (0..self.items[item].len()).filter(here).collect();
            items[item] = kept.iter().map(|&index| self.items[item][index]).collect();
            places[item] = kept.iter().map(|&index| self.places[item][index]).collect();
            (least_bytes(&items) <= budget).then(|| {
                let mut part = Part::new(items, places, budget);
                // What holds of all plans holds of these.
                part.solution.bound = part.solution.bound.max(self.solution.bound).min(part.solution.loss);
                part
            })
        };
        [true, false].into_iter().filter_map(half).collect()
    }
}
