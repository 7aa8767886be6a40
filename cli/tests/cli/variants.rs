//! A model measured beside copies of itself in other layouts.

use std::fs;

use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::record::{Report, Run, Status};

use crate::scratch::{Scratch, finished, signal, stderr, stdout};

const JOB: [&str; 8] = [
    "--variants",
    "forward,shuffled:7:align=4096",
    "--prompt-tokens",
    "1",
    "--cache",
    "cold",
    "--blocks",
    "1",
];

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("m.gguf", &TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(12) }.bytes());
    scratch
}

fn copies(scratch: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(scratch.path("packbench-variants")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What differs between the layouts of one model, and what mustn't.
fn check(report: &Report) {
    let names: Vec<&str> = report.variants.iter().map(|variant| &*variant.name).collect();
    assert_eq!(names, ["m.gguf", "m.gguf forward", "m.gguf shuffled:7:align=4096"]);
    let [model, forward, shuffled] = &report.variants[..] else { unreachable!("three were named") };
    assert_eq!(model.payload_hash, forward.payload_hash);
    assert_eq!(model.payload_hash, shuffled.payload_hash);
    assert!(model.layout_hash != forward.layout_hash && forward.layout_hash != shuffled.layout_hash);
    let failed: Vec<&Run> = report.runs.iter().filter(|run| run.status != Status::Ok).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn layouts_are_measured_beside_the_model_and_answer_the_same() {
    let scratch = scratch();
    let job =
        [&["run", "m.gguf"][..], &JOB, &["--policy", "normal,stream", "--probe", "first_token"]].concat();
    let shown = stdout(&mut scratch.packbench(&[&job[..], &["--out", "r.jsonl"]].concat()));
    assert!(shown.contains("Copies: in packbench-variants, beside the model"), "{shown}");
    assert!(shown.contains("Next:   packbench compare r.jsonl --by variant,policy"), "{shown}");
    let report = scratch.report("r.jsonl");
    check(&report);
    let answers: Vec<u32> = report.plan.as_ref().unwrap().answers.iter().map(|answer| answer.token).collect();
    assert!(answers.len() == 3 && answers.iter().all(|token| *token == answers[0]), "{answers:?}");
    let compared = stdout(&mut scratch.packbench(&["compare", "r.jsonl", "--by", "variant,policy"]));
    let floors = compared.split_once("against their floors").expect("cold first tokens have floors").1;
    assert!(floors.contains("m.gguf forward, stream"), "{compared}");

    let kept = copies(&scratch);
    assert!(kept[0].starts_with("m.forward.") && kept[1].starts_with("m.shuffled.7.align.4096."), "{kept:?}");
    let made = |name: &String| {
        fs::metadata(scratch.path("packbench-variants").join(name)).unwrap().modified().unwrap()
    };
    let before: Vec<_> = kept.iter().map(made).collect();
    scratch.packbench(&[&job[..], &["--out", "again.jsonl"]].concat()).assert().success();
    assert_eq!(copies(&scratch), kept);
    assert_eq!(kept.iter().map(made).collect::<Vec<_>>(), before, "copies that are there aren't made again");
}

#[test]
fn layout_policy_and_both_are_told_apart() {
    let scratch = scratch();
    let args = [
        "run",
        "m.gguf",
        "--out",
        "r.jsonl",
        "--probe",
        "faults",
        "--pattern",
        "sequential",
        "--blocks",
        "6",
    ];
    scratch.packbench(&[&args[..], &["--policy", "normal,random"], &JOB[..6]].concat()).assert().success();
    let by = ["compare", "r.jsonl", "--by", "variant,policy", "--metric", "bytes_fetched", "--json"];
    let answer: serde_json::Value = serde_json::from_str(&stdout(&mut scratch.packbench(&by))).unwrap();
    let effects: Vec<String> = answer["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["base"], one["candidate"], one["differ_in"]))
        .collect();
    insta::assert_snapshot!(effects.join("\n"), @r#"
    "m.gguf, normal" "m.gguf, random" ["policy"]
    "m.gguf, normal" "m.gguf forward, normal" ["variant"]
    "m.gguf, normal" "m.gguf forward, random" ["variant","policy"]
    "m.gguf, normal" "m.gguf shuffled:7:align=4096, normal" ["variant"]
    "m.gguf, normal" "m.gguf shuffled:7:align=4096, random" ["variant","policy"]
    "#);
    let table = stdout(&mut scratch.packbench(&by[..4]));
    assert!(table.contains("effect of") && table.contains("variant, policy"), "{table}");
    let said = stderr(&mut scratch.packbench(&["compare", "r.jsonl", "--by", "variant,prompt"]));
    assert!(said.contains("no two arms differ in variant and prompt alone"), "{said}");
}

#[test]
fn a_session_with_layouts_can_be_resumed() {
    let scratch = scratch();
    let job = [&["run", "m.gguf", "--json", "--out", "r.jsonl", "--probe", "faults"][..], &JOB[..6]].concat();
    let mut process = scratch
        .process(&[&job[..], &["--blocks", "20"]].concat())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    crate::run::wait_for_runs(&mut process, 3);
    signal(&process, "INT");
    assert_eq!(process.wait().unwrap().code(), Some(130));
    scratch.packbench(&["run", "m.gguf", "--resume", "r.jsonl"]).assert().success();
    let report = scratch.report("r.jsonl");
    check(&report);
    assert_eq!(finished(&report).len() % 20, 0);
    assert_eq!(copies(&scratch).len(), 2);
}

#[test]
fn what_is_wrong_with_a_layout_is_told() {
    let scratch = scratch();
    let job = [&["run", "m.gguf", "--probe", "faults", "--cache", "warm", "--blocks", "1"][..]].concat();
    let run =
        |layouts: &str, out: &str| [&job[..], &["--variants", layouts, "--out", out]].concat().join(" ");
    let said = |args: String| {
        let args: Vec<&str> = args.split(' ').collect();
        let output = scratch.packbench(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    insta::assert_snapshot!(said(run("like:m.gguf", "a")), @"error: found like:m.gguf, which follows another file: make that copy by packbench repack, and name it as a model");
    assert!(said(run("backward", "a")).contains("found order \"backward\""));
    let args = run("forward", "r.jsonl");
    scratch.packbench(&args.split(' ').collect::<Vec<_>>()).assert().success();
    let copy = scratch.path("packbench-variants").join(&copies(&scratch)[0]);
    let mut bytes = fs::read(&copy).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&copy, bytes).unwrap();
    let changed = said(run("forward", "b.jsonl"));
    assert!(
        changed.contains("m.gguf forward: its copy in ")
            && changed.contains("remove it, and it is made again"),
        "{changed}"
    );
    fs::remove_file(&copy).unwrap();
    fs::remove_dir(scratch.path("packbench-variants")).unwrap();
    scratch.write("packbench-variants", b"in the way");
    let blocked = said(run("forward", "c.jsonl"));
    assert!(blocked.contains("m.gguf forward: making a folder: "), "{blocked}");
}
