//! An app may not call all of the system. The agent measures under the filter of the oldest Android that is supported: a
//! call that isn't on its list ends it with SIGSYS.

#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

// Nothing of it is called here: it brings the engine, whose hooks this package's linker arguments ask for.
use packbench_agent as _;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::{CacheState, Job, Model, ProbeKind};
use packbench_core::record::wire::{Assignment, Purpose, Request};
use packbench_core::record::{Line, Status};
use packbench_core::unit::Bytes;
use seccompiler::{BpfProgram, apply_filter, compile_from_json};

const ALLOWED: &str = include_str!("data/app-syscalls.txt");

/// What glibc and Rust's library try first on Linux, and can do without. They are told that the kernel doesn't know it, so
/// nothing else can use it either.
const TRIED: [&str; 5] = ["access", "clone3", "rseq", "set_robust_list", "statx"];

/// What glibc calls where Android's C library calls `mkdirat` and `ppoll`, which are on the list.
const RENAMED: [&str; 2] = ["mkdir", "poll"];

/// Those of `names` that this processor's system has: newer ones have no names for what can be said otherwise.
fn here(names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let old = ["access", "mkdir", "poll"];
    names.iter().copied().filter(move |name| cfg!(target_arch = "x86_64") || !old.contains(name))
}

fn allowed() -> impl Iterator<Item = &'static str> {
    let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    ALLOWED.lines().filter_map(|line| line.split_once(' ')).flat_map(move |(architectures, names)| {
        let is_ours = architectures.split(',').any(|architecture| architecture == here);
        names.split(' ').filter(move |_| is_ours)
    })
}

/// A filter that does `found` to `calls` and `else_` to all others.
fn filter<'a>(
    calls: impl Iterator<Item = &'a str>,
    found: serde_json::Value,
    else_: serde_json::Value,
) -> BpfProgram {
    let rules: Vec<_> = calls.map(|name| serde_json::json!({ "syscall": name })).collect();
    let filter = serde_json::json!({ "match_action": found, "mismatch_action": else_, "filter": rules });
    let json = serde_json::json!({ "app": filter }).to_string();
    let target = std::env::consts::ARCH.try_into().unwrap();
    compile_from_json(json.as_bytes(), target).unwrap().remove("app").unwrap()
}

/// Runs `command` as an app, with `input`.
fn as_app(mut command: Command, input: &[u8]) -> Output {
    const ENOSYS: u32 = 38;
    let app = filter(allowed().chain(here(&TRIED)).chain(here(&RENAMED)), "allow".into(), "trap".into());
    let unknown = filter(here(&TRIED), serde_json::json!({ "errno": ENOSYS }), "allow".into());
    // SAFETY: only the two calls that install the filters are made between fork and exec.
    unsafe {
        command.pre_exec(move || {
            let install = |filter| apply_filter(filter).map_err(|_| std::io::ErrorKind::Unsupported.into());
            install(&unknown).and_then(|()| install(&app))
        });
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(input).unwrap();
    // Its input stays open until it has ended: an agent that nobody waits for ends itself.
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    output
}

fn request(model: &Path) -> Vec<u8> {
    let model = Model { name: "m".to_owned(), path: Some(model.to_owned()), arrangement: None };
    let job = Job {
        models: vec![model],
        probes: vec![ProbeKind::Faults, ProbeKind::Reads],
        caches: vec![CacheState::Cold, CacheState::Warm],
        io_sizes: vec![Bytes::kib(64)],
        threads: vec![1.try_into().unwrap(), 3.try_into().unwrap()],
        blocks: 1.try_into().unwrap(),
        cpus: vec![0],
        ..Job::default()
    };
    let folder = env!("CARGO_TARGET_TMPDIR").into();
    let assignment = Assignment::new(Purpose::Measure, job, "s".to_owned(), Some(folder));
    let mut line = serde_json::to_vec(&Request::Session(Box::new(assignment))).unwrap();
    line.push(b'\n');
    line
}

#[test]
fn a_session_makes_no_call_that_an_app_may_not_make() {
    let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&TinyModel { payload: Bytes::mib(2), ..TinyModel::new(4) }.bytes()).unwrap();
    let output = as_app(Command::new(env!("CARGO_BIN_EXE_packbench-agent")), &request(file.path()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said} (signal 31: a call that is not on the list)", output.status);
    let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Line> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let runs = lines.iter().filter_map(|line| if let Line::Run(run) = line { Some(run) } else { None });
    assert!(runs.clone().all(|run| run.status == Status::Ok), "{lines:?}");
    assert!(runs.count() > 10);
}

#[test]
fn the_filter_ends_what_calls_something_else() {
    const SIGSYS: i32 = 31;
    assert!(as_app(Command::new("true"), b"").status.success());
    let mut command = Command::new("chroot");
    command.args(["/", "true"]);
    assert_eq!(as_app(command, b"").status.signal(), Some(SIGSYS));
}
