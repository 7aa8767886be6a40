//! The knapsack on problems as large as models.

mod prices;

use packbench_core::quant::knapsack::{Choice, solve};
use packbench_core::unit::Bytes;
use prices::{bytes_of, items};

const TENSORS: usize = 1_000;
const MOST_GAP: f64 = 1e-3;

#[test]
fn a_model_of_a_thousand_tensors_is_planned_to_a_thousandth_of_its_loss() {
    for seed in 0..5 {
        let items = items(TENSORS, seed);
        let (least, most) = (bytes_of(&items, 0), bytes_of(&items, 7));
        for share in [0, 1, 5, 15, 30, 50, 80, 99, 100] {
            let budget = Bytes(least.0 + (most.0 - least.0) * share / 100);
            let solution = solve(&items, budget).expect("the budget holds the smallest choices");
            assert!(solution.bytes <= budget);
            assert!(solution.gap() <= MOST_GAP, "seed {seed}, {share} %: {}", solution.gap());
        }
    }
}

/// An embedding may be most of a small model, so that its next type seldom fits and never in part.
#[test]
fn a_tensor_as_large_as_all_others_leaves_no_gap() {
    for seed in 0..2 {
        let mut items = items(120, seed);
        let whole: Vec<Choice> = (0..8)
            .map(|index| {
                let loss = items.iter().map(|item| item[index].loss).sum::<f64>();
                Choice { bytes: bytes_of(&items, index), loss }
            })
            .collect();
        items.push(whole);
        let (least, most) = (bytes_of(&items, 0), bytes_of(&items, 7));
        for share in 0..=10 {
            let budget = Bytes(least.0 + (most.0 - least.0) * share / 10);
            let solution = solve(&items, budget).expect("the budget holds the smallest choices");
            assert!(solution.bytes <= budget);
            assert!(solution.gap() <= MOST_GAP, "seed {seed}, {share} of 10: {}", solution.gap());
        }
    }
}

/// More bytes never buy a worse plan, beyond what the proof leaves open.
#[test]
fn loss_falls_with_the_budget() {
    let items = items(100, 7);
    let (least, most) = (bytes_of(&items, 0), bytes_of(&items, 7));
    let budgets = (0..=200).map(|step| Bytes(least.0 + (most.0 - least.0) * step / 200));
    let solutions: Vec<_> = budgets.filter_map(|budget| solve(&items, budget)).collect();
    assert_eq!(solutions.len(), 201);
    assert!(solutions.windows(2).all(|pair| pair[1].bound <= pair[0].loss * (1.0 + 1e-12)));
    assert!(solutions.iter().all(|solution| solution.gap() <= MOST_GAP));
}
