//! How fast a header with a vocabulary of 150,000 tokens is read, beside the least that any reader of the format has
//! to do: walk the lengths of its strings, each held against the bytes that are left.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use packbench_core::gguf::{Gguf, sample};

fn header(c: &mut Criterion) {
    let file = sample::vocabulary(150_000);
    let gguf = Gguf::parse(&file).expect("the writer's own file");
    let arrays = ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"].map(|key| {
        let array = gguf.metadata.array(key).expect("an array").expect("in the sample");
        (array.bytes(), array.len())
    });

    let mut group = c.benchmark_group("gguf_header_150k_tokens");
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("parse", |b| b.iter(|| Gguf::parse(black_box(&file)).map(|gguf| gguf.data_offset)));
    group.bench_function("bare_scan", |b| {
        b.iter(|| black_box(&arrays).map(|(bytes, count)| scan(bytes, count)))
    });
    group.finish();
}

/// Where `count` strings end.
fn scan(bytes: &[u8], count: usize) -> Option<usize> {
    let mut at = 0;
    for _ in 0..count {
        let len = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
        at += 8;
        if len > bytes.len() - at {
            return None;
        }
        at += len;
    }
    Some(at)
}

criterion_group!(benches, header);
criterion_main!(benches);
