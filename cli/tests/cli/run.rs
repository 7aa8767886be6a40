use packbench_core::gguf::sample::{LayerOrder, TinyModel, vocabulary};
use packbench_core::job::{Policy, Way};
use packbench_core::record::{EndStatus, Line, Proof, Run, Status, WeightTrace};

use crate::scratch::{Scratch, signal, stderr, stdout};

/// Short enough for a debug build.
const SHORT: [&str; 6] = ["--probe", "faults", "--policy", "normal,random", "--cache", "cold"];

#[test]
fn the_default_job_ends_in_a_report_that_proves_itself() {
    let scratch = Scratch::new();
    scratch.model();
    let run = scratch.packbench(&["run", "m.gguf", "--out", "r.jsonl", "--blocks", "6"]).output().unwrap();
    assert!(run.status.success(), "{run:?}");
    let shown = String::from_utf8(run.stdout).unwrap();
    for expected in [
        "First token, cold, m.gguf",
        "First token against its floor, cold",
        "Reads, cold, m.gguf",
        "published claim",
        "Faults, warm",
        "Next:   packbench compare r.jsonl --by policy",
    ] {
        assert!(shown.contains(expected), "{expected} in\n{shown}");
    }
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.starts_with("34 cases × 6 blocks, about "), "the estimate comes first: {said}");
    let again = stdout(&mut scratch.packbench(&["report", "r.jsonl"]));
    assert!(shown.starts_with(&again), "{again}");
    let report = scratch.report("r.jsonl");
    assert_eq!(report.runs.len(), 34 * 6);
    for run in &report.runs {
        assert_eq!(run.status, Status::Ok, "{run:?}");
        let proof = run.residency.as_ref().unwrap().proof;
        assert!(matches!(proof, Proof::Cold | Proof::Warm), "{}: {proof}", run.case);
    }
}

#[test]
fn every_line_follows_the_schema_and_is_printed_as_json() {
    let scratch = Scratch::new();
    scratch.model();
    let schema: serde_json::Value =
        serde_json::from_str(&stdout(&mut scratch.packbench(&["schema"]))).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let args = [&["run", "m.gguf", "--json", "--out", "r.jsonl", "--blocks", "1"][..], &SHORT].concat();
    let printed = stdout(&mut scratch.packbench(&args));
    assert_eq!(printed, std::fs::read_to_string(scratch.path("r.jsonl")).unwrap());
    for line in printed.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        validator.validate(&json).unwrap_or_else(|error| panic!("{error} in {line}"));
    }
}

#[test]
fn list_and_verify_record_nothing() {
    let scratch = Scratch::new();
    scratch.model();
    let listed = stdout(&mut scratch.packbench(&[&["run", "m.gguf", "--list"][..], &SHORT].concat()));
    assert!(listed.contains("4 cases × 6 blocks, about ") && listed.contains("\nm.gguf: all 2."), "{listed}");
    let verified =
        scratch.packbench(&[&["run", "m.gguf", "--verify"][..], &SHORT].concat()).output().unwrap();
    assert!(verified.status.success());
    let text = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(text.matches(" ok ").count(), 4, "{text}");
    assert_eq!(scratch.names(), ["cache", "m.gguf"]);
}

#[test]
fn a_job_file_is_overridden_by_flags_and_finds_its_models_beside_itself() {
    let scratch = Scratch::new();
    scratch.model();
    let job = r#"{"models":[{"name":"x","path":"m.gguf"}],"probes":["reads"],"io_sizes_bytes":[65536],"caches":["warm"],"blocks":2}"#;
    scratch.write("job.json", job.as_bytes());
    let args = ["run", "--job", "job.json", "--pattern", "reverse", "--out", "r.jsonl"];
    scratch.packbench(&args).assert().success();
    let report = scratch.report("r.jsonl");
    let cases: Vec<String> = report.runs.iter().map(|run| run.case.to_string()).collect();
    assert_eq!(cases, ["x: reads, reverse, 64 KiB, warm", "x: reads, reverse, 64 KiB, warm"]);
    scratch.write("typo.json", br#"{"probe":["reads"]}"#);
    let said = stderr(&mut scratch.packbench(&["run", "m.gguf", "--job", "typo.json"]));
    assert!(said.contains("unknown field `probe`, expected one of"), "{said}");
}

#[test]
fn the_harness_is_measured_against_itself() {
    let scratch = Scratch::new();
    scratch.model();
    let args = [&["run", "m.gguf", "--aa", "--out", "r.jsonl"][..], &SHORT].concat();
    let shown = stdout(&mut scratch.packbench(&args));
    assert!(shown.contains("wall_ns by variant, threshold 5.0 %"), "{shown}");
    assert!(shown.contains("m.gguf (a)") && shown.contains("m.gguf (b)"), "{shown}");
    assert_eq!(scratch.report("r.jsonl").runs.len(), 2 * 4 * 6);
}

#[test]
fn two_files_of_one_name_are_told_apart() {
    let scratch = Scratch::new();
    scratch.model();
    let args = [&["run", "m.gguf", "./m.gguf", "--out", "r.jsonl", "--blocks", "1"][..], &SHORT].concat();
    scratch.packbench(&args).assert().success();
    let names: Vec<String> =
        scratch.report("r.jsonl").variants.into_iter().map(|variant| variant.name).collect();
    assert_eq!(names, ["m.gguf", "m.gguf #2"]);
}

#[test]
fn an_interrupt_ends_between_runs_and_the_session_can_go_on() {
    let scratch = Scratch::new();
    scratch.model();
    let args = [&["run", "m.gguf", "--json", "--out", "r.jsonl", "--blocks", "100"][..], &SHORT].concat();
    let mut process = scratch.process(&args).stdout(std::process::Stdio::piped()).spawn().unwrap();
    wait_for_runs(&mut process, 3);
    signal(&process, "INT");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    let report = scratch.report("r.jsonl");
    let last = last_line(&scratch);
    let Line::End(end) = last else { panic!("no end: {last:?}") };
    assert_eq!((end.status, end.runs), (EndStatus::Cancelled, report.runs.len() as u64));
    assert!(report.runs.iter().all(|run| run.status == Status::Ok));

    scratch.packbench(&["run", "--resume", "r.jsonl"]).assert().success();
    assert_eq!(scratch.report("r.jsonl").runs.len(), 400);
    let said = stderr(&mut scratch.packbench(&["run", "--resume", "r.jsonl"]));
    assert_eq!(said, "r.jsonl is complete. To add blocks: --blocks 106\n");
    scratch.packbench(&["run", "--resume", "r.jsonl", "--blocks", "101"]).assert().success();
    assert_eq!(scratch.report("r.jsonl").runs.len(), 404);
}

pub fn wait_for_runs(process: &mut std::process::Child, runs: usize) {
    use std::io::{BufRead, BufReader};
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    // What comes later must still find a reader.
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let told = lines.map_while(Result::ok).filter(|line| line.contains("\"kind\":\"run\""));
        told.for_each(|_| send.send(()).unwrap_or_default());
    });
    (0..runs).for_each(|_| receive.recv().unwrap());
}

fn last_line(scratch: &Scratch) -> Line {
    let text = std::fs::read_to_string(scratch.path("r.jsonl")).unwrap();
    serde_json::from_str(text.lines().next_back().unwrap()).unwrap()
}

#[test]
fn what_cannot_be_asked_is_explained() {
    let scratch = Scratch::new();
    scratch.model();
    let said = |args: &[&str]| {
        scratch.packbench(args).assert().code(2);
        stderr(&mut scratch.packbench(args))
    };
    assert!(said(&["run"]).contains("no model given: packbench run MODEL.gguf"));
    assert!(said(&["run", "m.gguf", "--io-size", "1000"]).contains("expected a multiple of 512 bytes"));
    assert!(
        said(&["run", "m.gguf", "--io-size", "4 furlongs"])
            .contains("expected a whole number with an optional unit")
    );
    assert!(
        said(&["run", "m.gguf", "--policy", "magic"])
            .contains("found \"magic\", expected one of stock_load, normal, random")
    );
    assert!(said(&["run", "m.gguf", "--blocks", "0"]).contains("--blocks"));
    assert!(said(&["run", "m.gguf", "--cpus", "9-1"]).contains("expected numbers and ranges: 0,2-3"));
    assert!(
        said(&["run", "m.gguf", "--probe", "reads", "--pattern", "tensor_order"])
            .contains("comes to no case")
    );
    assert!(said(&["run", "--resume", "none.jsonl"]).contains("none.jsonl"));
    assert!(said(&["frobnicate"]).contains("unrecognized subcommand"));
}

#[test]
fn a_session_in_which_every_run_failed_is_no_success() {
    let scratch = Scratch::new();
    scratch.model();
    let args = ["run", "m.gguf", "--probe", "first_token", "--prompt-tokens", "1000000", "--out", "r.jsonl"];
    let args = [&args[..], &["--policy", "normal", "--cache", "cold", "--blocks", "1"]].concat();
    let output = scratch.packbench(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("failed: the context would hold 1000000 tokens, expected at most"), "{said}");
}

#[test]
fn doctor_and_completions_answer() {
    let scratch = Scratch::new();
    let checks = stdout(&mut scratch.packbench(&["doctor", "--json"]));
    let checks: serde_json::Value = serde_json::from_str(&checks).unwrap();
    assert!(checks.as_array().unwrap().iter().any(|check| check["name"] == "residency"));
    assert!(stdout(&mut scratch.packbench(&["doctor"])).contains("page size"));
    assert!(stdout(&mut scratch.packbench(&["completions", "bash"])).contains("_packbench"));
    assert_eq!(scratch.names(), Vec::<String>::new(), "nothing is left behind");
}

#[test]
fn a_trace_follows_the_layers_whatever_the_file_does() {
    let scratch = Scratch::new();
    let sorted = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(12) };
    scratch.write("m.gguf", &sorted.bytes());
    scratch.packbench(&["trace", "m.gguf", "-o", "t.json"]).assert().success();
    let trace: WeightTrace = serde_json::from_slice(&std::fs::read(scratch.path("t.json")).unwrap()).unwrap();
    let layers: Vec<u32> = trace.reads.iter().filter_map(|read| read.layer).collect();
    assert!(layers.is_sorted() && layers.contains(&11), "{layers:?}");
    assert_eq!(trace.reads[0].tensor, "token_embd.weight");
    assert!(trace.payload_hash.is_some());
    let shown = stdout(&mut scratch.packbench(&["trace", "m.gguf"]));
    assert!(shown.contains("blk.11.ffn_down.weight"), "{shown}");
    scratch.write("v.gguf", &vocabulary(50));
    scratch.packbench(&["trace", "v.gguf"]).assert().code(2);
}

#[test]
fn every_policy_gives_the_same_token_and_says_what_was_in_force() {
    let scratch = Scratch::new();
    scratch.model();
    let policies = "stock_load,normal,random,sequential,will_need,populate,stream,read,engine_direct";
    let args = ["run", "m.gguf", "--probe", "first_token", "--cache", "cold", "--policy", policies];
    scratch.packbench(&[&args[..], &["--blocks", "1", "--out", "r.jsonl"]].concat()).assert().success();
    let report = scratch.report("r.jsonl");
    let floors = report.runs.iter().filter(|run| run.case.policy().is_none()).count();
    assert_eq!((report.runs.len(), floors), (9 * 2 + 2, 2));
    for run in report.runs.iter().filter(|run| run.case.policy().is_some()) {
        assert_eq!(run.status, Status::Ok, "{run:?}");
        assert_eq!(run.residency.as_ref().unwrap().proof, Proof::Cold, "{}", run.case);
        let told = run.first_token.as_ref().unwrap();
        assert!(told.prefetches_withheld > 0 || run.policy_effective != run.case.policy() || is_engines(run));
    }
}

#[test]
fn a_loaded_model_is_asked_again_and_again_and_its_pages_without_it() {
    let scratch = Scratch::new();
    scratch.model();
    let args = ["run", "m.gguf", "--probe", "first_token,replay", "--way", "process,remap", "--decodes", "3"];
    let more = ["--policy", "normal,random,stream:chunk=64KiB:lead=128KiB", "--cache", "cold"];
    let last = ["--prompt", "w1 w2", "--blocks", "2", "--out", "r.jsonl"];
    scratch.packbench(&[&args[..], &more, &last].concat()).assert().success();
    let report = scratch.report("r.jsonl");
    assert!(report.runs.iter().all(|run| run.status == Status::Ok), "{:?}", report.runs);
    let tokens: Vec<u32> =
        report.runs.iter().filter_map(|run| Some(run.first_token.as_ref()?.token)).collect();
    assert_eq!(tokens, [tokens[0]; 3 * 2 * 2], "one answer, whatever the way");
    for run in &report.runs {
        assert_eq!(run.residency.as_ref().unwrap().proof, Proof::Cold, "{}", run.case);
        let phases = run.first_token.as_ref().map(|told| told.phases.len());
        let expected = run.case.way().map(|way| if way == Way::Process { 3 + 3 } else { 2 + 3 });
        assert_eq!(phases, expected, "{}", run.case);
    }
    let shown = stdout(&mut scratch.packbench(&["report", "r.jsonl"]));
    for expected in ["stream:chunk=64KiB:lead=128KiB, remap", "First token without compute", "\"w1 w2\""] {
        assert!(shown.contains(expected), "{expected} in\n{shown}");
    }
}

#[test]
fn touches_and_reads_are_made_as_asked() {
    let scratch = Scratch::new();
    scratch.model();
    let args = ["run", "m.gguf", "--probe", "faults,reads", "--timing", "each", "--io", "buffered,direct"];
    let more =
        ["--threads", "1,3", "--io-size", "64KiB", "--cache", "cold", "--blocks", "1", "--out", "r.jsonl"];
    scratch.packbench(&[&args[..], &more].concat()).assert().success();
    let report = scratch.report("r.jsonl");
    assert_eq!(report.runs.len(), 3 * 2 + 2 * 2 * 2);
    for run in &report.runs {
        assert_eq!((run.status, run.io_effective), (Status::Ok, run.case.io()), "{run:?}");
        let timed: u64 = run.latency.as_ref().unwrap().buckets_ns.iter().map(|(_, count)| count).sum();
        assert_eq!(Some(timed), run.metrics.as_ref().unwrap().operations, "{}", run.case);
    }
    let shown = stdout(&mut scratch.packbench(&["report", "r.jsonl"]));
    assert!(shown.contains("64 KiB, direct, 3 threads") && shown.contains("99.9 %"), "{shown}");
}

/// Whether the engine brings the weights in by itself, so that nothing is withheld from it.
fn is_engines(run: &Run) -> bool {
    matches!(run.policy_effective, Some(Policy::StockLoad | Policy::Read | Policy::EngineDirect))
}
