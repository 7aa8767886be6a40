//! How long it takes to inspect a model of 1 GB in 1,001 tensors: opened, mapped, read, laid out, held against the
//! forward order. `as_json` is what `packbench inspect --json` has to do beside starting.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use packbench_core::gguf::sample::hollow;
use packbench_core::layout::ModelFiles;
use packbench_core::os;
use packbench_core::unit::Bytes;

fn inspect(c: &mut Criterion) {
    let mut file =
        tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder that cargo made");
    hollow(file.as_file_mut(), 111, Bytes(1_000_000_000)).expect("a header is written");
    let os = os::host();
    let inspect = || {
        let layout =
            ModelFiles::open(&os, file.path()).and_then(|files| files.layout()).expect("a whole model");
        layout.inspect(None).expect("no trace, no error")
    };
    let mut group = c.benchmark_group("inspect_1_gb");
    group.bench_function("record", |b| b.iter(|| black_box(inspect())));
    group.bench_function("as_json", |b| b.iter(|| serde_json::to_vec(&inspect()).map(|json| json.len())));
    group.finish();
}

criterion_group!(benches, inspect);
criterion_main!(benches);
