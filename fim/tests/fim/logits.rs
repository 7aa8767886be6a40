//! The forward is llama.cpp's.

use packbench_core::gguf::sample::{Architecture, TinyModel};
use packbench_core::gguf::{ArrayBuf, Gguf, Value, ValueType};
use packbench_fim::{Model, Par};

use crate::shared::{F32Model, LAYERS, edited, real, samples, tokens};

/// The largest difference to llama.cpp's logits, in shares of their spread.
fn difference(model: &F32Model, tokens: &[u32]) -> f32 {
    let ours = Model::new(Gguf::parse(&model.bytes).unwrap(), None).unwrap();
    let ours = ours.logits(tokens, Par::rayon(2)).unwrap();
    let theirs = model.engine_logits(tokens);
    let all = theirs.iter().flatten();
    let mean: f32 = all.clone().sum::<f32>() / ours.data.len() as f32;
    let spread = (all.clone().map(|x| (x - mean).powi(2)).sum::<f32>() / ours.data.len() as f32).sqrt();
    assert_eq!(ours.data.len(), theirs.iter().map(Vec::len).sum::<usize>());
    ours.data.iter().zip(all).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max) / spread
}

/// llama.cpp looks gemma's gates up in a table of half precision, which costs some digits in each layer.
#[test]
fn logits_of_tiny_models_are_llama_cpps() {
    for sample in samples(LAYERS) {
        let limit = if sample.architecture == Architecture::Gemma3 { 5e-3 } else { 1e-5 };
        let off = difference(&F32Model::tiny(&sample), &tokens(40, 320));
        assert!(off < limit, "{sample:?}: off by {off} of the spread");
    }
}

#[test]
fn metadata_are_read_as_llama_cpp_reads_them() {
    let sample = |architecture| TinyModel { architecture, ..TinyModel::new(LAYERS) }.bytes();
    let unscaled =
        [("llama.rope.scaling.type", Value::String(b"none")), ("llama.rope.scaling.factor", Value::F32(4.0))];
    let off =
        difference(&F32Model::of_bytes(&edited(&sample(Architecture::Llama), &unscaled)), &tokens(40, 320));
    assert!(off < 1e-5, "a factor of no scaling: off by {off} of the spread");
    let mut list = ArrayBuf::new(ValueType::Bool);
    for is_windowed in [false, true, true, false, true, false] {
        list.push(Value::Bool(is_windowed)).unwrap();
    }
    let listed = [("gemma3.attention.sliding_window_pattern", Value::Array(list.as_array()))];
    let off =
        difference(&F32Model::of_bytes(&edited(&sample(Architecture::Gemma3), &listed)), &tokens(40, 320));
    assert!(off < 5e-3, "windows listed: off by {off} of the spread");
    let factor = [("llama.rope.scaling.attn_factor", Value::F32(0.5))];
    let file = edited(&sample(Architecture::Llama), &factor);
    let error = Model::new(Gguf::parse(&file).unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("attn_factor 0.5"), "{error}");
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn logits_of_real_models_are_llama_cpps() {
    for name in ["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m-q4_k_m.gguf"] {
        let off = difference(&F32Model::of(&real(name)), &tokens(48, 30_000));
        assert!(off < 1e-2, "{name}: off by {off} of the spread");
    }
}
