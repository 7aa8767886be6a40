//! An app may not call all of the system. The agent measures under the filter of the oldest Android that is supported: a
//! call that isn't on its list ends it with SIGSYS.

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output, Stdio};

use seccompiler::{BpfProgram, apply_filter, compile_from_json};

use super::{job, lines, model, request, runs};

const ALLOWED: &str = include_str!("../data/app-syscalls.txt");

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

#[test]
fn a_session_makes_no_call_that_an_app_may_not_make() {
    let file = model();
    let asked = request(job(file.path()));
    let output = as_app(Command::new(env!("CARGO_BIN_EXE_packbench-agent")), &asked);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said} (signal 31: a call that is not on the list)", output.status);
    assert!(runs(&lines(&output.stdout)).len() > 10);
}

#[test]
fn the_filter_ends_what_calls_something_else() {
    const SIGSYS: i32 = 31;
    assert!(as_app(Command::new("true"), b"").status.success());
    let mut command = Command::new("chroot");
    command.args(["/", "true"]);
    assert_eq!(as_app(command, b"").status.signal(), Some(SIGSYS));
}
