use std::path::Path;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::record::{Line, Report};
use packbench_core::session::bytes;

use crate::scratch::{Scratch, stderr, stdout};

/// A real report, its times replaced by `wall_ns` of arm and block: what is compared here is arithmetic.
fn planted(scratch: &Scratch, blocks: u32, wall_ns: impl Fn(&str, u64) -> u64) {
    scratch.model();
    let blocks = blocks.to_string();
    let args = [
        "run",
        "m.gguf",
        "--probe",
        "faults",
        "--policy",
        "normal,random,populate",
        "--pattern",
        "sequential",
    ];
    let args = [&args[..], &["--cache", "cold", "--out", "r.jsonl", "--blocks", &blocks]].concat();
    scratch.packbench(&args).assert().success();
    rewrite(&scratch.path("r.jsonl"), |line| {
        if let Line::Run(run) = line {
            let arm = run.case.policy().unwrap().to_string();
            run.metrics.as_mut().unwrap().wall_ns = wall_ns(&arm, u64::from(run.block));
        }
    });
}

fn rewrite(path: &Path, mut change: impl FnMut(&mut Line)) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter_mut().for_each(&mut change);
    std::fs::write(path, lines.iter().flat_map(bytes).collect::<Vec<u8>>()).unwrap();
}

/// Blocks differ by a drift that pairing takes out, and by ± 1 % that it doesn't.
fn drifting(block: u64) -> u64 {
    1_000_000 * (10 + block) / 10 * (99 + block % 3) / 100
}

#[test]
fn a_regression_is_told_from_what_is_the_same() {
    let scratch = Scratch::new();
    planted(&scratch, 8, |arm, block| match arm {
        "normal" => 1_000_000 * (10 + block) / 10,
        "random" => 2 * drifting(block),
        _ => drifting(block),
    });
    let by_policy = ["compare", "r.jsonl", "--by", "policy"];
    scratch.packbench(&by_policy).assert().code(1);
    insta::assert_snapshot!(stdout(&mut scratch.packbench(&by_policy)), @r#"
    wall_ns by policy, threshold 5.0 %

    where                             base    candidate  verdict  ratio  95 % interval  could have seen  base median  candidate median  blocks
    m.gguf, faults, sequential, cold  normal  random     slower   2.000  1.980 – 2.010          ± 1.0 %      1.35 ms           2.69 ms       8
    m.gguf, faults, sequential, cold  normal  populate   same     1.000  0.990 – 1.005          ± 1.0 %      1.35 ms           1.34 ms       8

    m.gguf, faults, sequential, cold, populate: the later half of the blocks took 35 % more than the earlier half; medians say when they were taken, ratios don't mind
    m.gguf, faults, sequential, cold, random: the later half of the blocks took 35 % more than the earlier half; medians say when they were taken, ratios don't mind
    DebugBuild: the tool was built without optimisation: build with --profile bench-device
    of 2 comparisons at 95 %, up to 0.1 would be called faster or slower if no arm differed
    "#);
    let from_random = ["compare", "r.jsonl", "--by", "policy", "--base", "random"];
    scratch.packbench(&from_random).assert().success();
    assert_eq!(stdout(&mut scratch.packbench(&from_random)).matches("faster").count(), 2 + 1);
    let json = stdout(&mut scratch.packbench(&[&by_policy[..], &["--json"]].concat()));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["comparisons"][0]["verdict"], "slower");
    assert_eq!(json["comparisons"][1]["verdict"], "same");
    // Twice as slow is no regression to one for whom only that matters: the interval reaches below it.
    scratch.packbench(&[&by_policy[..], &["--threshold", "99%"]].concat()).assert().success();
}

#[test]
fn five_blocks_are_too_few_and_say_so() {
    let scratch = Scratch::new();
    planted(&scratch, 5, |arm, block| drifting(block) * if arm == "normal" { 1 } else { 9 });
    let shown = scratch.packbench(&["compare", "r.jsonl", "--by", "policy"]).output().unwrap();
    assert!(shown.status.success(), "no verdict is no regression");
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(
        text.contains("inconclusive") && text.contains("found 5 paired blocks, expected at least 6"),
        "{text}"
    );
}

#[test]
fn what_may_not_be_compared_is_refused_by_name() {
    let scratch = Scratch::new();
    scratch.model();
    scratch.write("other.gguf", &TinyModel { seed: 3, ..TinyModel::new(4) }.bytes());
    let run =
        ["run", "m.gguf", "other.gguf", "--probe", "faults", "--pattern", "sequential", "--cache", "cold"];
    scratch.packbench(&[&run[..], &["--out", "r.jsonl"]].concat()).assert().success();
    let by_variant = ["compare", "r.jsonl", "--by", "variant"];
    scratch.packbench(&by_variant).assert().code(2);
    let said = stderr(&mut scratch.packbench(&by_variant));
    assert!(said.contains("the payload differs: m.gguf ") && said.contains("--allow payload"), "{said}");
    let allowed = scratch.packbench(&[&by_variant[..], &["--allow", "payload"]].concat()).output().unwrap();
    assert_ne!(allowed.status.code(), Some(2));
    let said = stderr(&mut scratch.packbench(&["compare", "r.jsonl", "--by", "cache"]));
    assert!(said.contains("no two arms differ in cache alone"), "{said}");
    let said = stderr(&mut scratch.packbench(&["compare", "r.jsonl", "--by", "policy", "--base", "x"]));
    assert!(said.contains("policy is one of normal, random, will_need"), "{said}");
    let said = stderr(&mut scratch.packbench(&["compare", "r.jsonl", "--by", "policy", "--allow", "x"]));
    assert!(
        said.contains(
            "expected one of page_size, device, fixed_performance, tool, payload, NotCold, NotWarm"
        ),
        "{said}"
    );
}

#[test]
fn a_report_of_two_machines_is_refused() {
    let scratch = Scratch::new();
    planted(&scratch, 6, |_, block| drifting(block));
    let path = scratch.path("r.jsonl");
    let report = Report::read(&std::fs::read(&path).unwrap()).unwrap();
    let mut header = report.header().clone();
    header.segment = 1;
    header.context.page_size_bytes = 16384;
    let text = [std::fs::read(&path).unwrap(), bytes(&Line::Header(header))].concat();
    std::fs::write(&path, text).unwrap();
    scratch.packbench(&["compare", "r.jsonl", "--by", "policy"]).assert().code(2);
    let said = stderr(&mut scratch.packbench(&["compare", "r.jsonl", "--by", "policy"]));
    assert!(said.contains("the page size differs: 4096 bytes against 16384 bytes"), "{said}");
    let allowed = ["compare", "r.jsonl", "--by", "policy", "--allow", "page_size"];
    scratch.packbench(&allowed).assert().success();
}

#[test]
fn runs_that_were_not_cold_are_left_out_unless_allowed() {
    let scratch = Scratch::new();
    planted(&scratch, 6, |_, block| drifting(block));
    rewrite(&scratch.path("r.jsonl"), |line| {
        if let Line::Run(run) = line {
            run.caveats.push("NotCold".parse().unwrap());
        }
    });
    let by_policy = ["compare", "r.jsonl", "--by", "policy"];
    scratch.packbench(&by_policy).assert().code(2);
    let shown = stdout(&mut scratch.packbench(&by_policy));
    assert!(shown.contains("incomparable") && shown.contains("6 runs of normal NotCold"), "{shown}");
    scratch.packbench(&[&by_policy[..], &["--allow", "NotCold"]].concat()).assert().success();
}

#[test]
fn two_sessions_are_compared_case_by_case_and_never_the_same() {
    let scratch = Scratch::new();
    planted(&scratch, 8, |_, block| drifting(block));
    std::fs::rename(scratch.path("r.jsonl"), scratch.path("base.jsonl")).unwrap();
    planted(&scratch, 8, |arm, block| drifting(block) * if arm == "random" { 9 } else { 1 });
    let two = ["compare", "base.jsonl", "r.jsonl"];
    scratch.packbench(&two).assert().code(1);
    let shown = stdout(&mut scratch.packbench(&two));
    assert!(shown.starts_with("wall_ns of two sessions, threshold 5.0 %"), "{shown}");
    assert_eq!(shown.matches("candidate  slower ").count(), 1, "{shown}");
    assert!(!shown.contains(" same "), "{shown}");
    assert!(shown.contains("CrossSession: measured in two sessions"), "{shown}");
    let said = stderr(&mut scratch.packbench(&["compare", "r.jsonl", "r.jsonl"]));
    assert!(said.contains("both reports are of session"), "{said}");
    let said = stderr(&mut scratch.packbench(&[&two[..], &["--by", "policy"]].concat()));
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn what_is_no_report_is_refused() {
    let scratch = Scratch::new();
    scratch.write("x", b"hello\n");
    for name in ["x", "none"] {
        scratch.packbench(&["compare", name, "--by", "policy"]).assert().code(2);
    }
    let said = stderr(&mut scratch.packbench(&["compare", "x", "--by", "policy"]));
    assert!(said.starts_with("error: reading x: line 1: found no report header"), "{said}");
}
