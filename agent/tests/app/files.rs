//! An app may open few of the kernel's files. The agent opens no others but those that it can do without, and does without
//! them when it is refused.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use packbench_core::record::{Line, Proof};

use super::{everything, lines, model, request, runs};

const LISTED: &str = include_str!("../data/app-files.txt");

/// Whether `path` is listed behind `word`. What ends with a slash is a folder with all that is in it.
fn is_listed(word: &str, path: &str) -> bool {
    let listed = LISTED.lines().filter_map(|line| line.split_once(' ')).filter(|(other, _)| *other == word);
    listed.map(|(_, listed)| listed).any(|listed| match listed.strip_suffix('/') {
        Some(folder) => path == folder || path.starts_with(listed),
        None => path == listed,
    })
}

/// What a session of the agent wrote, and the kernel's files that it asked for: those in `refused` it can't open.
fn traced(asked: &[u8], refused: &BTreeSet<String>) -> (Vec<Line>, BTreeSet<String>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.args([
        "--follow-forks",
        "--seccomp-bpf",
        "--quiet=all",
        "--string-limit=4096",
        "--trace=open,openat,openat2",
    ]);
    command.arg("--output").arg(log.path());
    if !refused.is_empty() {
        command.arg("--inject=open,openat,openat2:error=EACCES");
        command.args(refused.iter().map(|path| format!("--trace-path={path}")));
    }
    command.arg(env!("CARGO_BIN_EXE_packbench-agent"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Open until it has ended: an agent that nobody waits for ends itself.
    let mut input = child.stdin.take().unwrap();
    input.write_all(asked).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let calls = std::fs::read_to_string(log.path()).unwrap();
    let paths = calls.lines().filter_map(|call| call.split('"').nth(1));
    let kernels = paths.filter(|path| path.starts_with("/proc/") || path.starts_with("/sys/"));
    (lines(&output.stdout), kernels.map(str::to_owned).collect())
}

#[test]
#[ignore = "takes strace: scripts/test --stage files"]
fn a_session_opens_what_an_app_may_and_does_without_the_rest() {
    let model = model();
    let asked = request(everything(model.path()));
    let (told, opened) = traced(&asked, &BTreeSet::new());
    assert!(opened.contains("/proc/self/io") && opened.contains("/proc/meminfo"), "{opened:?}");
    let (allowed, rest): (BTreeSet<_>, BTreeSet<_>) =
        opened.into_iter().partition(|path| is_listed("may", path));
    let unlisted: Vec<_> = rest.iter().filter(|path| !is_listed("without", path)).collect();
    assert!(unlisted.is_empty(), "an app may not open {unlisted:?}, and nothing says that it needn't");

    let (told_less, refused) = traced(&asked, &rest);
    assert_eq!(refused, rest, "what was refused was asked for");
    assert!(allowed.is_disjoint(&refused));
    let proofs = |lines: &[Line]| -> Vec<Proof> {
        runs(lines).iter().filter_map(|run| run.residency.as_ref()).map(|found| found.proof).collect()
    };
    assert_eq!(proofs(&told_less), proofs(&told), "what is measured is the same");
    let load = |lines: &[Line]| runs(lines)[0].conditions.before.as_ref().unwrap().load_1m_milli;
    assert!(load(&told).is_some());
    assert_eq!(load(&told_less), None, "missing is no number");
}
