//! What an engine can't do is said by name, and the process goes on.

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use packbench_core::error::chain;
use packbench_core::gguf::sample::{TinyModel, vocabulary};
use packbench_core::gguf::{Gguf, Value, Version, Writer};
use packbench_core::job::Advice;
use packbench_core::measure::engine::{
    Engine, EngineError, LoadRequest, LoadWay, LoadedModel, Prompt, Token,
};
use packbench_core::os::OsError;
use packbench_core::unit::Bytes;
use packbench_engine::LoadedLlama;

use crate::shared::{Model, engine, request};

const STRIPPED: LoadWay = LoadWay::Stripped(Advice::Normal);

/// A tiny model with one value of its metadata replaced, or left out.
fn altered(key: &str, value: Option<Value<'_>>) -> Model {
    let file = TinyModel::new(2).bytes();
    let gguf = Gguf::parse(&file).unwrap();
    let mut writer = Writer::new(Version::V3);
    for entry in gguf.metadata.entries() {
        match value {
            _ if entry.key != key => writer.set(entry.key, entry.value),
            Some(value) => writer.set(key, value),
            None => {}
        }
    }
    for tensor in &gguf.tensors {
        writer.tensor(tensor.name, tensor.dims, tensor.ggml_type).unwrap();
    }
    let mut bytes = Vec::new();
    let payload = |name| gguf.payload(gguf.tensor(name).unwrap()).unwrap();
    writer.write(&mut bytes, |tensor, out| out.write_all(payload(tensor.name))).unwrap();
    Model::of_bytes(&bytes)
}

fn load_error(model: &Model) -> EngineError {
    engine().load(&request(&model.path, STRIPPED)).err().expect("it can't be loaded")
}

fn loaded(model: &Model) -> LoadedLlama<'_> {
    engine().open(&request(&model.path, STRIPPED)).unwrap()
}

#[test]
fn an_unknown_architecture_is_named() {
    let model = altered("general.architecture", Some(Value::String(b"zebra")));
    assert!(matches!(load_error(&model), EngineError::UnknownArchitecture { name } if name == "zebra"));
}

#[test]
fn a_missing_vocabulary_is_named() {
    for key in ["tokenizer.ggml.model", "tokenizer.ggml.tokens"] {
        let error = load_error(&altered(key, None));
        assert!(matches!(error, EngineError::VocabularyMissing), "{key}: {error}");
    }
    let model = altered("tokenizer.ggml.model", Some(Value::String(b"none")));
    let model = loaded(&model);
    let text = Prompt::Text("hello".into());
    assert!(matches!(model.tokens(&text), Err(EngineError::VocabularyMissing)));
    let tokens = model.tokens(&Prompt::Count(2)).unwrap();
    assert!(model.context(64).unwrap().prefill(&tokens).is_ok(), "numbers need no vocabulary");
}

#[test]
fn a_file_that_is_no_whole_model_says_why() {
    let whole = TinyModel::new(2).bytes();
    for (bytes, expected) in [
        (vocabulary(100), "loading the model: "),
        (whole[..whole.len() / 2].to_vec(), "not within the file bounds"),
        (b"<html>".to_vec(), "loading the model: "),
    ] {
        let error = load_error(&Model::of_bytes(&bytes));
        assert!(matches!(error, EngineError::Load { .. }) && error.to_string().contains(expected), "{error}");
    }
    let missing = engine().load(&request("no such file".as_ref(), STRIPPED)).err().unwrap();
    assert!(matches!(missing, EngineError::Os(OsError::Call { call: "open", .. })), "{missing}");
}

#[test]
fn a_context_too_large_is_refused_before_memory_runs_out() {
    let model = Model::tiny(&TinyModel::new(2));
    let memory = Some(Bytes::mib(64));
    let little = LoadRequest { memory, ..request(&model.path, STRIPPED) };
    let error = engine().load(&little).unwrap().context(1 << 30).err().unwrap();
    assert_eq!(
        error.to_string(),
        "no memory for a context of 1073741824 tokens, which takes 550 GB of the 67.1 MB that there are: ask for fewer"
    );
}

#[test]
fn prompts_that_cannot_be_computed_are_refused() {
    let model = Model::tiny(&TinyModel::new(2));
    let model = loaded(&model);
    assert!(matches!(model.tokens(&Prompt::Count(0)), Err(EngineError::PromptEmpty)));
    assert!(matches!(model.tokens(&Prompt::Text("".into())), Err(EngineError::PromptEmpty)));
    let mut context = model.context(64).unwrap();
    assert!(matches!(context.prefill(&[]), Err(EngineError::PromptEmpty)));
    assert!(matches!(context.decode(), Err(EngineError::PromptEmpty)), "nothing was said yet");
    let long = Prompt::spread(65, 320);
    let error = context.prefill(&long).unwrap_err();
    assert!(matches!(error, EngineError::PromptTooLong { tokens: 65, context: 64 }), "{error}");
    let error = context.prefill(&[Token(320)]).unwrap_err();
    assert!(matches!(error, EngineError::TokenUnknown { token: Token(320), vocabulary: 320 }), "{error}");
    context.prefill(&long[..64]).unwrap();
    let full = context.decode().unwrap_err();
    assert!(matches!(full, EngineError::PromptTooLong { tokens: 65, .. }), "{full}");
}

#[test]
fn logits_that_are_no_numbers_are_an_error() {
    let mut file = TinyModel::new(2).bytes();
    let embedding = Gguf::parse(&file).unwrap().tensor("token_embd.weight").unwrap().data.start.0 as usize;
    // The scale of the first of four blocks of row 9, in half precision: token 9 gets no logit.
    let scale = embedding + 9 * 4 * 34;
    file[scale..scale + 2].copy_from_slice(&0x7e00_u16.to_le_bytes());
    let model = Model::of_bytes(&file);
    let model = loaded(&model);
    let error = model.context(64).unwrap().prefill(&[Token(5)]).unwrap_err();
    assert!(matches!(error, EngineError::NotANumber), "{error}");
    let mut handed_out = 0;
    let error = model.evaluation(64).unwrap().logits(&[Token(5)], &mut |_| handed_out += 1).unwrap_err();
    assert!(matches!(error, EngineError::NotANumber) && handed_out == 0, "{error}");
}

#[test]
fn a_file_cut_short_under_a_model_is_told_and_survived() {
    let model = Model::tiny(&TinyModel { payload: Bytes::mib(4), ..TinyModel::new(2) });
    let loaded = loaded(&model);
    let mut context = loaded.context(64).unwrap();
    loaded.remap().unwrap();
    let half = fs::metadata(&model.path).unwrap().len() / 2;
    File::options().write(true).open(&model.path).unwrap().set_len(half).unwrap();
    let _ = context.prefill(&[Token(5)]);
    let at = loaded.cut_short().expect("the second half was read").0;
    assert!((half..half + (1 << 16)).contains(&at), "{at} is the first page behind {half}");
    let error = loaded.remap().unwrap_err();
    assert!(matches!(error, EngineError::Os(OsError::Replaced { .. })), "{}", chain(&error));
}

#[test]
fn another_file_under_the_same_name_is_not_laid_over_a_model() {
    let model = Model::tiny(&TinyModel::new(2));
    let loaded = loaded(&model);
    let other = Model::tiny(&TinyModel { seed: 1, ..TinyModel::new(2) });
    fs::rename(&other.path, &model.path).unwrap();
    assert!(matches!(loaded.remap(), Err(EngineError::Os(OsError::Replaced { .. }))));
}

#[test]
fn weights_that_are_not_mapped_cannot_be_mapped_anew() {
    let model = Model::tiny(&TinyModel::new(2));
    let loaded = engine().load(&request(&model.path, LoadWay::Read)).unwrap();
    assert!(matches!(loaded.remap(), Err(EngineError::Unsupported { .. })));
}

#[test]
fn a_load_and_a_prompt_end_when_asked_to() {
    let model = Model::tiny(&TinyModel { payload: Bytes::mib(32), ..TinyModel::new(8) });
    let cancel = AtomicBool::new(true);
    let at = LoadRequest { cancel: &cancel, ..request(&model.path, STRIPPED) };
    assert!(matches!(engine().load(&at), Err(EngineError::Cancelled)));
    let trace = engine().trace(&model.path, &Prompt::Count(1), &cancel);
    assert!(matches!(trace, Err(EngineError::Cancelled)));

    cancel.store(false, Ordering::Relaxed);
    let loaded = engine().open(&at).unwrap();
    let mut context = loaded.context(8192).unwrap();
    // 8192 tokens through 32 MiB take seconds.
    let tokens = Prompt::spread(8192, 320);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            cancel.store(true, Ordering::Relaxed);
        });
        context.prefill(&tokens).unwrap_err()
    });
    assert!(matches!(error, EngineError::Cancelled), "{error}");
}
