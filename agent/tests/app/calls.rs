//! An app may not call all of the system. A session is carried out under the filter of the oldest Android that is supported,
//! as an app does it: into a report, with a copy that is made of the model. A call that isn't on the list ends it with SIGSYS.

use std::env;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

use packbench_core::job::Model;
use packbench_core::os;
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{Line, PhaseName, Report, Status};
use packbench_core::session::{Carried, ReportWriter};
use seccompiler::{BpfProgram, apply_filter, compile_from_json};

use super::{everything, model};

const ALLOWED: &str = include_str!("../data/app-syscalls.txt");

/// What the filter lets pass and the policy of SELinux refuses to apps.
const REFUSED: [&str; 1] = ["linkat"];

/// What glibc, Rust's library and core try first on Linux, and can do without. They are told that the kernel doesn't know it,
/// so nothing else can use it either.
const TRIED: [&str; 7] =
    ["access", "clone3", "renameat2", "rseq", "set_robust_list", "statx", "sync_file_range"];

/// What glibc calls where Android's C library calls `mkdirat`, `ppoll` and `unlinkat`, which are on the list.
const RENAMED: [&str; 4] = ["mkdir", "poll", "rmdir", "unlink"];

/// Those of `names` that this processor's system has: newer ones have no names for what can be said otherwise.
fn here(names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let old = ["access", "mkdir", "poll", "rmdir", "unlink"];
    names.iter().copied().filter(move |name| cfg!(target_arch = "x86_64") || !old.contains(name))
}

fn allowed() -> impl Iterator<Item = &'static str> {
    let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    ALLOWED.lines().filter_map(|line| line.split_once(' ')).flat_map(move |(architectures, names)| {
        let is_ours = architectures.split(',').any(|architecture| architecture == here);
        names.split(' ').filter(move |name| is_ours && !REFUSED.contains(name))
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
    let target = env::consts::ARCH.try_into().unwrap();
    compile_from_json(json.as_bytes(), target).unwrap().remove("app").unwrap()
}

/// Runs `command` as an app.
fn as_app(mut command: Command) -> Output {
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
    command.output().unwrap()
}

#[test]
fn a_session_makes_no_call_that_an_app_may_not_make() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "calls::a_session_into_a_report", "--include-ignored", "--nocapture"]);
    let output = as_app(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said} (signal 31: a call that is not on the list)", output.status);
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
#[ignore = "run by the test above, as an app"]
fn a_session_into_a_report() {
    let (model, folder) = (model(), tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    let original = folder.path().join("m.gguf");
    std::fs::write(&original, std::fs::read(model.path()).unwrap()).unwrap();
    let mut job = everything(&original);
    let copy = Model {
        name: "copy".into(),
        arrangement: Some("shuffled:1".parse().unwrap()),
        ..job.models[0].clone()
    };
    job.models.push(copy);
    let cache = folder.path().join("cache");
    let assignment = Assignment::new(Purpose::Measure, job, "s".into(), Some(cache));
    let (path, cancel) = (folder.path().join("r.jsonl"), AtomicBool::new(false));
    let (mut writer, mut copied) = (None, false);
    let mut sink = |line: &Line| {
        copied |= matches!(line, Line::Phase(phase) if phase.phase == PhaseName::Repack);
        match &mut writer {
            None => {
                ReportWriter::create(&path, line).map(|new| writer = Some(new)).map_err(std::io::Error::other)
            }
            Some(writer) => writer.append(line),
        }
    };
    let carried = packbench_agent::carry_out(&os::host(), &assignment, &cancel, &mut sink).unwrap();
    assert_eq!(carried, Carried::Through);
    let report = Report::read(&std::fs::read(&path).unwrap()).unwrap();
    assert!(copied && report.runs.len() > 20, "{}", report.runs.len());
    assert!(report.runs.iter().all(|run| run.status == Status::Ok), "{:?}", report.runs);
}

#[test]
fn the_filter_ends_what_calls_something_else() {
    const SIGSYS: i32 = 31;
    assert!(as_app(Command::new("true")).status.success());
    let mut command = Command::new("chroot");
    command.args(["/", "true"]);
    assert_eq!(as_app(command).status.signal(), Some(SIGSYS));
}
