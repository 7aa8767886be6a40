//! `scripts/adb-run`: programs of this machine, run on the device as cargo would.

use std::process::{Command, Output};

use super::phone::Phone;
use crate::scratch::Scratch;

fn run(phone: &Phone, arguments: &[&str]) -> Output {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/adb-run"));
    command.args(arguments).env("ANDROID_SERIAL", phone.serial()).output().unwrap()
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_program_runs_on_the_device_and_its_exit_code_comes_back() {
    let scratch = Scratch::new();
    let mut phone = Phone::new(&scratch, 15111);
    let this = std::env::current_exe().unwrap();
    let listed = run(&phone, &[this.to_str().unwrap(), "--list"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success() && text.contains("a_program_runs_on_the_device"), "{text}");

    let words =
        run(&phone, &["/bin/sh", "-c", "pwd; echo \"$1\"; echo wrong >&2; exit 7", "sh", "it's $one word"]);
    let text = String::from_utf8(words.stdout).unwrap();
    assert_eq!(words.status.code(), Some(7));
    assert!(
        text.starts_with("/data/local/tmp/packbench-run.") && text.ends_with("\nit's $one word\n"),
        "{text}"
    );
    assert_eq!(String::from_utf8(words.stderr).unwrap(), "wrong\n");
    assert_eq!(std::fs::read_dir(phone.data("local/tmp")).unwrap().count(), 0, "nothing stays");

    phone.unplug();
    assert!(!run(&phone, &["/bin/true"]).status.success());
}
