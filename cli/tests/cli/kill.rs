//! Processes die at any moment: nothing that was finished is lost, and what is missing can be made up for.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::random::Random;
use packbench_core::record::{Line, RunKey, Status};
use packbench_core::unit::Bytes;

use crate::scratch::{Scratch, finished, stderr};

const KILLS: u32 = 100;
const JOB: [&str; 8] = ["--probe", "faults", "--pattern", "sequential", "--cache", "cold", "--blocks", "12"];
const RUNS: usize = 3 * 12;

/// Starts packbench and kills it, and with `whole_group` its agent, too, after `life`. Returns the runs that it had
/// told of by then: those must be in the report.
fn killed_after(scratch: &Scratch, args: &[&str], life: Duration, whole_group: bool) -> Vec<RunKey> {
    let mut command = scratch.process(args);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).collect::<Vec<_>>());
    std::thread::sleep(life);
    if whole_group {
        let parent = process.id().to_string();
        let _ = Command::new("pkill").args(["-KILL", "-P", &parent]).status();
    }
    let _ = process.kill();
    process.wait().unwrap();
    let told = reader.join().unwrap();
    let run = |line: &String| match serde_json::from_str(line) {
        Ok(Line::Run(run)) if run.status == Status::Ok => Some(run.key()),
        _ => None,
    };
    told.iter().filter_map(run).collect()
}

#[test]
fn a_hundred_kills_lose_nothing() {
    let mut random = Random::new(2026);
    let mut millis = |most: u64| Duration::from_millis(random.next_u64() % most);
    let (mut kills, mut completed) = (0, 0);
    while kills < KILLS {
        let scratch = Scratch::new();
        scratch.model();
        let begin = [&["run", "m.gguf", "--json", "--out", "r.jsonl"][..], &JOB].concat();
        let mut told: HashSet<RunKey> = HashSet::new();
        while kills < KILLS && told.len() < RUNS {
            let args = if scratch.path("r.jsonl").exists() {
                &["run", "--json", "--resume", "r.jsonl"]
            } else {
                &begin[..]
            };
            told.extend(killed_after(&scratch, args, millis(400), kills % 3 == 0));
            kills += 1;
            if scratch.path("r.jsonl").exists() {
                let report = scratch.report("r.jsonl");
                let kept: HashSet<RunKey> = finished(&report).into_iter().map(|run| run.key()).collect();
                assert!(told.is_subset(&kept), "kill {kills}: a run that was told of is not in the report");
            }
        }
        if scratch.path("r.jsonl").exists() {
            scratch.packbench(&["run", "--resume", "r.jsonl"]).assert().success();
            assert_eq!(finished(&scratch.report("r.jsonl")).len(), RUNS);
            completed += 1;
        }
        let left = scratch.names().into_iter().filter(|name| name.starts_with(".packbench-")).count();
        assert!(left <= kills as usize);
    }
    assert!(completed > 0, "some session must have lived long enough to be completed");
}

#[test]
fn an_agent_that_dies_is_recorded_and_replaced() {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel { payload: Bytes::mib(32), ..TinyModel::new(4) }.bytes());
    // Long enough to be killed in: each page is waited for.
    let slow = ["--probe", "faults", "--policy", "random", "--cache", "cold", "--blocks", "2"];
    let args = [&["run", "m.gguf", "--json", "--out", "r.jsonl"][..], &slow].concat();
    let mut process = scratch.process(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("\"phase\":\"measure\"")).unwrap();
    let parent = process.id().to_string();
    assert!(Command::new("pkill").args(["-KILL", "-P", &parent]).status().unwrap().success());
    lines.for_each(drop);
    assert!(process.wait().unwrap().success(), "the session went on");
    let report = scratch.report("r.jsonl");
    let status: Vec<Status> = report.runs.iter().map(|run| run.status).collect();
    assert_eq!(status, [Status::Killed, Status::Ok, Status::Ok, Status::Ok]);
    let error = report.runs[0].error.as_ref().unwrap();
    assert_eq!(error, "the agent died in phase measure: signal: 9 (SIGKILL)");
    assert_eq!(report.headers.len(), 1, "its replacement belongs to the same segment");

    scratch.packbench(&["run", "--resume", "r.jsonl"]).assert().success();
    let report = scratch.report("r.jsonl");
    assert_eq!(finished(&report).len(), 4, "a resumed session makes up for it");
    assert!(report.seams().is_empty(), "the others of its block are still paired");
    assert_eq!(report.redone.len(), 1);
}

#[test]
fn a_report_has_one_writer() {
    let scratch = Scratch::new();
    scratch.model();
    let args = [&["run", "m.gguf", "--json", "--out", "r.jsonl"][..], &JOB].concat();
    let mut process = scratch.process(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("\"kind\":\"header\"")).unwrap();
    scratch.packbench(&["run", "--resume", "r.jsonl"]).assert().code(2);
    let said = stderr(&mut scratch.packbench(&["run", "--resume", "r.jsonl"]));
    assert!(said.contains("is busy: another process is writing to it"), "{said}");
    let said = stderr(&mut scratch.packbench(&args));
    assert!(said.contains("r.jsonl exists"), "{said}");
    lines.for_each(drop);
    assert!(process.wait().unwrap().success());
    assert_eq!(scratch.report("r.jsonl").runs.len(), RUNS);
}
