//! `--on adb` to machines whose kernel, page cache and file system are their own: `scripts/test --stage vm`. What they count
//! is exact, so it is asserted. They are emulated: how long anything takes there is not.

use std::path::PathBuf;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::{CacheState, Policy};
use packbench_core::record::{Proof, Report, Run, SelfTest, Status};
use packbench_core::unit::Bytes;

use crate::scratch::{Scratch, program};

/// What requests are made of on both file systems.
const BLOCK: u64 = 4096;

/// The machine that `scripts/vm run` started.
fn on() -> String {
    format!("adb:{}", std::env::var("ANDROID_SERIAL").expect("scripts/vm run sets it"))
}

/// An agent without engine that needs no library.
fn static_agent(machine: &str) -> PathBuf {
    let target = program().parent().unwrap().parent().unwrap();
    target.join(format!("{machine}-unknown-linux-musl/debug/packbench-agent"))
}

fn write_model(scratch: &Scratch, payload: Bytes) -> u64 {
    let bytes = TinyModel { payload, ..TinyModel::new(4) }.bytes();
    scratch.write("m.gguf", &bytes);
    bytes.len() as u64
}

/// Measures `job` of m.gguf there. No run has failed.
fn measured(scratch: &Scratch, agent: PathBuf, job: &str) -> Report {
    let (on, agent) = (on(), agent.into_os_string().into_string().unwrap());
    let mut arguments = vec!["run", "m.gguf", "--out", "r.jsonl", "--on", &on, "--agent", &agent];
    arguments.extend(job.split(' '));
    scratch.packbench(&arguments).assert().success();
    let report = scratch.report("r.jsonl");
    assert!(report.runs.iter().all(|run| run.status == Status::Ok), "{:?}", report.runs);
    report
}

fn majors(run: &Run) -> u64 {
    run.metrics.as_ref().unwrap().major_faults.unwrap()
}

fn fetched(run: &Run) -> u64 {
    run.metrics.as_ref().unwrap().bytes_fetched.unwrap()
}

/// One page a fault with advice `random`, one request of readahead with none at the most, nothing when warm.
fn faults_are_exact(machine: &str, page: u32, file_system: &str) {
    let scratch = Scratch::new();
    let len = write_model(&scratch, Bytes::mib(16));
    let job =
        "--probe faults --policy random,normal --pattern sequential,random --cache cold,warm --blocks 2";
    let report = measured(&scratch, static_agent(machine), job);
    let (context, variant) = (&report.headers[0].context, &report.variants[0]);
    assert_eq!((context.page_size_bytes, variant.file_system.as_deref()), (page, Some(file_system)));
    assert_eq!(variant.readahead_bytes, Some(Bytes::kib(128).0));
    assert_eq!(variant.residency_self_test, SelfTest::Truthful);
    let (pages, blocks) = (len.div_ceil(page.into()), len.next_multiple_of(BLOCK));
    for run in &report.runs {
        let residency = run.residency.as_ref().unwrap();
        assert_eq!(residency.total_pages, pages, "{}", run.case);
        let found = (residency.proof, residency.before_pages, fetched(run));
        match run.case.cache {
            CacheState::Cold => assert_eq!(found, (Proof::Cold, Some(0), blocks), "{}", run.case),
            CacheState::Warm => assert_eq!(found, (Proof::Warm, Some(pages), 0), "{}", run.case),
        }
        match (run.case.cache, run.case.policy()) {
            (CacheState::Warm, _) => assert_eq!(majors(run), 0, "{}", run.case),
            (CacheState::Cold, Some(Policy::Random)) => assert_eq!(majors(run), pages, "{}", run.case),
            (CacheState::Cold, _) => {
                assert!((1..pages / 2).contains(&majors(run)), "{}: {}", run.case, majors(run));
            }
        }
    }
    // In two blocks, in both patterns: cold by either policy, warm by the first.
    assert_eq!(report.runs.len(), 2 * 2 * (2 + 1));
}

#[test]
#[ignore = "takes a machine in qemu: scripts/test --stage vm"]
fn aarch64_faults_in_16_kib_a_page() {
    faults_are_exact("aarch64", 16384, "ext4");
}

#[test]
#[ignore = "takes a machine in qemu: scripts/test --stage vm"]
fn x86_64_faults_in_4_kib_a_page_of_f2fs() {
    faults_are_exact("x86_64", 4096, "f2fs");
}

/// The agent with the engine, which traces the model there.
#[test]
#[ignore = "takes a machine in qemu: scripts/test --stage vm"]
fn x86_64_replays_with_a_stream_ahead_and_without() {
    let scratch = Scratch::new();
    write_model(&scratch, Bytes::mib(24));
    let job = "--probe replay --policy normal,stream --cache cold --blocks 6 --prompt-tokens 1";
    let report = measured(&scratch, program().with_file_name("packbench-agent"), job);
    let (stream, normal): (Vec<&Run>, Vec<&Run>) =
        report.runs.iter().partition(|run| matches!(run.policy_effective, Some(Policy::Stream(_))));
    assert_eq!((normal.len(), stream.len()), (6, 6));
    let proofs = report.runs.iter().map(|run| run.residency.as_ref().unwrap().proof);
    assert_eq!(proofs.collect::<Vec<_>>(), [Proof::Cold; 12]);
    assert!(
        report.runs.iter().all(|run| fetched(run) == fetched(normal[0])),
        "all that the trace names, once"
    );
    let (ahead, without) = (stream.iter().map(|run| majors(run)), normal.iter().map(|run| majors(run)));
    assert!(ahead.max() < without.min(), "what comes ahead isn't waited for");
    // Which verdict it is depends on the clock; that there is one doesn't.
    let output = scratch.packbench(&["compare", "r.jsonl", "--by", "policy"]).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
}
