//! Repacking when something is in the way: names that are taken, folders that are closed, full disks, kills.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use packbench_core::gguf::sample::{LayerOrder, TinyModel, vocabulary};
use packbench_core::random::Random;
use packbench_core::unit::Bytes;

use crate::bad_days::{am_root, mount};
use crate::scratch::{Scratch, program, signal, stderr};

/// Long enough under way to be stopped there.
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let sorted = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(12) };
    TinyModel { payload: Bytes::mib(64), ..sorted }.bytes()
});

fn said(scratch: &Scratch, args: &[&str]) -> String {
    let args = [&["repack"], args].concat();
    scratch.packbench(&args).assert().code(2);
    stderr(&mut scratch.packbench(&args))
}

#[test]
fn what_cannot_be_done_is_explained() {
    let scratch = Scratch::new();
    let model = scratch.write("m.gguf", &TinyModel::new(1).bytes());
    let bytes = fs::read(&model).unwrap();
    scratch.write("v.gguf", &vocabulary(50));
    scratch.write("taken.gguf", b"precious");
    scratch.write("t.json", b"{}");
    symlink("m.gguf", scratch.path("link.gguf")).unwrap();
    fs::hard_link(&model, scratch.path("hard.gguf")).unwrap();
    let cases: [&[&str]; 14] = [
        &["m.gguf", "taken.gguf"],
        &["m.gguf", "./m.gguf", "--force"],
        &["m.gguf", "hard.gguf", "--force"],
        &["link.gguf", "m.gguf", "--force"],
        &["v.gguf", "link.gguf", "--force"],
        &["m.gguf", ".", "--force"],
        &["m.gguf", "/dev/null", "--force"],
        &["m.gguf", "none/new.gguf"],
        &["none.gguf", "new.gguf"],
        &["t.json", "new.gguf"],
        &["m.gguf", "new.gguf", "--order", "trace:t.json"],
        &["m.gguf", "new.gguf", "--order", "like:v.gguf"],
        &["m.gguf", "new.gguf", "--order", "forward:align=64", "--align", "64"],
        &["m.gguf", "new.gguf", "--align", "48"],
    ];
    let report = |args: &&[&str]| {
        let said = said(&scratch, args);
        format!("{}: {}", args.join(" "), said.lines().next().unwrap())
    };
    insta::assert_snapshot!(cases.iter().map(report).collect::<Vec<_>>().join("\n"), @r"
    m.gguf taken.gguf: error: taken.gguf exists: choose another name, or replace it with --force
    m.gguf ./m.gguf --force: error: m.gguf is read to make the new file: give that another name
    m.gguf hard.gguf --force: error: m.gguf is read to make the new file: give that another name
    link.gguf m.gguf --force: error: link.gguf is read to make the new file: give that another name
    v.gguf link.gguf --force: error: link.gguf is a symbolic link: name a file
    m.gguf . --force: error: . is a folder: name a file
    m.gguf /dev/null --force: error: /dev/null is a device: name a file
    m.gguf none/new.gguf: error: creating a file in none: No such file or directory (os error 2)
    none.gguf new.gguf: error: none.gguf: open: No such file or directory (os error 2)
    t.json new.gguf: error: t.json: byte 1, header, JSON: missing field `weight_map`
    m.gguf new.gguf --order trace:t.json: error: t.json: the file holds no weight trace: missing field `schema` at line 1 column 2
    m.gguf new.gguf --order like:v.gguf: error: what the order follows names none of the tensors: is it of another model?
    m.gguf new.gguf --order forward:align=64 --align 64: error: found two alignments, in --order and in --align: name one
    m.gguf new.gguf --align 48: error: invalid value '48' for '--align <BYTES>': found an alignment of 48 B, expected a power of two from 32 B to 2 MiB
    ");
    assert!(fs::read(&model).unwrap() == bytes);
    assert_eq!(fs::read(scratch.path("taken.gguf")).unwrap(), b"precious");
    assert!(!scratch.path("new.gguf").exists());
    scratch.packbench(&["repack", "link.gguf", "taken.gguf", "--force"]).assert().success();
    assert!(fs::read(scratch.path("taken.gguf")).unwrap() == bytes, "a link to a model is a model");
}

#[test]
fn a_full_disk_is_found_before_anything_is_written() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel { payload: Bytes::mib(16), ..TinyModel::new(4) }.bytes());
    let small = scratch.path("small");
    let Some(_mounted) = mount(&small, "8m") else { return };
    let full = said(&scratch, &["m.gguf", "small/new.gguf"]);
    assert_eq!(
        full,
        "error: 16.8 MB is needed in small, found 8.39 MB: make room, or choose another folder\n"
    );
    fs::write(small.join("old.gguf"), b"precious").unwrap();
    said(&scratch, &["m.gguf", "small/old.gguf", "--force"]);
    assert_eq!(fs::read(small.join("old.gguf")).unwrap(), b"precious");
    assert_eq!(fs::read_dir(&small).unwrap().count(), 1);
    assert!(Command::new("mount").args(["-o", "remount,size=32m"]).arg(&small).status().unwrap().success());
    scratch.packbench(&["repack", "m.gguf", "small/new.gguf", "--verify"]).assert().success();
    let again = ["repack", "small/new.gguf", "m.gguf", "--force", "--verify"];
    scratch.packbench(&again).assert().success();
}

#[test]
fn a_folder_that_may_not_be_written_to_is_named() {
    let readable = Scratch::new();
    readable.write("m.gguf", &TinyModel::new(1).bytes());
    if !am_root() || Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: it takes root and setpriv to be somebody else");
        return;
    }
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    fs::copy(readable.path("m.gguf"), folder.path().join("m.gguf")).unwrap();
    fs::copy(program(), folder.path().join("packbench")).unwrap();
    let mut nobody = Command::new("setpriv");
    nobody.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "./packbench",
        "repack",
        "m.gguf",
        "new.gguf",
    ]);
    let output = nobody.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: creating a file in .: ") && said.contains("Permission denied"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
}

/// Memory that a process had at most, as long as it could be asked.
fn peak_memory(mut process: std::process::Child) -> Bytes {
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(process.wait().unwrap().success());
    Bytes::kib(peak)
}

#[test]
fn memory_does_not_grow_with_the_model() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &LARGE);
    for (args, what) in [
        (["repack", "m.gguf", "new.gguf", "--order", "forward:align=16384"], "there"),
        (["repack", "new.gguf", "back.gguf", "--order", "like:m.gguf"], "back"),
    ] {
        let peak = peak_memory(scratch.process(&args).stdout(Stdio::null()).spawn().unwrap());
        assert!(peak > Bytes::mib(1) && peak < Bytes::mib(32), "{what}: {peak}");
    }
}

#[test]
fn an_interrupt_leaves_nothing() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &LARGE);
    let mut process = scratch.process(&["repack", "m.gguf", "new.gguf", "--order", "forward"]);
    let mut process = process.stderr(Stdio::piped()).spawn().unwrap();
    let unfinished = || scratch.names().iter().any(|name| name.starts_with(".packbench-unfinished-"));
    while !unfinished() && process.try_wait().unwrap().is_none() {}
    signal(&process, "INT");
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "stopped: there is no new file\n");
    assert_eq!(scratch.names(), ["m.gguf"]);
}

/// At any moment: before, while it is copied, while it is named, after.
#[test]
fn a_hundred_kills_leave_the_model_whole_and_no_half_file() {
    let scratch = Scratch::new();
    let original = TinyModel { payload: Bytes::mib(16), ..TinyModel::new(12) }.bytes();
    scratch.write("m.gguf", &original);
    let args = ["repack", "m.gguf", "new.gguf", "--order", "shuffled:7"];
    let begun = Instant::now();
    scratch.packbench(&args).assert().success();
    let whole_life = begun.elapsed().as_micros() as u64;
    let expected = fs::read(scratch.path("new.gguf")).unwrap();
    let mut random = Random::new(2026);
    let mut unfinished = 0;
    for kill in 0..100 {
        let _ = fs::remove_file(scratch.path("new.gguf"));
        let mut process = scratch.process(&args).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.next_u64() % (whole_life * 5 / 4)));
        let _ = process.kill();
        process.wait().unwrap();
        assert!(fs::read(scratch.path("m.gguf")).unwrap() == original, "kill {kill}");
        match fs::read(scratch.path("new.gguf")) {
            Ok(new) => assert!(new == expected, "kill {kill}: half a file has the name of the whole one"),
            Err(_) => unfinished += 1,
        }
        let left = scratch.names().iter().filter(|name| name.starts_with(".packbench-unfinished-")).count();
        assert!(left <= 1, "kill {kill}: what the one before left was swept");
    }
    assert!(unfinished > 0);
    scratch.packbench(&[&args[..], &["--force"]].concat()).assert().success();
    assert!(fs::read(scratch.path("new.gguf")).unwrap() == expected);
    assert_eq!(scratch.names(), ["m.gguf", "new.gguf"]);
}

#[test]
fn a_model_that_is_cut_short_is_refused() {
    let scratch = Scratch::new();
    let bytes = TinyModel::new(2).bytes();
    scratch.write("cut.gguf", &bytes[..bytes.len() - 1]);
    let said = said(&scratch, &["cut.gguf", "new.gguf"]);
    assert!(said.starts_with("error: cut.gguf: ") && said.contains("is it cut short?"), "{said}");
    assert!(!scratch.path("new.gguf").exists());
}
