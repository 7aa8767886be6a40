//! `--on adb` against a real adb and a real adbd: `scripts/test --stage adb`. There is no Android: what needs it goes
//! through stand-ins, and the stand-in for the app runs the same core as the app does.

mod app;
mod phone;
mod runner;
mod settings;
mod shell;

use std::process::{Child, Stdio};

use crate::scratch::{Scratch, stderr};
use phone::{Phone, adb};

/// Arguments of a run in the shell of `phone`, of 18 runs with the engine left out.
fn job<'a>(on: &'a str, agent: &'a str) -> Vec<&'a str> {
    let job = "run m.gguf --out r.jsonl --json --probe faults --pattern sequential --cache cold --blocks 6";
    let mut arguments: Vec<&str> = job.split(' ').collect();
    arguments.extend(["--on", on, "--agent", agent]);
    arguments
}

const RUNS: usize = 3 * 6;

fn started(scratch: &Scratch, arguments: &[&str]) -> Child {
    let mut command = scratch.process(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn the_device_that_is_meant_is_found_or_missed() {
    let scratch = Scratch::new();
    scratch.model();
    let run = |on: &str| {
        let output = scratch.packbench(&["run", "m.gguf", "--list", "--on", on]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    adb(&["disconnect"]);
    assert!(run("adb").contains("found no device, expected one: plug a phone in"), "{}", run("adb"));
    let first = Phone::new(&scratch, 15001);
    let said = run("adb:R58M123");
    assert!(said.contains("found no device R58M123, expected one of: 127.0.0.1:15001"), "{said}");
    let mut second = Phone::new(&scratch, 15002);
    let said = run("adb");
    assert!(said.contains("found 2 devices, expected one. Name it:\n  --on adb:127.0.0.1:15001"), "{said}");
    second.unplug();
    phone::wait_for("adb to notice", || adb(&["devices"]).contains("15002\toffline"));
    let said = run(&second.on());
    assert!(said.contains("found 127.0.0.1:15002 offline, expected it ready: wait a moment"), "{said}");
    let said = run(&first.on());
    let machine = std::env::consts::ARCH;
    assert!(said.contains(&format!("packbench-agent-{machine}: expected an agent for {machine}")), "{said}");
    let said = stderr(&mut scratch.packbench(&["run", "m.gguf", "--list", "--on", "phone"]));
    assert!(said.contains("expected host, adb, adb:SERIAL"), "{said}");
    let said = stderr(&mut scratch.packbench(&["run", "m.gguf", "--list", "--as", "app"]));
    assert!(said.contains("found --on host, expected adb: --as, --agent and --fixed-performance"), "{said}");
}
