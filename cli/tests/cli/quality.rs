//! From a quantized model to a smaller one, and how far it is: score, quantize, eval.

use packbench_core::gguf::sample::{TinyModel, Traits};
use packbench_core::gguf::{GgmlType, Gguf};
use packbench_core::quant::cost::{PLAN_HASH_KEY, PREDICTED_KLD_KEY};
use packbench_core::quant::imatrix;
use packbench_core::record::{Evaluation, FimScores, QuantPlan, Report};
use packbench_core::unit::Bytes;

use crate::scratch::{Scratch, stderr, stdout};

/// Byte by byte: what a vocabulary of bytes makes of it is as long as it is.
fn text(scratch: &Scratch) -> String {
    let text: String = (0..400).map(|index| format!("{} ", index * 37 % 101)).collect();
    scratch.write("text.txt", text.as_bytes());
    scratch.write("held-out.txt", text.chars().rev().collect::<String>().as_bytes());
    text
}

fn succeeds(scratch: &Scratch, args: &[&str]) -> String {
    let mut command = scratch.packbench(args);
    command.assert().success();
    stdout(&mut command)
}

/// An original with noise in it, as `original.gguf`.
fn original(scratch: &Scratch) {
    scratch.model();
    succeeds(scratch, &["quantize", "m.gguf", "--dither", "--type", "F32", "-o", "original.gguf"]);
}

const SCORE: [&str; 9] =
    ["score", "original.gguf", "--text", "text.txt", "--sequences", "3", "--length", "40", "--types"];

fn scores(scratch: &Scratch, args: &[&str]) -> FimScores {
    succeeds(scratch, &[&SCORE[..], &["Q4_0,Q8_0,Q4_K"], args].concat());
    FimScores::read(&std::fs::read(scratch.path("fim_scores.json")).unwrap()).unwrap()
}

#[test]
fn a_score_says_what_each_tensor_would_cost_in_each_type() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    let scores = scores(&scratch, &[]);
    let pricing = scores.packbench.as_ref().unwrap();
    assert_eq!((scores.num_samples, scores.seq_length, pricing.tokens), (3, 40, 120));
    let down = pricing.tensors.iter().find(|tensor| tensor.name == "blk.1.ffn_down.weight").unwrap();
    let types: Vec<GgmlType> = down.candidates.iter().map(|price| price.ggml_type).collect();
    assert_eq!(types, [GgmlType::Q4_0, GgmlType::Q8_0], "its rows are no multiple of 256");
    assert!(down.candidates[0].loss_by_token_nats > 20.0 * down.candidates[1].loss_by_token_nats);
    assert!(
        pricing
            .stock_mixes
            .iter()
            .any(|mix| mix.name == "Q4_K_M" && mix.types.len() == pricing.tensors.len())
    );
    let kept = ["fim_scores.activations.gguf", "fim_scores.fisher.gguf"];
    assert!(kept.iter().all(|name| scratch.names().contains(&(*name).to_owned())), "{:?}", scratch.names());
}

/// Rows that take few types leave bytes over that nothing else could be bought for.
#[test]
fn what_q8_0_leaves_over_buys_half_precision() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    let ask = ["score", "original.gguf", "--text", "text.txt", "--sequences", "2", "--length", "24"];
    succeeds(&scratch, &ask);
    succeeds(&scratch, &["plan", "fim_scores.json", "--budget", "bpw:9", "-o", "quant_plan.json"]);
    let plan = QuantPlan::read(&std::fs::read(scratch.path("quant_plan.json")).unwrap()).unwrap();
    let planning = plan.packbench.unwrap();
    let halves = planning.tensors.iter().filter(|tensor| tensor.ggml_type == GgmlType::F16).count();
    assert!(halves > 0 && halves < planning.tensors.len(), "{halves}");
    let left = planning.budget.unwrap().bytes - planning.file_bytes.unwrap();
    assert!(left * 200 < planning.file_bytes.unwrap(), "{left} bytes left over");
    succeeds(&scratch, &["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"]);
}

/// Hours of work aren't lost to a file that can't be written, or to the model's own name.
#[test]
fn what_could_not_be_written_is_found_out_before_a_score() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    let ask = [&SCORE[..], &["Q8_0"]].concat();
    std::fs::create_dir(scratch.path("fim_scores.fisher.gguf")).unwrap();
    let before = scratch.names();
    scratch.packbench(&ask).assert().code(2);
    for output in ["no/where.json", "original.gguf", "text.txt"] {
        scratch.packbench(&[&ask[..], &["-o", output]].concat()).assert().code(2);
    }
    assert_eq!(scratch.names(), before);
    std::fs::remove_dir(scratch.path("fim_scores.fisher.gguf")).unwrap();
    succeeds(&scratch, &ask);
    assert!(!scratch.path("fim_scores.partial").exists());
    let evaluate = ["eval", "original.gguf", "fim_scores.fisher.gguf", "--text", "text.txt", "-o"];
    scratch.packbench(&[&evaluate[..], &["original.gguf"]].concat()).assert().code(2);
}

/// Of an importance matrix llama.cpp's Q4_0 makes Q4_1 in the first eighth of the layers' `ffn_down`.
#[test]
fn stock_mixes_are_those_of_the_scores_importance_matrix() {
    let scratch = Scratch::new();
    text(&scratch);
    scratch.write("m.gguf", &TinyModel::new(8).bytes());
    succeeds(&scratch, &["quantize", "m.gguf", "--dither", "--type", "F32", "-o", "original.gguf"]);
    let first = |args: &[&str]| {
        let mixes = scores(&scratch, args).packbench.unwrap().stock_mixes;
        mixes.iter().find(|mix| mix.name == "Q4_0").unwrap().types["blk.0.ffn_down.weight"]
    };
    let said = succeeds(&scratch, &[&SCORE[..], &["Q8_0"]].concat());
    assert!(said.contains("here by Q4_K_M: 0, 3, 6, 7\n"), "{said}");
    assert_eq!(first(&[]), GgmlType::Q4_0);
    assert_eq!(first(&["--imatrix", "activations"]), GgmlType::Q4_1);
    std::fs::rename(scratch.path("fim_scores.activations.gguf"), scratch.path("given.gguf")).unwrap();
    assert_eq!(first(&["--imatrix", "given.gguf"]), GgmlType::Q4_1);
}

#[test]
fn a_plan_becomes_a_file_and_the_file_is_evaluated() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    let plan = r#"{"base_quant": "Q8_0", "upgrade_quant": "q8_0",
        "overrides": [{"pattern": "ffn_down", "layers": [1, 2], "qtype": "q4_0"}],
        "stats": {"total_layers": 4, "upgraded_layer_count": 0, "ffn_top_pct": 0, "attn_top_pct": 0}}"#;
    scratch.write("quant_plan.json", plan.as_bytes());
    let quantize = ["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "planned.gguf"];
    assert_eq!(stderr(&mut scratch.packbench(&quantize)), "");
    succeeds(&scratch, &["quantize", "original.gguf", "--type", "Q4_0", "-o", "stock.gguf"]);
    let bytes = std::fs::read(scratch.path("planned.gguf")).unwrap();
    let gguf = Gguf::parse(&bytes).unwrap();
    let of = |name: &str| gguf.tensor(name).unwrap().ggml_type;
    assert_eq!(of("blk.1.ffn_down.weight"), GgmlType::Q4_0);
    assert_eq!(of("blk.3.ffn_down.weight"), GgmlType::Q8_0);
    let models = ["eval", "original.gguf", "stock.gguf", "planned.gguf"];
    let on = ["--text", "text.txt", "--chunks", "4", "--length", "32"];
    succeeds(&scratch, &[&models[..], &on].concat());
    let read = || Evaluation::read(&std::fs::read(scratch.path("eval_results.json")).unwrap()).unwrap();
    let evaluation = read();
    let own = evaluation.packbench.as_ref().unwrap();
    let klds: Vec<f64> = own.models.iter().map(|model| model.kld_nats).collect();
    assert!(klds[0].abs() < 1e-9 && klds[2] > 1e-7 && klds[1] > 3.0 * klds[2], "{klds:?}");
    assert_eq!(own.models[2].plan_hash.as_deref(), Some(blake3::hash(plan.as_bytes()).to_hex().as_str()));
    assert!(own.models[2].against_baseline.unwrap().nats < 0.0, "better than the stock file");
    assert_eq!(own.tokens_per_chunk, 31);
    let bits: Vec<f64> = own.models.iter().map(|model| model.bits_per_weight.unwrap()).collect();
    assert!(bits[0] > 32.0 && bits[1] > 4.5 && bits[1] < bits[2] && bits[2] < 16.0, "{bits:?}");
    succeeds(&scratch, &[&models[..], &on].concat());
    assert_eq!(read(), evaluation, "with the logits that were kept");
}

/// Of the matrices only `ffn_down` has rows that take the type: the others stay, and the file is as long as was foretold.
#[test]
fn what_has_no_price_stays_as_it_is() {
    let scratch = Scratch::new();
    text(&scratch);
    scratch.write("m.gguf", &TinyModel { payload: Bytes(370_000), ..TinyModel::new(2) }.bytes());
    succeeds(&scratch, &["quantize", "m.gguf", "--dither", "--type", "F32", "-o", "original.gguf"]);
    succeeds(&scratch, &[&SCORE[..], &["Q4_K,Q6_K"]].concat());
    succeeds(&scratch, &["plan", "fim_scores.json", "--budget", "10MB", "-o", "quant_plan.json"]);
    let plan = std::fs::read(scratch.path("quant_plan.json")).unwrap();
    let mut planning = QuantPlan::read(&plan).unwrap();
    succeeds(&scratch, &["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"]);
    let bytes = std::fs::read(scratch.path("o.gguf")).unwrap();
    let gguf = Gguf::parse(&bytes).unwrap();
    let of = |name: &str| gguf.tensor(name).unwrap().ggml_type;
    assert_eq!([of("blk.0.attn_q.weight"), of("blk.0.ffn_down.weight")], [GgmlType::F32, GgmlType::Q6_K]);
    let own = planning.packbench.as_mut().unwrap();
    assert_eq!(own.file_bytes, Some(bytes.len() as u64));
    own.tensors.retain(|tensor| tensor.name != "blk.0.attn_q.weight");
    scratch.write("quant_plan.json", &serde_json::to_vec(&planning).unwrap());
    let ask = ["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "p.gguf"];
    scratch.packbench(&ask).assert().code(2);
    let said = stderr(&mut scratch.packbench(&ask));
    assert!(said.contains("the plan doesn't name blk.0.attn_q.weight"), "{said}");
}

/// llama.cpp aligns what it makes to 32 bytes, whatever it says of the matter.
#[test]
fn a_model_that_is_aligned_otherwise_is_quantized_like_any() {
    let scratch = Scratch::new();
    text(&scratch);
    scratch.model();
    succeeds(&scratch, &["quantize", "m.gguf", "--dither", "--type", "F32", "-o", "plain.gguf"]);
    succeeds(&scratch, &["repack", "plain.gguf", "original.gguf", "--align", "16KiB"]);
    scores(&scratch, &[]);
    succeeds(&scratch, &["plan", "fim_scores.json", "--budget", "bpw:6.5", "-o", "quant_plan.json"]);
    succeeds(&scratch, &["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"]);
    let plan = QuantPlan::read(&std::fs::read(scratch.path("quant_plan.json")).unwrap()).unwrap();
    let bytes = std::fs::read(scratch.path("o.gguf")).unwrap();
    assert_eq!(plan.packbench.unwrap().file_bytes, Some(bytes.len() as u64));
    succeeds(&scratch, &["quantize", "plain.gguf", "--plan", "quant_plan.json", "-o", "p.gguf"]);
    let plain = std::fs::read(scratch.path("p.gguf")).unwrap();
    let (ours, theirs) = (Gguf::parse(&bytes).unwrap(), Gguf::parse(&plain).unwrap());
    for tensor in &theirs.tensors {
        let same = ours.tensor(tensor.name).unwrap();
        assert_eq!(ours.payload(same), theirs.payload(tensor), "{}", tensor.name);
    }
}

#[test]
fn plans_for_an_importance_matrix_from_a_file_are_measured_with_it() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    scores(&scratch, &[]);
    std::fs::rename(scratch.path("fim_scores.activations.gguf"), scratch.path("i.gguf")).unwrap();
    scores(&scratch, &["--imatrix", "i.gguf"]);
    let ask =
        ["plan", "fim_scores.json", "--budget", "bpw:6.5", "--measure", "2", "--model", "original.gguf"];
    let on = ["--text", "held-out.txt", "--chunks", "2", "--length", "32"];
    let said = stderr(&mut scratch.packbench(&[&ask[..], &on].concat()));
    assert!(said.contains("--imatrix FILE"), "{said}");
    succeeds(&scratch, &[&ask[..], &on, &["--imatrix", "i.gguf"]].concat());
}

/// Plans made elsewhere don't know the rows of the model.
#[test]
fn what_the_engine_makes_instead_of_what_a_plan_asks_for_is_said() {
    let scratch = Scratch::new();
    original(&scratch);
    let plan = r#"{"base_quant": "Q8_0", "upgrade_quant": "q4_k",
        "overrides": [{"pattern": "attn_q", "layers": [1, 2], "qtype": "q4_k"}],
        "stats": {"total_layers": 4, "upgraded_layer_count": 2, "ffn_top_pct": 0, "attn_top_pct": 0}}"#;
    scratch.write("quant_plan.json", plan.as_bytes());
    let quantize = ["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"];
    let said = stderr(&mut scratch.packbench(&quantize));
    assert!(
        said.contains("Q4_K for 2 tensors that the engine makes Q5_0, the first blk.1.attn_q.weight"),
        "{said}"
    );
}

#[test]
#[ignore = "takes llama-quantize: scripts/test --stage tool"]
fn llama_cpps_own_tool_makes_what_a_plan_says() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    scores(&scratch, &[]);
    succeeds(&scratch, &["plan", "fim_scores.json", "--budget", "bpw:6.5", "-o", "quant_plan.json"]);
    succeeds(&scratch, &["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"]);
    let line = succeeds(&scratch, &["emit-llama-quantize", "quant_plan.json", "original.gguf", "t.gguf"]);
    let run =
        std::process::Command::new("sh").args(["-c", &line]).current_dir(scratch.path(".")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let types = |name: &str| {
        let bytes = std::fs::read(scratch.path(name)).unwrap();
        let gguf = Gguf::parse(&bytes).unwrap();
        let mut types: Vec<_> =
            gguf.tensors.iter().map(|tensor| (tensor.name.to_owned(), tensor.ggml_type)).collect();
        types.sort();
        types
    };
    assert_eq!(types("t.gguf"), types("o.gguf"));
}

/// What is foretold of dithered weights is the divergence from those, not from the model.
#[test]
fn plans_of_dithered_scores_are_measured_against_what_was_scored() {
    let scratch = Scratch::new();
    text(&scratch);
    scratch.model();
    succeeds(&scratch, &["quantize", "m.gguf", "--type", "Q4_0", "-o", "q4.gguf"]);
    let score = ["score", "q4.gguf", "--dither", "--text", "text.txt", "--sequences", "3", "--length", "40"];
    succeeds(&scratch, &[&score[..], &["--types", "Q8_0"]].concat());
    let plan = ["plan", "fim_scores.json", "--budget", "12MB", "-o", "quant_plan.json"];
    succeeds(&scratch, &plan);
    let on = ["--text", "text.txt", "--chunks", "2", "--length", "32"];
    let measured = |reference: &str| {
        succeeds(&scratch, &[&["eval", reference, "o.gguf"], &on[..]].concat());
        let read = Evaluation::read(&std::fs::read(scratch.path("eval_results.json")).unwrap()).unwrap();
        read.packbench.unwrap().models[1].kld_nats
    };
    succeeds(&scratch, &["quantize", "q4.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"]);
    succeeds(&scratch, &["quantize", "q4.gguf", "--dither", "--type", "F32", "-o", "original.gguf"]);
    let planned = QuantPlan::read(&std::fs::read(scratch.path("quant_plan.json")).unwrap()).unwrap();
    let len = std::fs::metadata(scratch.path("o.gguf")).unwrap().len();
    let planning = planned.packbench.unwrap();
    assert_eq!((planning.file_bytes, planning.predicted_kld_nats.is_some()), (Some(len), true));
    let (from_original, from_model) = (measured("original.gguf"), measured("q4.gguf"));
    assert!(from_model > 3.0 * from_original, "{from_model}, but for {from_original}, is noise");
    let warned = |reference: &str| {
        stderr(&mut scratch.packbench(&[&["eval", reference, "o.gguf"], &on[..]].concat()))
            .contains("has other noise in it")
    };
    assert!(warned("q4.gguf") && !warned("original.gguf"));
    let measure = ["--measure", "2", "--model", "q4.gguf", "--chunks", "2", "--length", "32", "--text"];
    let said = stderr(&mut scratch.packbench(&[&plan[..], &measure, &["held-out.txt"]].concat()));
    assert!(said.contains("original.gguf") && !said.contains("other noise"), "{said}");
}

/// The weights are the same, and another metadata value makes another model of them.
#[test]
fn a_model_is_its_metadata_too() {
    let scratch = Scratch::new();
    text(&scratch);
    let plain = TinyModel::new(2);
    scratch.write("m.gguf", &plain.bytes());
    let traits = Traits { linear_scaling: true, ..Traits::NONE };
    scratch.write("scaled.gguf", &TinyModel { traits, ..plain }.bytes());
    let kld = |reference: &str, model: &str| {
        let on = ["--text", "text.txt", "--chunks", "1", "--length", "32"];
        succeeds(&scratch, &[&["eval", reference, model], &on[..]].concat());
        let read = Evaluation::read(&std::fs::read(scratch.path("eval_results.json")).unwrap()).unwrap();
        read.packbench.unwrap().models[1].kld_nats
    };
    let there = kld("m.gguf", "scaled.gguf");
    assert!(there > 1e-8, "{there}");
    let back = kld("scaled.gguf", "m.gguf");
    assert!(back > 1e-8, "not by the logits that were kept of the other: {back}");
}

/// A job array's parts come to what one job comes to, with the matrices that `quantize --imatrix` asks for.
#[test]
fn parts_are_merged_with_their_importance_matrices() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    let whole = scores(&scratch, &[]);
    for (shard, output) in [("1/2", "part.1"), ("2/2", "part.2")] {
        succeeds(&scratch, &[&SCORE[..], &["Q4_0,Q8_0,Q4_K", "--shard", shard, "-o", output]].concat());
    }
    let (one, two) = (scratch.path("part.1"), scratch.path("part.2"));
    succeeds(&scratch, &["merge-scores", "part.1", "part.2", "-o", "sum.json"]);
    let sum = FimScores::read(&std::fs::read(scratch.path("sum.json")).unwrap()).unwrap();
    assert_eq!((sum.num_samples, one.exists(), two.exists()), (whole.num_samples, true, true));
    let read = |name: &str| imatrix::read(&std::fs::read(scratch.path(name)).unwrap()).unwrap();
    for kind in ["activations", "fisher"] {
        let (sum, whole) = (read(&format!("sum.{kind}.gguf")), read(&format!("fim_scores.{kind}.gguf")));
        assert!(sum.keys().eq(whole.keys()));
        for (sum, whole) in sum.values().flatten().zip(whole.values().flatten()) {
            assert!((sum - whole).abs() <= 1e-4 * whole.abs(), "{kind}: {sum}, not {whole}");
        }
    }
    std::fs::remove_file(scratch.path("part.2.fisher.gguf")).unwrap();
    let said = stderr(&mut scratch.packbench(&["merge-scores", "part.1", "part.2", "-o", "sum.json"]));
    assert!(said.contains("part.2.fisher.gguf isn't there"), "{said}");
}

/// A prediction is about one importance matrix, or none.
#[test]
fn a_file_says_what_was_foretold_of_it_and_of_no_other() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    scores(&scratch, &[]);
    succeeds(&scratch, &["plan", "fim_scores.json", "--budget", "bpw:6.5", "-o", "quant_plan.json"]);
    let says = |imatrix: &[&str]| {
        let make = ["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"];
        succeeds(&scratch, &[&make[..], imatrix].concat());
        let bytes = std::fs::read(scratch.path("o.gguf")).unwrap();
        let metadata = Gguf::parse(&bytes).unwrap().metadata;
        [PLAN_HASH_KEY, PREDICTED_KLD_KEY].map(|key| metadata.get(key).is_some())
    };
    assert_eq!(says(&[]), [true, true]);
    assert_eq!(says(&["--imatrix", "none"]), [true, true]);
    assert_eq!(says(&["--imatrix", "fisher"]), [true, false]);
    says(&[]);
    let job = ["--probe", "faults", "--cache", "warm", "--pattern", "sequential", "--blocks", "1"];
    succeeds(&scratch, &[&["run", "o.gguf", "--out", "r.jsonl"][..], &job].concat());
    let report = Report::read(&std::fs::read(scratch.path("r.jsonl")).unwrap()).unwrap();
    let plan = report.variants[0].plan.as_ref().expect("a report names the plan of a file");
    assert_eq!((plan.hash.len(), plan.predicted_kld_nats.is_some()), (64, true));
}

#[test]
fn the_best_of_several_plans_is_found_by_measuring() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    scores(&scratch, &[]);
    let ask =
        ["plan", "fim_scores.json", "--budget", "bpw:6.5", "--measure", "3", "--model", "original.gguf"];
    let on = ["--text", "held-out.txt", "--chunks", "2", "--length", "32", "-o", "quant_plan.json"];
    let before = scratch.names();
    let mut command = scratch.packbench(&[&ask[..], &on].concat());
    command.assert().success();
    let said = stderr(&mut command);
    assert!(said.contains("plan-3.gguf") && said.contains("taken: plan-"), "{said}");
    let plan = QuantPlan::read(&std::fs::read(scratch.path("quant_plan.json")).unwrap()).unwrap();
    let planning = plan.packbench.unwrap();
    assert!(planning.file_bytes.unwrap() <= planning.budget.unwrap().bytes);
    let left: Vec<String> = scratch.names().into_iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(left, ["quant_plan.json"]);
    scratch.packbench(&ask[..6]).assert().code(2);
    let said = stderr(&mut scratch.packbench(&[&ask[..], &["--text", "text.txt"]].concat()));
    assert_eq!(said, "error: the model was scored on text.txt: measure on another text\n");
}

#[test]
fn a_report_shows_latency_bytes_and_quality_together() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    for mix in ["Q8_0", "Q4_0"] {
        succeeds(&scratch, &["quantize", "original.gguf", "--type", mix, "-o", &format!("{mix}.gguf")]);
    }
    let on = ["--text", "text.txt", "--chunks", "2", "--length", "32"];
    succeeds(&scratch, &[&["eval", "original.gguf", "Q4_0.gguf"][..], &on].concat());
    let run =
        ["run", "Q4_0.gguf", "Q8_0.gguf", "--probe", "first_token", "--policy", "normal", "--cache", "cold"];
    let more = ["--blocks", "1", "--prompt-tokens", "1", "--with", "eval_results.json", "--out", "r.jsonl"];
    scratch.packbench(&[&run[..], &more].concat()).assert().success();
    let said = succeeds(&scratch, &["report", "r.jsonl", "--with", "eval_results.json"]);
    let table = said.split("Latency, bytes and quality").nth(1).unwrap();
    let evaluation = Evaluation::read(&std::fs::read(scratch.path("eval_results.json")).unwrap()).unwrap();
    let nats = evaluation.packbench.unwrap().models[1].kld_nats;
    let of = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(of("Q4_0.gguf").contains(&format!("{nats:.5}")), "{table}");
    assert!(of("Q8_0.gguf").contains('–'), "it wasn't evaluated: {table}");
    let missing = ["run", "Q4_0.gguf", "--with", "none.json", "--out", "s.jsonl"];
    scratch.packbench(&missing).assert().code(2);
    assert!(!scratch.path("s.jsonl").exists(), "found out before anything is measured");
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing() {
    let scratch = Scratch::new();
    text(&scratch);
    original(&scratch);
    let fails = |args: &[&str], because: &str| {
        let mut command = scratch.packbench(args);
        command.assert().code(2);
        let said = stderr(&mut command);
        assert!(said.contains(because), "{said}");
    };
    succeeds(&scratch, &["quantize", "original.gguf", "--type", "Q4_0", "-o", "q4.gguf"]);
    // Rows of `ffn_down` of 256, which take any type.
    scratch.write("rows.gguf", &TinyModel { payload: Bytes(370_000), ..TinyModel::new(2) }.bytes());
    let before = scratch.names();
    fails(&["score", "original.gguf", "--text", "text.txt"], "the texts have");
    fails(
        &["quantize", "rows.gguf", "--dither", "--type", "Q2_K_S", "-o", "o.gguf"],
        "llama.cpp makes what is asked for under an importance matrix only",
    );
    fails(&["score", "m.gguf", "--text", "text.txt", "--sequences", "1", "--length", "8"], "--dither");
    fails(&[&SCORE[..], &["Q8_0", "--shard", "4/3"]].concat(), "found \"4/3\"");
    fails(&[&SCORE[..], &["Q8_0", "--imatrix", "m.gguf"]].concat(), "expected an importance matrix");
    fails(&[&SCORE[..], &["Q8_0", "--imatrix", "fisher"]].concat(), "what a score finds out");
    fails(
        &["quantize", "m.gguf", "--type", "Q8_0", "-o", "o.gguf", "--plan", "p.json"],
        "cannot be used with",
    );
    fails(&["quantize", "q4.gguf", "--type", "Q8_0", "-o", "o.gguf"], "--dither");
    fails(&["quantize", "q4.gguf", "--type", "Q4", "-o", "o.gguf"], "expected one of F32, F16, Q4_0, ");
    fails(&["quantize", "q4.gguf", "-o", "o.gguf"], "<--plan <FILE>|--type <TYPE>>");
    fails(
        &["quantize", "original.gguf", "--type", "Q4_0", "--imatrix", "fisher", "-o", "o.gguf"],
        "name these by --scores",
    );
    fails(&[&SCORE[..], &["Q8_0,IQ1_S"]].concat(), "llama.cpp makes IQ1_S under an importance matrix only");
    fails(&["eval", "original.gguf", "original.gguf", "--text", "text.txt"], "two models are named");
    let wider = TinyModel { traits: Traits { more_tokens: 64, ..Traits::NONE }, ..TinyModel::new(1) };
    scratch.write("wider.gguf", &wider.bytes());
    let on = ["--text", "text.txt", "--chunks", "1", "--length", "16"];
    fails(
        &[&["eval", "m.gguf", "wider.gguf"], &on[..]].concat(),
        "foretells 384 tokens, and the reference 320",
    );
    std::fs::remove_file(scratch.path("wider.gguf")).unwrap();
    scratch.write("quant_plan.json", b"{}");
    fails(&["quantize", "original.gguf", "--plan", "quant_plan.json", "-o", "o.gguf"], "quant_plan.json");
    std::fs::remove_file(scratch.path("quant_plan.json")).unwrap();
    assert_eq!(scratch.names(), before);
}
