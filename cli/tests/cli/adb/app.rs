//! The app, of which there is a stand-in only: a script in the place of `am` that runs the same core.

use packbench_core::gguf::sample::TinyModel;

use super::phone::{Phone, agent, wait_for};
use super::{RUNS, started};
use crate::scratch::{Scratch, finished, stderr};

const JOB: &str = "--out r.jsonl --json --probe faults --pattern sequential --cache cold --blocks 6 --as app";
const EXCHANGE: &str = "sdcard/Android/media/dev.packbench.app";

fn with_app(scratch: &Scratch, port: u16) -> Phone {
    let phone = Phone::new(scratch, port);
    std::fs::create_dir_all(phone.data("app")).unwrap();
    std::fs::copy(agent(), phone.data("app/agent")).unwrap();
    phone
}

fn job(on: &str) -> Vec<&str> {
    ["run", "m.gguf", "--on", on].into_iter().chain(JOB.split(' ')).collect()
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn the_stand_in_for_the_app_measures_and_keeps_its_model() {
    let scratch = Scratch::new();
    scratch.model();
    let phone = with_app(&scratch, 15081);
    let (on, setting) = (phone.on(), phone.data("setting.global.stay_on_while_plugged_in"));
    std::fs::write(&setting, "3\n").unwrap();
    let said = stderr(&mut scratch.packbench(&job(&on)));
    assert!(said.contains("pushing m.gguf"), "{said}");
    assert_eq!(finished(&scratch.report("r.jsonl")).len(), RUNS, "{said}");
    assert_eq!(std::fs::read_to_string(&setting).unwrap(), "3\n", "the screen's timeout is as it was");
    let asked = phone.asked().join("\n");
    assert!(
        asked.contains(
            "settings put global stay_on_while_plugged_in 7\ninput keyevent KEYCODE_WAKEUP\nwm dismiss-keyguard"
        ),
        "{asked}"
    );
    assert!(asked.contains("am force-stop dev.packbench.app\nam instrument -w -r -e assignment"), "{asked}");
    assert!(!phone.data(EXCHANGE).join("m.gguf").exists(), "the app has its own");
    assert!(!phone.data(EXCHANGE).join("assignment.json").exists(), "nothing is left");
    let stopped = asked.rfind("am force-stop").unwrap();
    assert!(stopped > asked.rfind("am instrument").unwrap(), "nor in front: {asked}");

    std::fs::remove_file(scratch.path("r.jsonl")).unwrap();
    let first_token = ["--probe", "first_token", "--policy", "normal,stream", "--blocks", "2"];
    let fresh = ["run", "m.gguf", "--on", &on, "--as", "app", "--cache", "cold", "--out", "r.jsonl"];
    let said = stderr(&mut scratch.packbench(&[&fresh[..], &first_token].concat()));
    assert!(!said.contains("pushing"), "{said}");
    assert!(finished(&scratch.report("r.jsonl")).len() >= 4, "{said}");
    let started = phone.asked().iter().filter(|line| line.starts_with("am instrument")).count();
    assert!(started >= 5, "each first token has the app started anew: {started}");
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_model_that_the_stand_in_lost_or_has_another_one_of_is_pushed_again_at_once() {
    let scratch = Scratch::new();
    scratch.model();
    let phone = with_app(&scratch, 15121);
    let (on, own) = (phone.on(), phone.data("app/models/m.gguf"));
    let pushes = || {
        let _ = std::fs::remove_file(scratch.path("r.jsonl"));
        let output = scratch.packbench(&job(&on)).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert_eq!(finished(&scratch.report("r.jsonl")).len(), RUNS, "{said}");
        said.matches("pushing m.gguf").count()
    };
    assert_eq!(pushes(), 1);
    assert_eq!(pushes(), 0, "never twice");
    std::fs::remove_file(&own).unwrap();
    assert_eq!(pushes(), 1);
    std::fs::write(&own, TinyModel::new(5).bytes()).unwrap();
    assert_eq!(pushes(), 1, "another model of that name isn't measured");
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_connection_that_is_back_at_once_has_killed_no_run() {
    let scratch = Scratch::new();
    scratch.model();
    let phone = with_app(&scratch, 15131);
    let on = phone.on();
    let process = started(&scratch, &job(&on));
    let report = || std::fs::read_to_string(scratch.path("r.jsonl")).unwrap_or_default();
    wait_for("a run", || report().contains("\"kind\":\"run\""));
    let adb = child_of(process.id(), "BenchInstrumentation").unwrap();
    assert!(std::process::Command::new("kill").args(["-KILL", &adb]).status().unwrap().success());
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the device went away") && !report().contains("\"killed\""), "{said}");
    scratch.packbench(&["run", "--resume", "r.jsonl", "--on", &on, "--as", "app"]).assert().success();
    assert_eq!(finished(&scratch.report("r.jsonl")).len(), RUNS);
}

/// The process that `parent` started with `word` among its arguments.
fn child_of(parent: u32, word: &str) -> Option<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().into_string().ok());
    numbers.find(|number| {
        let text = |file: &str| std::fs::read_to_string(format!("/proc/{number}/{file}")).unwrap_or_default();
        text("status").contains(&format!("PPid:\t{parent}\n")) && text("cmdline").contains(word)
    })
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn unplugged_while_the_stand_in_measures_it_goes_on_later() {
    let scratch = Scratch::new();
    scratch.model();
    let mut phone = with_app(&scratch, 15091);
    let on = phone.on();
    let process = started(&scratch, &job(&on));
    wait_for("a run", || {
        std::fs::read_to_string(scratch.path("r.jsonl")).is_ok_and(|text| text.contains("\"kind\":\"run\""))
    });
    phone.unplug();
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!("go on with: packbench run --resume r.jsonl --on {on} --as app")),
        "{said}"
    );
    phone.plug_in();
    scratch.packbench(&["run", "--resume", "r.jsonl", "--on", &on, "--as", "app"]).assert().success();
    assert_eq!(finished(&scratch.report("r.jsonl")).len(), RUNS);
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn without_the_app_it_says_what_to_install() {
    let scratch = Scratch::new();
    scratch.model();
    let phone = Phone::new(&scratch, 15101);
    let said = stderr(&mut scratch.packbench(&job(&phone.on())));
    assert!(
        said.contains("found no dev.packbench.app on 127.0.0.1:15101, expected it: install the app"),
        "{said}"
    );
}
