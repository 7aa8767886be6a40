//! The files of quantization: the published form reads, our own reads back, and lies are called by name.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use insta::assert_snapshot;
use packbench_core::error::chain;
use packbench_core::record::{Evaluation, FimScores, QuantPlan};
use serde_json::{Value, json};

/// A seed of the fuzz targets: as the published scripts write a file, or as packbench does.
macro_rules! seed {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../fuzz/seeds/", $name))).unwrap()
    };
}

fn published() -> Value {
    seed!("scores/published")
}

fn own() -> Value {
    seed!("scores/own")
}

fn read(value: &Value) -> Result<FimScores, String> {
    FimScores::read(&serde_json::to_vec(value).unwrap()).map_err(|error| chain(&error))
}

/// What is said of scores in which the value at `pointer` is `lie`.
fn lied(pointer: &str, lie: Value) -> String {
    let mut scores = own();
    *scores.pointer_mut(pointer).unwrap() = lie;
    read(&scores).unwrap_err()
}

#[test]
fn scores_read_back_what_was_written() {
    assert_eq!(read(&published()).unwrap().packbench, None);
    let scores = read(&own()).unwrap();
    let again = serde_json::to_value(&scores).unwrap();
    assert_eq!(read(&again).unwrap(), scores);
    assert_eq!(again["packbench"], own()["packbench"]);
}

#[test]
fn what_cant_be_true_is_named() {
    let tensor = "/packbench/tensors/0";
    assert_snapshot!(lied("/by_group/ffn_down", json!(-1)), @r#"by_group of "ffn_down": found -1, expected a finite number that is not negative"#);
    assert_snapshot!(lied("/by_tensor/blk.0.ffn_down.weight", json!(0.26)), @r#"by_tensor of "blk.0.ffn_down.weight": found 0.26, expected 0.25, which its trace comes to"#);
    assert_snapshot!(lied("/num_samples", json!(0)), @"num_samples: found 0, expected at least 1");
    assert_snapshot!(lied("/packbench/schema", json!("packbench.scores/9")), @r#"found schema "packbench.scores/9", expected "packbench.scores/1": read it with the version of packbench that wrote it"#);
    assert_snapshot!(lied("/packbench/model/payload_hash", json!("abc")), @r#"model.payload_hash: found "abc", expected 64 hexadecimal digits in lower case"#);
    assert_snapshot!(lied("/packbench/model/alignment_bytes", json!(48)), @"model.alignment_bytes: found 48, expected a power of two");
    assert_snapshot!(lied("/packbench/shards/held", json!([2, 1])), @"shards: found [2, 1] of 2, expected some of 1 … of, ascending, each once");
    assert_snapshot!(lied(&format!("{tensor}/bytes"), json!(-5)), @"this is no valid fim_scores.json: invalid value: integer `-5`, expected u64 at line 1 column 544");
    assert_snapshot!(lied(&format!("{tensor}/bytes"), json!(4000)), @r#"tensor "blk.0.ffn_down.weight" as F32: found 4000 bytes, expected 4096, which its shape comes to"#);
    assert_snapshot!(lied(&format!("{tensor}/shape"), json!([1u64 << 40, 1u64 << 40])), @r#"tensor "blk.0.ffn_down.weight": found dimensions whose product is above 2^63 - 1"#);
    assert_snapshot!(lied(&format!("{tensor}/candidates/0/type"), json!("Q6_K")), @r#"a candidate "Q6_K" comes twice, expected each once"#);
    assert_snapshot!(lied(&format!("{tensor}/candidates/0/type"), json!("Q7")), @r#"this is no valid fim_scores.json: found "Q7", expected one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, I8, I16, I32, I64, F64, IQ1_M, BF16, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0 at line 1 column 693"#);
    assert_snapshot!(lied(&format!("{tensor}/candidates/0/loss_by_token_nats"), json!(null)), @"this is no valid fim_scores.json: invalid type: null, expected f64 at line 1 column 658");
    assert_snapshot!(lied("/packbench/stock_mixes/0/types", json!({"blk.9.x": "F32"})), @r#"stock mix "Q4_K_M": found "blk.9.x", expected tensors that are listed"#);
}

#[test]
fn names_that_come_twice_are_named() {
    let twice = r#"{"model": "m", "num_samples": 1, "seq_length": 1, "seed": 1,
        "by_tensor": {"a": 1, "a": 2}, "by_group": {}, "by_layer_group": {}}"#;
    assert_snapshot!(chain(&FimScores::read(twice.as_bytes()).unwrap_err()), @r#"this is no valid fim_scores.json: found "a" twice, expected each name once at line 2 column 37"#);
    let mut scores = own();
    let tensor = scores["packbench"]["tensors"][0].clone();
    scores["packbench"]["tensors"].as_array_mut().unwrap().push(tensor);
    assert_snapshot!(read(&scores).unwrap_err(), @r#"tensor "blk.0.ffn_down.weight" comes twice, expected each once"#);
}

#[test]
fn what_python_writes_for_no_number_is_named() {
    for word in ["NaN", "Infinity", "-Infinity"] {
        let text = published().to_string().replace("1e-6", word).replace("1e-06", word);
        let error = chain(&FimScores::read(text.as_bytes()).unwrap_err());
        assert!(error.contains(&format!("found {word}, expected a number")), "{error}");
    }
    assert_snapshot!(chain(&FimScores::read(b"[1, 2").unwrap_err()), @"this is no valid fim_scores.json: found a list, expected an object at line 1 column 1");
}

#[test]
fn plans_read_back_what_was_written() {
    for plan in [seed!("quant_plan/published"), seed!("quant_plan/own")] {
        let read = QuantPlan::read(&serde_json::to_vec(&plan).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), plan);
    }
    let mut plan = seed!("quant_plan/own");
    let read = |plan: &Value| QuantPlan::read(&serde_json::to_vec(plan).unwrap());
    let own = read(&plan).unwrap().packbench.unwrap();
    assert!(own.check_model(&"ab".repeat(32)).is_ok());
    assert_snapshot!(own.check_model("cd").unwrap_err(), @"payload_hash of the plan: found abababababababababababababababababababababababababababababababab, expected cd, this model's: make a plan from its own scores");
    plan["packbench"]["tensors"][0]["kld_nats"] = json!(-1);
    assert_snapshot!(read(&plan).unwrap_err(), @"the loss of blk.0.ffn_down.weight: found -1, expected a finite number that is not negative");
}

#[test]
fn evaluations_read_back_what_was_written() {
    let read =
        |value: &Value| Evaluation::read(&serde_json::to_vec(value).unwrap()).map_err(|error| chain(&error));
    for evaluation in [seed!("evaluation/published"), seed!("evaluation/own")] {
        assert_eq!(serde_json::to_value(read(&evaluation).unwrap()).unwrap(), evaluation);
    }
    let lied = |pointer: &str, lie: Value| {
        let mut evaluation = seed!("evaluation/own");
        *evaluation.pointer_mut(pointer).unwrap() = lie;
        read(&evaluation).unwrap_err()
    };
    assert_snapshot!(lied("/baseline", json!("other")), @r#"baseline: found "other", expected one of the results: fim, naive"#);
    assert_snapshot!(lied("/packbench/chunks", json!(3)), @r#"KL divergences of "fim": found 2, expected 3, one a chunk"#);
    assert_snapshot!(lied("/packbench/models/0/name", json!("x")), @r#"models: found "x", expected models that have a result"#);
}
