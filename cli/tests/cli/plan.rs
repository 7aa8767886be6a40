use insta::assert_snapshot;
use packbench_core::record::{Curve, FimScores, QuantPlan};
use serde_json::{Value, json};

use crate::scratch::{Scratch, stderr, stdout};

const OWN: &[u8] = include_bytes!("../../../fuzz/seeds/scores/own");
const PUBLISHED: &[u8] = include_bytes!("../../../fuzz/seeds/scores/published");

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("own.json", OWN);
    scratch.write("published.json", PUBLISHED);
    scratch
}

/// What is said of a call that is refused; nothing is left behind.
fn refused(args: &[&str]) -> String {
    let scratch = scratch();
    scratch.packbench(args).assert().code(2);
    assert_eq!(scratch.names(), ["own.json", "published.json"]);
    stderr(&mut scratch.packbench(args))
}

#[test]
fn a_plan_is_shown_and_written() {
    let scratch = scratch();
    let args = ["plan", "own.json", "--budget", "1700", "-o", "plan.json"];
    assert_snapshot!(stdout(&mut scratch.packbench(&args)), @r#"
    fisher: 1.60 kB of 1.70 kB (1700)
    predicted KL divergence: 0.0156 nats per token
    proved: no plan of these bytes is predicted more than 0.000 % less
    a further MiB would save 51.2000 nats

    group     Q4_K
    ffn_down     1

    beside Q4_K_M (1.89 kB, predicted 0.0016 nats):

    raised: nothing

    lowered: 1 tensor
    tensor                 from  to    bytes      nats  nats per MiB
    blk.0.ffn_down.weight  Q6_K  Q4_K   -264  +1.41e-2       55.8545
    "#);
    let plan = QuantPlan::read(&std::fs::read(scratch.path("plan.json")).unwrap()).unwrap();
    let json = stdout(&mut scratch.packbench(&["plan", "own.json", "--budget", "1700", "--json"]));
    assert_eq!(QuantPlan::read(json.as_bytes()).unwrap(), plan);
}

#[test]
fn a_time_is_asked_of_a_report_of_the_same_model() {
    let report = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../bench-results/2026-11-24-amd-epyc-2cpu/policies-gemma3-270m-requests.jsonl"
    );
    let said = refused(&["plan", "own.json", "--budget", &format!("first-token:3000ms@{report}")]);
    let other = "is a gemma3 of 236 tensors, and the scores are of a llama of 1: expected a report of files of that model";
    assert!(said.contains(other), "{said}");
}

/// The sample is part 1 of 2.
#[test]
fn a_plan_of_part_of_a_scoring_says_so() {
    let said = stderr(&mut scratch().packbench(&["plan", "own.json", "--budget", "1700"]));
    assert_snapshot!(said, @"the scores lack parts of the scoring, which merge-scores adds: 2");
}

#[test]
fn scores_made_elsewhere_are_planned_by_the_published_rules() {
    let args = ["plan", "published.json", "--strategy", "groups:1"];
    assert_snapshot!(stdout(&mut scratch().packbench(&args)), @r#"
    base Q3_K_M

    pattern   layers  type
    ffn_down  all     Q6_K

    no sizes and no prediction: these scores hold the published keys alone
    "#);
}

#[test]
fn a_curve_is_written_as_numbers_and_as_a_picture() {
    let scratch = scratch();
    scratch.packbench(&["plan", "own.json", "--curve", "c"]).assert().success().stdout("");
    assert_eq!(scratch.names(), ["c.json", "c.svg", "own.json", "published.json"]);
    let curve: Curve = serde_json::from_slice(&std::fs::read(scratch.path("c.json")).unwrap()).unwrap();
    assert_eq!((curve.plans.len(), curve.stock_mixes.len()), (2, 1), "one tensor in two types");
    let svg = std::fs::read_to_string(scratch.path("c.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Q4_K_M") && svg.contains("<polyline"), "{svg}");
}

#[test]
fn a_curve_says_what_is_not_on_it() {
    let scratch = scratch();
    let mut scores: Value = serde_json::from_slice(OWN).unwrap();
    let mixes = scores["packbench"]["stock_mixes"].as_array_mut().unwrap();
    for name in ["Q2_K", "Q2_K_S"] {
        mixes.push(json!({"name": name, "types": {"blk.0.ffn_down.weight": "Q2_K"}}));
    }
    scratch.write("own.json", scores.to_string().as_bytes());
    assert_snapshot!(stderr(&mut scratch.packbench(&["plan", "own.json", "--curve", "c"])), @"
    not on the curve, for llama.cpp makes them with an importance matrix only, and the scores are of none: Q2_K_S
    not on the curve, for some tensor has no price in their types: Q2_K
    the scores lack parts of the scoring, which merge-scores adds: 2
    ");
    let svg = std::fs::read_to_string(scratch.path("c.svg")).unwrap();
    assert!(!svg.contains("Q2_K"), "{svg}");
    let stock = ["plan", "own.json", "--strategy", "stock:Q2_K_S"];
    assert_snapshot!(stderr(&mut scratch.packbench(&stock)), @"error: own.json: llama.cpp makes Q2_K_S under an importance matrix only, and the scores are of none: score with --imatrix");
}

#[test]
fn the_tools_command_is_printed_and_its_list_written() {
    let scratch = scratch();
    scratch.packbench(&["plan", "own.json", "--budget", "1700", "-o", "plan.json"]).assert().success();
    let args = ["emit-llama-quantize", "plan.json", "my model.gguf", "out.gguf", "--types-file", "types.txt"];
    assert_snapshot!(stdout(&mut scratch.packbench(&args)), @"llama-quantize --tensor-type-file types.txt 'my model.gguf' out.gguf Q4_K_M");
    let types = std::fs::read_to_string(scratch.path("types.txt")).unwrap();
    assert_snapshot!(types.trim_end(), @r"^blk\.0\.ffn_down\.weight$=q4_k");
}

#[test]
fn parts_are_added_up() {
    let scratch = scratch();
    let mut merge = scratch.packbench(&["merge-scores", "own.json", "-o", "sum.json"]);
    merge.assert().success();
    assert_snapshot!(stderr(&mut merge), @"of 2 parts these are not in: 2");
    let read = |name| FimScores::read(&std::fs::read(scratch.path(name)).unwrap()).unwrap();
    assert_eq!(read("sum.json").packbench, read("own.json").packbench);
}

#[test]
fn what_cant_be_done_is_said() {
    assert_snapshot!(refused(&["plan", "own.json", "--budget", "1000", "-o", "plan.json"]), @"error: own.json: the budget is 1000 bytes and the smallest types take 1600: raise the budget, or allow smaller types");
    assert_snapshot!(refused(&["plan", "published.json", "--budget", "1000"]), @"error: published.json: the scores hold no prices, which fisher needs: make them with packbench score, or take top-layers, top-percent, groups or thresholds");
    assert_snapshot!(refused(&["plan", "own.json", "--strategy", "fishr"]), @r#"
    error: invalid value 'fishr' for '--strategy <NAME>': expected one of fisher, fisher-token, mse, imatrix, g2, random:SEED, uniform:TYPE, stock:MIX, top-layers:K, top-percent:P, groups:N, thresholds

    For more information, try '--help'.
    "#);
    assert_snapshot!(refused(&["plan", "own.json", "--types", "Q4_K,Q7"]), @r#"
    error: invalid value 'Q7' for '--types <TYPE>': expected one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, I8, I16, I32, I64, F64, IQ1_M, BF16, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0

    For more information, try '--help'.
    "#);
    assert_snapshot!(refused(&["plan", "own.json", "--budget", "small"]), @r#"
    error: invalid value 'small' for '--budget <BUDGET>': expected one of BYTES, same-as:MIX, bpw:X, loss:X, first-token:Nms@REPORT, X above 0 and N whole, such as 400MB, same-as:Q3_K_M, bpw:3.5, loss:0.05 or first-token:800ms@report.jsonl

    For more information, try '--help'.
    "#);
    assert_snapshot!(refused(&["plan", "own.json", "--strategy", "uniform:F64"]), @"error: own.json: no tensor was priced in F64, expected one of Q4_K, Q6_K: score with it among --types, if any rows take it");
    assert_snapshot!(refused(&["plan", "none.json", "--budget", "1000"]), @"error: reading none.json: No such file or directory (os error 2)");
    assert_snapshot!(refused(&["plan", "own.json", "--budget", "1700", "-o", "no/where.json"]), @"error: creating a file in no: No such file or directory (os error 2)");
    assert_snapshot!(refused(&["plan", "own.json", "--budget", "1700", "-o", "own.json"]), @"error: own.json is what this is made of: name another file to write");
    assert_snapshot!(refused(&["plan", "own.json", "--curve", "own"]), @"error: own.json is what this is made of: name another file to write");
    assert_snapshot!(refused(&["merge-scores", "own.json", "-o", "./own.json"]), @"error: ./own.json is what this is made of: name another file to write");
    assert_snapshot!(refused(&["merge-scores", "own.json", "own.json", "-o", "sum.json"]), @"error: 1: own.json, 2: own.json: file 2 holds part 1, which another file holds, too: each counts once");
    assert_snapshot!(refused(&["merge-scores", "own.json", "published.json", "-o", "sum.json"]), @"error: 1: own.json, 2: published.json: file 2 holds no sums of packbench's own, so it can't be added up");
}
