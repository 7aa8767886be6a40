//! How long a plan for 1,000 tensors in 8 types takes.
//!
//! `cargo bench -p packbench-core --bench knapsack`

#[path = "../tests/prices/mod.rs"]
mod prices;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use packbench_core::quant::knapsack::solve;
use packbench_core::unit::Bytes;
use prices::{bytes_of, items};

fn plan(c: &mut Criterion) {
    let items = items(1_000, 1);
    let (least, most) = (bytes_of(&items, 0), bytes_of(&items, 7));
    let mut group = c.benchmark_group("knapsack_1000_tensors_8_types");
    for share in [5, 15, 30, 60] {
        let budget = Bytes(least.0 + (most.0 - least.0) * share / 100);
        let name = BenchmarkId::from_parameter(format!("{share}%"));
        group.bench_with_input(name, &budget, |b, &budget| {
            b.iter(|| solve(black_box(&items), budget).map(|solution| solution.loss));
        });
    }
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
