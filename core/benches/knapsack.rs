//! How long a plan for 1,000 tensors in 8 types takes, and one beside a large embedding.
//!
//! `cargo bench -p packbench-core --bench knapsack`

#[path = "../tests/prices/mod.rs"]
mod prices;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use packbench_core::quant::knapsack::{Choice, solve};
use packbench_core::unit::Bytes;
use prices::{bytes_of, items};

fn plan(c: &mut Criterion) {
    benched(c, "knapsack_1000_tensors_8_types", &items(1_000, 1));
}

/// One tensor as large as all others: its types are problems of their own.
fn plan_beside_an_embedding(c: &mut Criterion) {
    let mut items = items(120, 1);
    let loss = |index: usize| items.iter().map(|item| item[index].loss).sum();
    let embedding =
        (0..8).map(|index| Choice { bytes: bytes_of(&items, index), loss: loss(index) }).collect();
    items.push(embedding);
    benched(c, "knapsack_120_tensors_and_one_as_large_8_types", &items);
}

/// At budgets so much above the smallest.
fn benched(c: &mut Criterion, name: &str, items: &[Vec<Choice>]) {
    let (least, most) = (bytes_of(items, 0), bytes_of(items, 7));
    let mut group = c.benchmark_group(name);
    for share in [5, 15, 30, 60] {
        let budget = Bytes(least.0 + (most.0 - least.0) * share / 100);
        let name = BenchmarkId::from_parameter(format!("{share}%"));
        group.bench_with_input(name, &budget, |b, &budget| {
            b.iter(|| solve(black_box(items), budget).map(|solution| solution.loss));
        });
    }
    group.finish();
}

criterion_group!(benches, plan, plan_beside_an_embedding);
criterion_main!(benches);
