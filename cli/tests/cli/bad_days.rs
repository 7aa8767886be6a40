//! Full disks, foreign files, missing folders.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use packbench_core::record::{Caveat, Proof, SelfTest};

use crate::scratch::{Scratch, program, stderr};

const JOB: [&str; 6] = ["--probe", "faults", "--cache", "cold", "--pattern", "sequential"];

pub fn am_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n")
}

/// A small file system that is gone with its owner.
pub struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

pub fn mount<'a>(path: &'a Path, size: &str) -> Option<Mounted<'a>> {
    std::fs::create_dir_all(path).unwrap();
    let options = format!("size={size}");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
    let mounted = mounted.is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: a small file system can't be mounted here");
    }
    mounted.then_some(Mounted(path))
}

#[test]
fn a_full_disk_keeps_what_was_finished() {
    let scratch = Scratch::new();
    scratch.model();
    let small = scratch.path("small");
    let Some(_mounted) = mount(&small, "64k") else { return };
    let args = [&["run", "m.gguf", "--out", "small/r.jsonl", "--blocks", "200"][..], &JOB].concat();
    let output = scratch.packbench(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("make room and go on with --resume: No space left on device"), "{said}");
    let kept = scratch.report("small/r.jsonl").runs.len();
    assert!(kept > 10, "{kept}");
    // Room is made, and a few more blocks fit.
    assert!(Command::new("mount").args(["-o", "remount,size=8m"]).arg(&small).status().unwrap().success());
    let blocks = (kept / 3 + 2).to_string();
    scratch.packbench(&["run", "--resume", "small/r.jsonl", "--blocks", &blocks]).assert().success();
    let report = scratch.report("small/r.jsonl");
    assert_eq!(report.runs.len(), (kept / 3 + 2) * 3);
}

#[test]
fn a_report_that_cannot_be_begun_says_why() {
    let scratch = Scratch::new();
    scratch.model();
    for place in ["none/r.jsonl", "/proc/r.jsonl"] {
        let args = [&["run", "m.gguf", "--out", place][..], &JOB].concat();
        scratch.packbench(&args).assert().code(2);
        let said = stderr(&mut scratch.packbench(&args));
        assert!(said.contains(&format!("creating {place}: ")), "{said}");
    }
    scratch.write("old.jsonl", b"precious");
    let args = [&["run", "m.gguf", "--out", "old.jsonl"][..], &JOB].concat();
    assert!(stderr(&mut scratch.packbench(&args)).contains("old.jsonl exists"));
    assert_eq!(std::fs::read(scratch.path("old.jsonl")).unwrap(), b"precious");
}

/// Residency of a file that the caller may not write to is hidden: everything seems to be in memory.
#[test]
fn a_foreign_file_is_measured_and_not_called_cold() {
    if !am_root() || Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: it takes root and setpriv to be somebody else");
        return;
    }
    // Others must be able to reach the program and the file, wherever the build lies.
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::copy(Scratch::new().model(), place("m.gguf")).unwrap();
    std::fs::copy(program(), place("packbench")).unwrap();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "./packbench", "run", "m.gguf"]);
    nobody.args(["--out", "r.jsonl"]).args(JOB).current_dir(folder.path()).env("HOME", folder.path());
    let output = nobody.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = packbench_core::record::Report::read(&std::fs::read(place("r.jsonl")).unwrap()).unwrap();
    assert_eq!(report.variants[0].residency_self_test, SelfTest::MincoreDoesNotTell);
    for run in &report.runs {
        assert_eq!(run.residency.as_ref().unwrap().proof, Proof::ColdUnverified);
        assert!(run.caveats.contains(&Caveat::ColdUnverified));
    }
    std::fs::set_permissions(place("m.gguf"), PermissionsExt::from_mode(0o600)).unwrap();
    let mut inspect = Command::new("setpriv");
    inspect.args(["--reuid=65534", "--regid=65534", "--clear-groups", "./packbench", "inspect", "m.gguf"]);
    let output = inspect.current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("m.gguf: open: Permission denied"));
}
