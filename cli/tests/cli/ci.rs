//! The gate for CI jobs, on pages: what is measured here is which bytes come in, for times on a busy machine prove nothing.

use packbench_core::gguf::sample::TinyModel;
use packbench_core::record::summary_schema;
use packbench_core::unit::Bytes;
use serde_json::Value;

use crate::scratch::{Scratch, stderr, stdout};

/// Sequential faults, cold, in 10 blocks; bytes are counted, and the same ones each time.
const WHAT: [&str; 8] =
    ["--probe", "faults", "--policy", "sequential", "--metric", "bytes_fetched", "--blocks", "10"];

fn gate(scratch: &Scratch, base: &str, candidate: &str, out: &str) -> (Option<i32>, Value) {
    let args = [&["ci", "--base", base, "--cand", candidate, "--out", out][..], &WHAT].concat();
    let output = scratch.packbench(&args).output().unwrap();
    let path = scratch.path(out).join("summary.json");
    let text = std::fs::read(&path).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), serde_json::from_slice(&text).unwrap())
}

/// Whether files can be evicted here at all: where they can't, nothing is fetched.
fn evicts(summary: &Value) -> bool {
    summary["answers"][0]["comparisons"][0]["base_median"].as_f64().is_some_and(|bytes| bytes > 0.0)
}

#[test]
fn a_model_that_fetches_more_fails_and_the_same_one_passes() {
    let scratch = Scratch::new();
    scratch.model();
    scratch.write("larger.gguf", &TinyModel { payload: Bytes::mib(3), ..TinyModel::new(4) }.bytes());
    let (code, same) = gate(&scratch, "m.gguf", "m.gguf", "same");
    if !evicts(&same) {
        eprintln!("skipped: nothing can be evicted here");
        return;
    }
    assert_eq!((code, &same["outcome"]), (Some(0), &"passed".into()), "{same:#}");
    let validator = jsonschema::validator_for(&summary_schema()).unwrap();
    assert!(validator.is_valid(&same), "{same:#}");
    let (code, worse) = gate(&scratch, "m.gguf", "larger.gguf", "worse");
    assert_eq!((code, &worse["outcome"]), (Some(1), &"regression".into()), "{worse:#}");
    assert_eq!(worse["answers"][0]["comparisons"][0]["verdict"], "slower");
    let (code, better) = gate(&scratch, "larger.gguf", "m.gguf", "better");
    assert_eq!((code, &better["outcome"]), (Some(0), &"passed".into()), "{better:#}");
    let junit = std::fs::read_to_string(scratch.path("worse").join("junit.xml")).unwrap();
    assert!(junit.contains("<failure"), "{junit}");
    let markdown = std::fs::read_to_string(scratch.path("worse").join("summary.md")).unwrap();
    assert!(markdown.starts_with("Outcome: regression: larger.gguf is worse than m.gguf by more than 5.0 %"));
    let again = ["ci", "--base", "m.gguf", "--cand", "larger.gguf", "--out", "worse"];
    let said = stderr(&mut scratch.packbench(&again));
    assert!(said.contains("holds a finished gate"), "{said}");
}

#[test]
fn a_session_that_was_cut_goes_on_by_the_same_command() {
    let scratch = Scratch::new();
    scratch.model();
    let (_, whole) = gate(&scratch, "m.gguf", "m.gguf", "ci");
    std::fs::remove_file(scratch.path("ci/summary.json")).unwrap();
    let report = std::fs::read_to_string(scratch.path("ci/report.jsonl")).unwrap();
    let runs: Vec<usize> = report.match_indices("{\"kind\":\"run\"").map(|(place, _)| place).collect();
    std::fs::write(scratch.path("ci/report.jsonl"), &report[..runs[7]]).unwrap();
    let (_, resumed) = gate(&scratch, "m.gguf", "m.gguf", "ci");
    assert_eq!(resumed["answers"][0]["session"], whole["answers"][0]["session"]);
    let blocks = |summary: &Value| summary["answers"][0]["comparisons"][0]["blocks"].as_u64().unwrap();
    assert_eq!((blocks(&whole), blocks(&resumed)), (10, 9), "the block that was cut isn't paired");
    std::fs::remove_file(scratch.path("ci/summary.json")).unwrap();
    let other = ["ci", "--base", "m.gguf", "--cand", "m.gguf", "--out", "ci", "--probe", "reads"];
    let said = stderr(&mut scratch.packbench(&other));
    assert!(said.contains("is of another job"), "{said}");
}

#[test]
fn a_gate_that_could_not_fail_is_invalid() {
    let scratch = Scratch::new();
    scratch.model();
    let few = ["ci", "--base", "m.gguf", "--cand", "m.gguf", "--probe", "faults"];
    let policies = ["--policy", "normal,random", "--blocks", "6"];
    let found = scratch.packbench(&[&few[..], &policies].concat()).output().unwrap();
    assert_eq!(found.status.code(), Some(2));
    let shown = String::from_utf8(found.stdout).unwrap();
    assert!(shown.contains("Outcome: invalid: found 6 blocks to compare, expected at least"), "{shown}");
    let junit = std::fs::read_to_string(scratch.path("packbench-ci/junit.xml")).unwrap();
    assert!(junit.contains("<error") && !junit.contains("<failure"), "{junit}");
    let refused = |more: &[&str]| stderr(&mut scratch.packbench(&[&few[..], more].concat()));
    let several = refused(&["--metric", "wall_ns,major_faults", "--blocks", "9"]);
    assert!(several.contains("found 9 blocks, expected at least 10 to gate 2 metrics"), "{several}");
    let one = refused(&["--blocks", "5"]);
    assert!(one.contains("found 5 blocks, expected at least 6 to gate 1 metric"), "{one}");
}

#[test]
fn the_committed_schema_of_a_summary_is_the_programs() {
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/summary.schema.json");
    let shown = stdout(&mut Scratch::new().packbench(&["schema", "summary"]));
    assert_eq!(
        std::fs::read_to_string(committed).unwrap(),
        shown,
        "renew it: packbench schema summary > docs/summary.schema.json"
    );
}
