//! `--on ios` and `--on sim` against a stand-in for xcrun: `scripts/test --stage xcrun`. It answers with devicectl's and
//! simctl's JSON, as far as that is public, and its app runs the same core over a folder as container. Nothing here has
//! seen a Mac.

mod cuts;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use assert_cmd::Command;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::record::{Line, Proof, RunKey, Status};
use packbench_core::unit::Bytes;

use crate::scratch::{Scratch, finished, program, signal};

const UDID: &str = "00008130-000A1B2C3D4E5F60";
const SIMULATOR: &str = "5D5C3B1E-0D2A-4C0B-9C2B-6D1F3E0A7B11";
/// A job of 18 runs that takes no engine.
const JOB: [&str; 13] = [
    "--out",
    "r.jsonl",
    "--json",
    "--probe",
    "faults",
    "--pattern",
    "sequential",
    "--cache",
    "cold",
    "--blocks",
    "6",
    "--suppress",
    "Charging",
];
const RUNS: usize = 3 * 6;

/// A scratch folder with a stand-in for xcrun, a phone and a simulator.
struct Mac {
    scratch: Scratch,
    /// What the app was built with.
    id: &'static str,
}

impl Mac {
    /// The app is installed on both.
    fn new() -> Self {
        let mac = Mac::without_app();
        for udid in [UDID, SIMULATOR] {
            std::fs::create_dir_all(mac.documents(udid)).unwrap();
        }
        mac
    }

    fn without_app() -> Self {
        let mac = Mac { scratch: Scratch::new(), id: "dev.packbench.app" };
        for folder in ["bin", "packbench.app"] {
            std::fs::create_dir_all(mac.scratch.path(folder)).unwrap();
        }
        mac.program("xcrun", include_bytes!("xcrun/standin"));
        mac.program("script", include_bytes!("xcrun/script"));
        mac.plug_in();
        mac.simulators("Booted");
        mac.scratch.model();
        mac
    }

    fn program(&self, name: &str, text: &[u8]) {
        let file = self.scratch.write(&format!("bin/{name}"), text);
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn plug_in(&self) {
        self.devices(&[phone(UDID, "connected", "paired", "enabled")]);
    }

    fn devices(&self, devices: &[serde_json::Value]) {
        self.lists("devices.json", &serde_json::json!(devices));
    }

    /// Whole or not at all: the stand-in may be reading.
    fn lists(&self, name: &str, value: &serde_json::Value) {
        self.scratch.write("listed.new", value.to_string().as_bytes());
        std::fs::rename(self.scratch.path("listed.new"), self.scratch.path(name)).unwrap();
    }

    fn simulators(&self, state: &str) {
        let one =
            serde_json::json!({"udid": SIMULATOR, "name": "iPhone 16", "state": state, "isAvailable": true});
        let list = serde_json::json!({"devices": {"com.apple.CoreSimulator.SimRuntime.iOS-18-1": [one]}});
        self.lists("simulators.json", &list);
    }

    fn documents(&self, udid: &str) -> PathBuf {
        self.scratch.path(udid).join("Documents")
    }

    fn packbench(&self, args: &[&str]) -> Command {
        Command::from_std(self.process(args))
    }

    fn process(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.scratch.process(args);
        let path = format!("{}:{}", self.scratch.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("STANDIN", self.scratch.path("")).env("PROGRAM", program());
        command.env("PACKAGE", self.id);
        command
    }

    fn run(&self, on: &str, more: &[&str]) -> Said {
        self.said(&[&["run", "m.gguf", "--on", on], &JOB[..], more].concat())
    }

    fn said(&self, args: &[&str]) -> Said {
        let output = self.packbench(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        Said { code: output.status.code(), text }
    }

    fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.scratch.path("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn count(&self, words: &str) -> usize {
        self.asked().iter().filter(|line| line.contains(words)).count()
    }

    fn finished(&self) -> usize {
        finished(&self.scratch.report("r.jsonl")).len()
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.scratch.path(name)).unwrap();
    }
}

struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    /// It refused, and said `words`.
    #[track_caller]
    fn refuses(&self, words: &str) {
        assert!(self.code == Some(2) && self.text.contains(words), "{:?}: {}", self.code, self.text);
    }

    #[track_caller]
    fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.text);
        self.text
    }
}

fn phone(udid: &str, tunnel: &str, pairing: &str, mode: &str) -> serde_json::Value {
    serde_json::json!({
        "connectionProperties": {"pairingState": pairing, "transportType": "wired", "tunnelState": tunnel},
        "deviceProperties": {"name": format!("Phone {udid}"), "developerModeStatus": mode, "osVersionNumber": "18.1"},
        "hardwareProperties": {"deviceType": "iPhone", "platform": "iOS", "reality": "physical", "udid": udid},
        "identifier": format!("ID-{udid}")
    })
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_model_is_pushed_once_and_measured_with_proof() {
    for (on, udid) in [("ios", UDID), ("sim:booted", SIMULATOR)] {
        let mac = Mac::new();
        let said = mac.run(on, &[]).succeeds();
        assert!(said.contains(&format!("pushing m.gguf (2.10 MB) to {udid}")), "{said}");
        let report = mac.scratch.report("r.jsonl");
        let proofs = report.runs.iter().map(|run| run.residency.as_ref().unwrap().proof);
        assert_eq!(proofs.collect::<Vec<_>>(), vec![Proof::Cold; RUNS]);
        let text = std::fs::read_to_string(mac.scratch.path("r.jsonl")).unwrap();
        assert!(!text.contains(udid) && !text.contains("Documents"), "no UDID and no path");
        assert_eq!(mac.count("answer.txt"), 0, "nothing was missing on the console");

        mac.remove("r.jsonl");
        let said = mac.run(&format!("{}:{udid}", &on[..3]), &[]).succeeds();
        assert!(!said.contains("pushing"), "never twice: {said}");
        // Another file under its name is noticed by its length, or else by its content.
        mac.remove("r.jsonl");
        std::fs::write(mac.documents(udid).join("m.gguf"), "short").unwrap();
        assert!(mac.run(on, &[]).succeeds().contains("pushing m.gguf"));
        mac.remove("r.jsonl");
        let pushed = mac.documents(udid).join("m.gguf");
        let mut bytes = std::fs::read(&pushed).unwrap();
        let last = bytes.len() - 100;
        bytes[last] ^= 1;
        std::fs::write(&pushed, bytes).unwrap();
        mac.run(on, &[]).refuses("isn't the file that was pushed");
        let _ = std::fs::remove_file(mac.scratch.path("r.jsonl"));
        assert!(mac.run(on, &[]).succeeds().contains("pushing m.gguf"));
    }
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn each_first_token_of_a_real_model_has_the_app_launched_anew() {
    let mac = Mac::new();
    let model = real_model();
    let probe =
        ["--probe", "first_token", "--policy", "normal,stream", "--prompt-tokens", "1", "--blocks", "1"];
    let more = ["--cache", "cold", "--out", "r.jsonl"];
    let run = ["run", &model, "--on", "ios"];
    mac.said(&[&run[..], &probe, &more].concat()).succeeds();
    let report = mac.scratch.report("r.jsonl");
    assert_eq!(
        report.runs.iter().filter(|run| run.status == Status::Ok && run.first_token.is_some()).count(),
        2
    );
    assert!(mac.count("process launch --console --terminate-existing") >= 3, "{:#?}", mac.asked());
    let launch = mac.asked().into_iter().find(|line| line.contains("process launch")).unwrap();
    assert!(
        launch.contains(&format!("--device {UDID} dev.packbench.app -- --assignment assignment-")),
        "{launch}"
    );
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn locked_between_two_launches_it_says_how_to_go_on() {
    let mac = Mac::new();
    let model = real_model();
    let probe = ["--probe", "first_token", "--policy", "normal", "--prompt-tokens", "1", "--blocks", "4"];
    let begin = ["run", &model, "--on", "ios", "--json", "--cache", "cold", "--out", "r.jsonl"];
    let mut process = mac.process(&[&begin[..], &probe].concat());
    let mut process = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| run(line).is_some()).unwrap();
    let locked = "process launch\tUnable to launch because the device was not, or could not be, unlocked.";
    mac.scratch.write("fail", locked.as_bytes());
    lines.for_each(drop);
    let output = process.wait_with_output().unwrap();
    let said = Said { code: output.status.code(), text: String::from_utf8(output.stderr).unwrap() };
    said.refuses("what was finished is in r.jsonl, and packbench run --resume r.jsonl --on ios goes on with it: launching");
    said.refuses("could not be, unlocked.: unlock the phone");
    mac.remove("fail");
    mac.said(&["run", "--resume", "r.jsonl", "--on", "ios"]).succeeds();
    assert_eq!(mac.finished(), 2 * 4, "by both ways, in each block");
}

fn real_model() -> String {
    let models = std::env::var("PACKBENCH_MODELS").unwrap_or("../models".to_owned());
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(models);
    model.join("SmolLM2-135M-Instruct.Q4_1.gguf").to_str().unwrap().to_owned()
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn the_app_is_installed_when_asked_for() {
    let mac = Mac::without_app();
    mac.run("ios", &[]).refuses(&format!("found no dev.packbench.app on {UDID}, expected it: give --app"));
    mac.run("sim", &[])
        .refuses(&format!("found no dev.packbench.app on {SIMULATOR}, expected it: give --app"));
    mac.run("ios", &["--app", "packbench.app"]).succeeds();
    let app = mac.scratch.path("packbench.app").canonicalize().unwrap();
    let app = app.display();
    assert_eq!(mac.count(&format!("devicectl device install app --device {UDID} {app}")), 1);
    mac.remove("r.jsonl");
    mac.run("sim", &["--app", "packbench.app"]).succeeds();
    assert_eq!(mac.count(&format!("simctl install {SIMULATOR} {app}")), 1);
    mac.remove("r.jsonl");
    mac.run("sim", &["--app", "gone.app"]).refuses("gone.app: No such file");
    mac.run("host", &["--app", "packbench.app"])
        .refuses("found --on host, expected ios or sim: --app and --app-id are for");
    mac.run("ios", &["--as", "app"])
        .refuses("found --on ios, expected adb: --as, --agent and --fixed-performance");
    mac.said(&["doctor", "--on", "ios"]).refuses("the app carries out sessions and answers nothing else");
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn an_app_that_was_built_under_another_name_is_driven_by_it() {
    for (on, launch) in [("ios", "process launch"), ("sim:booted", "launch")] {
        let mac = Mac { id: "org.example.bench", ..Mac::new() };
        mac.scratch.write("cut", format!("2\t{launch}").as_bytes());
        let app = ["--app-id", mac.id];
        mac.run(on, &app).refuses(&format!("packbench run --resume r.jsonl --on {on} --app-id {}", mac.id));
        mac.plug_in();
        mac.simulators("Booted");
        mac.said(&[&["run", "--resume", "r.jsonl", "--on", on], &app[..]].concat()).succeeds();
        assert_eq!(mac.count("dev.packbench.app"), 0, "{:#?}", mac.asked());
        mac.remove("r.jsonl");
        mac.run(on, &[]).refuses("found no dev.packbench.app on");
    }
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_device_that_cannot_be_used_says_what_to_do() {
    let mac = Mac::new();
    let found = |devices: &[serde_json::Value], words: &str| {
        mac.devices(devices);
        mac.run("ios", &[]).refuses(words);
    };
    found(&[], "found no iPhone, expected one: plug one in that has iOS 17 or newer");
    found(
        &[phone(UDID, "connected", "paired", "enabled"), phone("B", "connected", "paired", "enabled")],
        &format!("found 2 iPhones, expected one. Name it:\n  --on ios:{UDID}   (ready)"),
    );
    found(&[phone(UDID, "unavailable", "paired", "enabled")], "unavailable, expected it ready: plug it in");
    found(
        &[phone(UDID, "connected", "unpaired", "enabled")],
        "unpaired, expected it ready: plug it in, unlock it, tap",
    );
    found(
        &[phone(UDID, "connected", "paired", "disabled")],
        "without Developer Mode, expected it ready: turn it on",
    );
    mac.run("ios:C", &[]).refuses(&format!("found no iPhone C, expected one of: {UDID}"));
    mac.simulators("Shutdown");
    mac.run("sim:booted", &[]).refuses("found no booted simulator, expected one: xcrun simctl boot");
    mac.run(&format!("sim:{SIMULATOR}"), &[]).refuses("Shutdown, expected it ready: boot it");
    mac.run("phone", &[]).refuses("expected host, adb, adb:SERIAL, ios, ios:UDID, sim:booted or sim:UDID");
    assert!(!mac.scratch.path("r.jsonl").exists());
    let mut without = mac.packbench(&["run", "m.gguf", "--on", "ios"]);
    let said = without.env("PATH", "/nowhere").output().unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("starting xcrun: it comes with Xcode 16 or newer"), "{said}");
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn what_devicectl_complains_of_comes_with_a_remedy() {
    let mac = Mac::new();
    let fails = |words: &str, complaint: &str, said: &str| {
        mac.scratch.write("fail", format!("{words}\t{complaint}").as_bytes());
        mac.run("ios", &["--app", "packbench.app"]).refuses(said);
        mac.remove("fail");
    };
    let locked = "Unable to launch dev.packbench.app because the device was not, or could not be, unlocked.";
    fails("process launch", locked, &format!("launching the app: ERROR: {locked}: unlock the phone"));
    let untrusted = "inadequate entitlements or its profile has not been explicitly trusted by the user.";
    fails("process launch", untrusted, "trust the developer on the phone: Settings › General › VPN");
    fails(
        "info apps",
        "The operation failed because Developer Mode is disabled.",
        "asking for the app: The operation",
    );
    fails("info apps", "The device must be paired before it can be connected.", "tap Trust");
    let image = "The developer disk image could not be mounted on this device.";
    fails(
        "install app",
        image,
        "installing the app: The operation couldn’t be completed. The developer disk image",
    );
    fails("copy to", "There is not enough space.", "There is not enough space.");
    assert!(!mac.scratch.path("r.jsonl").exists());
    mac.run("ios", &[]).succeeds();
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn what_the_app_refuses_is_said_as_the_app_says_it() {
    let mac = Mac::new();
    mac.scratch.write("m.gguf", b"no model");
    mac.run("ios", &[]).refuses("m.gguf");
    assert!(!mac.scratch.path("r.jsonl").exists());
    mac.scratch.model();
    assert!(mac.run("ios", &[]).succeeds().contains("pushing m.gguf"), "another file under its name");
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn an_app_that_ios_ends_is_recorded_with_its_last_phase_and_replaced() {
    for on in ["ios", "sim"] {
        let mac = Mac::new();
        mac.scratch.write("jetsam", b"");
        mac.run(on, &[]).succeeds();
        let report = mac.scratch.report("r.jsonl");
        let killed: Vec<_> = report.runs.iter().filter(|run| run.status == Status::Killed).collect();
        let error = killed[0].error.as_ref().unwrap();
        assert!(killed.len() == 1 && error.contains("the agent died in phase measure: "), "{killed:?}");
        // simctl has no word for it.
        assert!(
            on == "sim" || error.contains("signal 9.: iOS ended it, for memory most of the time"),
            "{error}"
        );
        mac.said(&["run", "--resume", "r.jsonl", "--on", on]).succeeds();
        assert_eq!(mac.finished(), RUNS, "a resumed session makes up for it");
    }
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn what_the_console_does_not_carry_is_fetched() {
    for silence in ["mute", "garble"] {
        let mac = Mac::new();
        mac.scratch.write(silence, b"0");
        mac.run("ios", &[]).succeeds();
        assert_eq!(mac.finished(), RUNS, "{silence}");
        assert_eq!(mac.scratch.report("r.jsonl").headers.len(), 1, "{silence}: nothing is told twice");
        assert!(mac.count("--source Documents/answer.txt") >= 1);
    }
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn what_is_remembered_of_a_model_is_withdrawn_before_it_is_pushed() {
    let mac = Mac::new();
    mac.run("ios", &[]).succeeds();
    mac.remove("r.jsonl");
    // It can't be read, and the push that follows is refused.
    let refused = "The operation failed.";
    let rules = ["copy from", "Documents/m.gguf --json-output"].map(|words| format!("{words}\t{refused}"));
    mac.scratch.write("fail", rules.join("\n").as_bytes());
    mac.run("ios", &[]).refuses("pushing m.gguf: ");
    assert_eq!(std::fs::read_to_string(mac.documents(UDID).join("m.gguf.known")).unwrap(), "");
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_device_that_does_not_answer_is_not_one_without_the_model() {
    let mac = Mac::new();
    mac.run("ios", &[]).succeeds();
    mac.remove("r.jsonl");
    mac.scratch.write("hang", b"copy from");
    let said = mac.run("ios", &[]);
    said.refuses("fetching m.gguf.known: found no answer of xcrun within 30 s, expected one: unlock");
    assert!(!said.text.contains("pushing"), "{}", said.text);
    mac.remove("hang");
    assert!(!mac.run("ios", &[]).succeeds().contains("pushing"), "it was there all the time");
}

fn run(line: &str) -> Option<RunKey> {
    match serde_json::from_str(line) {
        Ok(Line::Run(run)) if run.status == Status::Ok => Some(run.key()),
        _ => None,
    }
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn an_app_that_does_not_end_when_asked_is_ended_by_its_number() {
    let mac = Mac::new();
    mac.run("ios", &[]).succeeds();
    mac.remove("r.jsonl");
    mac.scratch.write("deaf", b"");
    // The app hears of another model than was pushed, and nobody wants its answer any more.
    let pushed = mac.documents(UDID).join("m.gguf");
    let mut bytes = std::fs::read(&pushed).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    std::fs::write(&pushed, bytes).unwrap();
    mac.run("ios", &[]).refuses("isn't the file that was pushed");
    assert_eq!(mac.count("process terminate"), 1, "{:#?}", mac.asked());
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_devicectl_that_writes_over_nothing_is_enough_for_one_model() {
    let mac = Mac::new();
    mac.scratch.write("keep", b"");
    assert!(mac.run("ios", &[]).succeeds().contains("pushing m.gguf"));
    mac.remove("r.jsonl");
    assert!(!mac.run("ios", &[]).succeeds().contains("pushing"));
    mac.remove("r.jsonl");
    std::fs::write(
        mac.scratch.path("m.gguf"),
        TinyModel { payload: Bytes::mib(1), ..TinyModel::new(4) }.bytes(),
    )
    .unwrap();
    mac.run("ios", &[]).refuses("already exists.: this devicectl writes over no file: delete the app");
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_gate_is_measured_on_a_phone() {
    let mac = Mac::new();
    std::fs::copy(mac.scratch.path("m.gguf"), mac.scratch.path("n.gguf")).unwrap();
    let what =
        r#""probes":["faults"],"policies":["normal"],"patterns":["sequential"],"suppress":["Charging"]"#;
    mac.scratch.write("gate.json", format!(r#"{{"models":[{{"path":"m.gguf"}}],{what}}}"#).as_bytes());
    let models = ["ci", "--base", "gate.json", "--cand", "n.gguf", "--cache", "cold", "--blocks", "6"];
    let said = mac.said(&[&models[..], &["--on", "ios", "--out", "gate"]].concat());
    // Which of two equals is called slower is the machine's noise; that it is decided is what matters here.
    assert!(matches!(said.code, Some(0 | 1)), "{:?}: {}", said.code, said.text);
    assert!(said.text.contains("pushing m.gguf") && said.text.contains("pushing n.gguf"), "{}", said.text);
    assert!(mac.scratch.path("gate/summary.json").exists());
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn interrupted_it_ends_and_goes_on_later() {
    for on in ["ios", "sim:booted"] {
        let mac = Mac::new();
        // Long enough to be stopped in.
        mac.scratch.write("m.gguf", &TinyModel { payload: Bytes::mib(64), ..TinyModel::new(4) }.bytes());
        let begin = [&["run", "m.gguf", "--on", on], &JOB[..]].concat();
        let mut process = mac.process(&begin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| run(line).is_some()).unwrap();
        signal(&process, "INT");
        lines.for_each(drop);
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        let text = std::fs::read_to_string(mac.scratch.path("r.jsonl")).unwrap();
        assert!(
            text.ends_with("\n") && text.lines().last().unwrap().contains(r#""status":"cancelled""#),
            "{text}"
        );
        mac.said(&["run", "--resume", "r.jsonl", "--on", on]).succeeds();
        assert_eq!(mac.finished(), RUNS);
    }
}
