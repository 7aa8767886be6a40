//! A report of 100,000 runs, read and compared: how long, and how much memory.
//!
//! ```text
//! cargo bench -p packbench-core --bench compare
//! ```
//! Exits 1 above 3 s or 256 MiB of allocations alive at once.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../tests/counting/mod.rs"]
mod counting;
#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::io::{BufReader, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use counting::{Counting, peak};
use packbench_core::compare::{Question, compare};
use packbench_core::job::{Field, Policy};
use packbench_core::record::{Metric, Metrics, Report};
use synthetic::Synthetic;

const BLOCKS: u32 = 20_000;
const POLICIES: [Policy; 5] =
    [Policy::Normal, Policy::Random, Policy::Sequential, Policy::WillNeed, Policy::Populate];
const MOST_TIME: Duration = Duration::from_secs(3);
const MOST_BYTES: usize = 256 << 20;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let session = Synthetic::new(&POLICIES, BLOCKS);
    let text = session.text(|place, block| Metrics {
        wall_ns: 1_000_000 + 50_000 * place as u64 + u64::from(block.wrapping_mul(2_654_435_761) >> 12),
        cpu_ns: Some(500_000),
        major_faults: Some(u64::from(block % 7)),
        minor_faults: Some(1_501),
        bytes_fetched: Some(98_365_440),
        ..Metrics::default()
    });
    file.as_file().write_all(&text).expect("the report can be written");
    let runs = session.policies.len() * BLOCKS as usize;
    println!("{runs} runs, {} MiB; limits {MOST_TIME:?} and {} MiB\n", text.len() >> 20, MOST_BYTES >> 20);
    drop(text);

    let begun = Instant::now();
    let ((read, answer), most) = peak(|| {
        let source = BufReader::new(file.reopen().expect("the report can be opened"));
        let report = Report::read_from(source).expect("the report can be read");
        let read = begun.elapsed();
        let question = Question {
            by: vec![Field::Policy],
            metric: Metric::WallNs,
            base: None,
            threshold: 0.05,
            allow: Vec::new(),
        };
        (read, compare(&report, &question).expect("policies can be compared"))
    });
    let whole = begun.elapsed();
    println!("read        {read:>10.2?}");
    println!("compared    {:>10.2?}   {} comparisons", whole - read, answer.comparisons.len());
    println!("in all      {whole:>10.2?}   {} MiB alive at once", most >> 20);
    match whole <= MOST_TIME && most <= MOST_BYTES {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
