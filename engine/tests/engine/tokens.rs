//! The answer is the same however the weights came in.

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Advice;
use packbench_core::measure::engine::{Engine, LoadRequest, LoadWay, Prompt};

use crate::shared::{ARCHITECTURES, Model, answer, engine, request};

fn the_ways_agree(model: &Model, ways: &[LoadWay], prompt: &Prompt) {
    let stock = answer(&request(&model.path, LoadWay::Stock), prompt);
    for &way in ways {
        assert_eq!(answer(&request(&model.path, way), prompt), stock, "{way:?}, {prompt:?}");
    }
    let two_threads = LoadRequest { threads: 2, ..request(&model.path, LoadWay::Stock) };
    assert_eq!(answer(&two_threads, prompt), stock);
}

const UNMAPPED: [LoadWay; 2] = [LoadWay::Read, LoadWay::Direct];

#[test]
fn tiny_models_answer_the_same_each_way() {
    for architecture in ARCHITECTURES {
        let model = Model::tiny(&TinyModel { architecture, ..TinyModel::new(12) });
        let stripped =
            [Advice::Normal, Advice::Random, Advice::Sequential, Advice::WillNeed, Advice::Populate]
                .map(LoadWay::Stripped);
        let ways = [&stripped[..], &UNMAPPED].concat();
        the_ways_agree(&model, &ways, &Prompt::Count(1));
        the_ways_agree(&model, &ways, &Prompt::Count(16));
    }
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn real_models_answer_the_same_each_way() {
    for model in Model::real_ones() {
        let ways = [&[LoadWay::Stripped(Advice::Normal)][..], &UNMAPPED].concat();
        the_ways_agree(&model, &ways, &Prompt::Text("The capital of France is".into()));
    }
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn a_real_model_makes_sense() {
    let model = Model::real("SmolLM2-135M-Instruct.Q4_1.gguf");
    let loaded = engine().load(&request(&model.path, LoadWay::Stock)).unwrap();
    let [prompt, paris] =
        ["The capital of France is", " Paris"].map(|text| loaded.tokens(&Prompt::Text(text.into())).unwrap());
    let first = loaded.context(64).unwrap().prefill(&prompt).unwrap();
    assert_eq!(Some(&first), paris.last());
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn copied_weights_answer_too_and_are_told() {
    let model = Model::real("gemma-3-270m-q4_k_m.gguf");
    let copying = LoadRequest { extra_buffers: true, ..request(&model.path, LoadWay::Stock) };
    let copied = engine().load(&copying).unwrap().facts().copied;
    assert!(copied.0 > 10 << 20, "{copied} of Q4_K lie in a layout that computes faster");
    answer(&copying, &Prompt::Count(4));
}
