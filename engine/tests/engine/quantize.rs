//! Files that llama.cpp quantizes, and logits of each token.

use std::collections::BTreeMap;

use packbench_core::error::chain;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::gguf::{GgmlType, Gguf, Value};
use packbench_core::job::Prompt;
use packbench_core::measure::engine::{LoadWay, LoadedModel};
use packbench_core::quant::imatrix::{is_needed, is_needed_for};
use packbench_core::quant::{ColumnWeights, TensorType};
use packbench_core::record::StockMix;
use packbench_core::unit::Bytes;
use packbench_engine::{Mix, NoteValue, QuantizeError, Recipe};

use strum::VariantArray;

use crate::shared::{Model, engine, request};

const NOTES: [(&str, NoteValue<'_>); 2] =
    [("packbench.plan_hash", NoteValue::Text("abc")), ("packbench.predicted", NoteValue::Number(0.5))];

fn recipe<'a>(types: &'a [TensorType], weights: &'a ColumnWeights) -> Recipe<'a> {
    Recipe { mix: Mix::Q4_0, types, weights, notes: &NOTES, threads: 1 }
}

fn types_of(bytes: &[u8]) -> BTreeMap<String, GgmlType> {
    let gguf = Gguf::parse(bytes).unwrap();
    gguf.tensors.iter().map(|tensor| (tensor.name.to_owned(), tensor.ggml_type)).collect()
}

/// Twelve layers: a pattern that isn't anchored would take `blk.1` for `blk.11`, too.
#[test]
fn each_tensor_becomes_what_was_asked_and_what_the_dry_run_told() {
    let model = Model::tiny(&TinyModel::new(12));
    let named = |layer: u32| format!("blk.{layer}.ffn_down.weight");
    let as_type = |name: &str, ggml_type| TensorType { pattern: format!("^{name}$"), ggml_type };
    let types = [
        as_type(&named(1), GgmlType::Q5_0),
        as_type(&named(2), GgmlType::Q4_K), // rows of 32 don't take it
        as_type("token_embd.weight", GgmlType::Q5_1),
    ];
    let weights = ColumnWeights::from([(named(1), vec![2.0; 32])]);
    let recipe = recipe(&types, &weights);
    let destination = model.path.with_extension("q4");
    let told = engine().effective_types(&model.path, &recipe).unwrap();
    engine().quantize(&model.path, &destination, &recipe).unwrap();
    let file = std::fs::read(&destination).unwrap();
    let found = types_of(&file);
    let metadata = Gguf::parse(&file).unwrap().metadata;
    assert_eq!(metadata.str("packbench.plan_hash").unwrap(), Some("abc"));
    assert_eq!(metadata.get("packbench.predicted"), Some(Value::F32(0.5)));
    assert_eq!(told.into_iter().collect::<BTreeMap<_, _>>(), found);
    assert_eq!(found[&named(1)], GgmlType::Q5_0);
    assert_eq!(found[&named(2)], GgmlType::Q5_0, "what llama.cpp falls back to");
    assert_eq!(found[&named(11)], GgmlType::Q4_0);
    assert_eq!(found["token_embd.weight"], GgmlType::Q5_1);
    assert_eq!(found["blk.1.attn_norm.weight"], GgmlType::F32, "vectors stay");
}

/// A dry run tells types that llama.cpp then refuses to make. `ffn_down` has rows of 256, which take any type.
#[test]
fn mixes_that_need_an_importance_matrix_are_those_that_llama_cpp_refuses_without() {
    let model = Model::tiny(&TinyModel { payload: Bytes(370_000), ..TinyModel::new(2) });
    let (weights, destination) = (ColumnWeights::new(), model.path.with_extension("made"));
    let mut needed = Vec::new();
    for mix in Mix::VARIANTS {
        let recipe = Recipe { mix: *mix, ..recipe(&[], &weights) };
        let types = engine().effective_types(&model.path, &recipe).unwrap();
        let stock = StockMix { name: mix.to_string(), types: types.into_iter().collect() };
        let made = engine().quantize(&model.path, &destination, &recipe);
        assert_eq!(made.is_err(), is_needed_for(&stock), "{mix}: {made:?}");
        needed.extend(made.is_err().then_some(*mix));
    }
    assert_eq!(needed, [Mix::IQ2_XXS, Mix::IQ2_XS, Mix::Q2_K_S, Mix::IQ2_S, Mix::IQ2_M]);
}

#[test]
fn types_that_need_an_importance_matrix_are_those_that_llama_cpp_refuses_without() {
    use GgmlType::*;
    let model = Model::tiny(&TinyModel { payload: Bytes(370_000), ..TinyModel::new(2) });
    let (weights, destination) = (ColumnWeights::new(), model.path.with_extension("made"));
    let tensor = "blk.0.ffn_down.weight";
    for ggml_type in [IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_XS, Q2_K, Q3_K] {
        let types = [TensorType { pattern: format!("^{tensor}$"), ggml_type }];
        let made = engine().quantize(&model.path, &destination, &recipe(&types, &weights));
        assert_eq!(made.is_err(), is_needed(tensor, ggml_type), "{ggml_type}: {made:?}");
    }
}

#[test]
fn what_ggml_would_die_of_is_refused_before_anything_is_written() {
    use GgmlType::*;
    let model = Model::tiny(&TinyModel { payload: Bytes(370_000), ..TinyModel::new(2) });
    let (weights, destination) = (ColumnWeights::new(), model.path.with_extension("made"));
    let tensor = "blk.0.ffn_down.weight";
    for ggml_type in [Q8_1, Q8_K, I8, I16, I32, I64, F64] {
        let types = [TensorType { pattern: format!("^{tensor}$"), ggml_type }];
        let made = engine().quantize(&model.path, &destination, &recipe(&types, &weights));
        let expected = format!("tensor {tensor:?}: the engine can't turn rows of type {ggml_type}");
        assert_eq!(chain(&made.unwrap_err()), expected);
    }
    assert!(!destination.exists());
}

#[test]
fn what_cannot_be_quantized_is_told_in_llama_cpps_words() {
    let model = Model::of_bytes(b"GGUF, or not");
    let (types, weights) = ([], ColumnWeights::new());
    let error = engine().effective_types(&model.path, &recipe(&types, &weights)).unwrap_err();
    assert!(matches!(error, QuantizeError::Refused { .. }), "{error}");
}

/// The answer of a conversation, whose keys and values are in half precision, may be the second of two that are as good.
#[test]
fn logits_of_all_tokens_are_those_of_each_prompt() {
    let model = Model::tiny(&TinyModel::new(2));
    let loaded = engine().open(&request(&model.path, LoadWay::Stock)).unwrap();
    let tokens = loaded.tokens(&Prompt::Count(9)).unwrap();
    let mut all = Vec::new();
    loaded.evaluation(9).unwrap().logits(&tokens, &mut |rows| all.extend_from_slice(rows)).unwrap();
    assert_eq!(all.len(), 9 * 320);
    let mut context = loaded.context(9).unwrap();
    for (len, logits) in (1..).zip(all.chunks(320)) {
        context.clear();
        let answer = context.prefill(&tokens[..len]).unwrap();
        let best = logits.iter().copied().fold(f32::MIN, f32::max);
        assert!(best - logits[answer.0 as usize] < 0.01 * best, "{len} tokens: {best}, {answer:?}");
    }
}
