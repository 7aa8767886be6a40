//! The agent in the device's shell.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::random::Random;
use packbench_core::record::{Line, Proof, RunKey, Status};
use packbench_core::unit::Bytes;

use super::phone::{Phone, agent, wait_for};
use super::{RUNS, job, started};
use crate::scratch::{Scratch, finished, stderr, stdout};

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_real_model_is_pushed_once_and_measured_with_proof() {
    let scratch = Scratch::new();
    let models = std::env::var("PACKBENCH_MODELS").unwrap_or("../models".to_owned());
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(models);
    let model = model.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    let (phone, agent) = (Phone::new(&scratch, 15011), agent());
    let (model, agent, on) = (model.to_str().unwrap(), agent.to_str().unwrap(), phone.on());
    let base = ["run", model, "--on", &on, "--agent", agent, "--cache", "cold", "--blocks", "1"];
    let probes = ["--probe", "first_token,reads", "--policy", "normal,stream", "--prompt-tokens", "1"];
    let first = [&probes[..], &["--io-size", "1MiB", "--out", "a.jsonl"]].concat();
    let said = stderr(&mut scratch.packbench(&[&base[..], &first].concat()));
    assert!(said.contains("pushing SmolLM2-135M-Instruct.Q4_1.gguf (98.4 MB) to 127.0.0.1:15011"), "{said}");
    let report = scratch.report("a.jsonl");
    assert!(report.runs.iter().all(|run| run.status == Status::Ok), "{said}\n{:?}", report.runs);
    let proofs = report.runs.iter().map(|run| run.residency.as_ref().unwrap().proof);
    assert_eq!(proofs.collect::<Vec<_>>(), vec![Proof::Cold; report.runs.len()]);
    assert_eq!(report.runs.iter().filter_map(|run| run.first_token.as_ref()).count(), 2);
    let dropped = || phone.asked().iter().filter(|line| *line == "setprop perf.drop_caches 3").count();
    assert!(dropped() > 1, "before each agent");
    assert!(phone.asked().contains(&"settings put global stay_on_while_plugged_in 7".to_owned()));

    let again = [&base[..], &["--probe", "faults", "--policy", "normal", "--out", "b.jsonl"]].concat();
    let said = stderr(&mut scratch.packbench(&again));
    assert!(!said.contains("pushing"), "never twice: {said}");
    assert_eq!(finished(&scratch.report("b.jsonl")).len(), 2);
    let text = std::fs::read_to_string(scratch.path("b.jsonl")).unwrap();
    assert!(!text.contains("/data/local") && !text.contains("15011"), "no path and no serial number");
    // What was written to meanwhile is read again, and pushed again only if it differs.
    let folder = std::fs::read_dir(phone.data("local/tmp/packbench/models")).unwrap().next().unwrap();
    let pushed = folder.unwrap().path().join("SmolLM2-135M-Instruct.Q4_1.gguf");
    std::fs::File::options().append(true).open(&pushed).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let verify = [&base[..], &["--probe", "faults", "--policy", "normal", "--verify"]].concat();
    assert!(!stderr(&mut scratch.packbench(&verify)).contains("pushing"));
    std::fs::write(&pushed, "something else").unwrap();
    assert!(stderr(&mut scratch.packbench(&verify)).contains("pushing SmolLM2"));
    // Where it is refused it is asked for once a session.
    std::fs::write(phone.data("no-drop-caches"), "").unwrap();
    let before = dropped();
    let tokens = ["--probe", "first_token", "--policy", "normal", "--prompt-tokens", "1", "--out", "c.jsonl"];
    stderr(&mut scratch.packbench(&[&base[..], &tokens].concat()));
    assert_eq!(dropped(), before + 1);
    assert!(stdout(&mut scratch.packbench(&["doctor", "--on", &on, "--agent", agent])).contains("page size"));
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn cut_off_while_a_model_is_pushed_it_is_pushed_again_whole() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel { payload: Bytes::mib(256), ..TinyModel::new(4) }.bytes());
    let (mut phone, agent) = (Phone::new(&scratch, 15021), agent());
    let on = phone.on();
    let arguments = job(&on, agent.to_str().unwrap());
    let process = started(&scratch, &arguments);
    let models = phone.data("local/tmp/packbench/models");
    wait_for("the push", || has_part(&models));
    phone.unplug();
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("pushing m.gguf: 127.0.0.1:15021 went away ("), "{said}");
    assert!(!scratch.path("r.jsonl").exists());
    phone.plug_in();
    scratch.packbench(&arguments).assert().success();
    assert_eq!(finished(&scratch.report("r.jsonl")).len(), RUNS);
    assert!(!has_part(&models));
}

/// Whether a file is on its way into a folder of `models`.
fn has_part(models: &std::path::Path) -> bool {
    let folders = std::fs::read_dir(models).into_iter().flatten().flatten();
    folders.into_iter().any(|folder| {
        let mut files = std::fs::read_dir(folder.path()).into_iter().flatten().flatten();
        files.any(|file| file.path().extension().is_some_and(|end| end == "part"))
    })
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn cut_off_at_any_moment_nothing_finished_is_lost() {
    let scratch = Scratch::new();
    scratch.model();
    let (mut phone, agent) = (Phone::new(&scratch, 15031), agent());
    let (on, agent) = (phone.on(), agent.to_str().unwrap().to_owned());
    let begin = job(&on, &agent);
    let resume = ["run", "--json", "--resume", "r.jsonl", "--on", &on, "--agent", &agent];
    let mut random = Random::new(6);
    let (mut told, mut cuts): (HashSet<RunKey>, u32) = (HashSet::new(), 0);
    while told.len() < RUNS && cuts < 12 {
        let lines =
            || std::fs::read_to_string(scratch.path("r.jsonl")).map_or(0, |text| text.lines().count());
        let before = lines();
        let mut process = started(&scratch, if before > 0 { &resume } else { &begin });
        let output = BufReader::new(process.stdout.take().unwrap());
        let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).collect::<Vec<_>>());
        wait_for("a line", || lines() > before || process.try_wait().unwrap().is_some());
        std::thread::sleep(Duration::from_millis(random.next_u64() % 400));
        phone.unplug();
        let output = process.wait_with_output().unwrap();
        told.extend(reader.join().unwrap().iter().filter_map(|line| run(line)));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() || said.contains("went away"), "{said}");
        let hint = format!("packbench run --resume r.jsonl --on {on} --agent {agent}");
        assert!(!said.contains("What was finished") || said.contains(&hint), "{said}");
        cuts += 1;
        phone.plug_in();
    }
    scratch.packbench(&resume).assert().success();
    let kept: HashSet<RunKey> = finished(&scratch.report("r.jsonl")).iter().map(|run| run.key()).collect();
    assert!(told.is_subset(&kept), "a run that was told of is not in the report");
    assert_eq!(kept.len(), RUNS, "after {cuts} cuts");
}

fn run(line: &str) -> Option<RunKey> {
    match serde_json::from_str(line) {
        Ok(Line::Run(run)) if run.status == Status::Ok => Some(run.key()),
        _ => None,
    }
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_full_device_says_how_much_it_takes() {
    let scratch = Scratch::new();
    scratch.model();
    let (phone, agent) = (Phone::small(&scratch, 15041), agent());
    let output = scratch.packbench(&job(&phone.on(), agent.to_str().unwrap())).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(" free on 127.0.0.1:15041, expected ") && said.contains("make room"), "{said}");
    let program = scratch.write("agent", b"#!/bin/sh\n");
    let said = stderr(&mut scratch.packbench(&job(&phone.on(), program.to_str().unwrap())));
    assert!(said.contains("found no program, expected one for"), "{said}");
}
