//! What an app on the oldest Android that is supported may call, and which of the kernel's files it may open.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod calls;
mod files;

use std::io::Write;
use std::path::Path;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::{CacheState, Job, Model, ProbeKind, Way};
use packbench_core::record::wire::{Assignment, Purpose, Request};
use packbench_core::record::{Line, Run, Status};
use packbench_core::unit::Bytes;
use tempfile::NamedTempFile;

fn model() -> NamedTempFile {
    let mut file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&TinyModel { payload: Bytes::mib(2), ..TinyModel::new(4) }.bytes()).unwrap();
    file
}

/// A small session of pages and reads.
fn job(model: &Path) -> Job {
    let model = Model { name: "m".to_owned(), path: Some(model.to_owned()), arrangement: None };
    Job {
        models: vec![model],
        probes: vec![ProbeKind::Faults, ProbeKind::Reads],
        caches: vec![CacheState::Cold, CacheState::Warm],
        io_sizes: vec![Bytes::kib(64)],
        threads: vec![1.try_into().unwrap(), 3.try_into().unwrap()],
        blocks: 1.try_into().unwrap(),
        cpus: vec![0],
        ..Job::default()
    }
}

/// All that the agent can measure: with an engine, what follows one, too.
fn everything(model: &Path) -> Job {
    let mut everything = job(model);
    if packbench_agent::tool().engine.is_some() {
        everything.probes.extend([ProbeKind::Replay, ProbeKind::FirstToken, ProbeKind::Floor]);
        everything.ways = vec![Way::Remap];
        everything.threads = vec![1.try_into().unwrap()];
    }
    everything
}

/// The line that asks for `job`.
fn request(job: Job) -> Vec<u8> {
    let folder = env!("CARGO_TARGET_TMPDIR").into();
    let assignment = Assignment::new(Purpose::Measure, job, "s".to_owned(), Some(folder));
    let mut line = serde_json::to_vec(&Request::Session(Box::new(assignment))).unwrap();
    line.push(b'\n');
    line
}

fn lines(stdout: &[u8]) -> Vec<Line> {
    let lines = stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// The runs, none of which has failed.
fn runs(lines: &[Line]) -> Vec<&Run> {
    let runs = lines.iter().filter_map(|line| if let Line::Run(run) = line { Some(run) } else { None });
    let runs: Vec<&Run> = runs.collect();
    assert!(runs.iter().all(|run| run.status == Status::Ok), "{lines:?}");
    runs
}
