//! Gradients are what the loss does when weights move.

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::random::Random;
use packbench_fim::{LabelSource, Model, Par, gradients};

use crate::shared::{F32Model, LAYERS, place, samples, tokens};

const PAR: Par = Par::Seq;

/// The loss when each weight of a tensor moves by `step` times its part of `direction`.
fn loss(bytes: &[u8], name: &str, direction: &[f32], step: f64, text: &[u32]) -> f64 {
    let mut moved = bytes.to_vec();
    let (words, _) = moved[place(bytes, name)].as_chunks_mut();
    for (word, part) in words.iter_mut().zip(direction) {
        *word = ((f64::from(f32::from_le_bytes(*word)) + step * f64::from(*part)) as f32).to_le_bytes();
    }
    let model = Model::new(Gguf::parse(&moved).unwrap(), None).unwrap();
    gradients::loss(&model, text, LabelSource::Data(text), PAR).unwrap()
}

/// The slope of the loss along `direction`, by differences of fourth order.
fn slope(bytes: &[u8], name: &str, direction: &[f32], text: &[u32], step: f64) -> f64 {
    let at = |steps: f64| loss(bytes, name, direction, steps * step, text);
    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Steps for which the loss moves by about a hundredth: enough above rounding, little enough for four orders. Where one is
/// too short or too long another isn't.
fn check(sample: &TinyModel) {
    let model = F32Model::tiny(sample);
    let text = tokens(24, 320);
    let parsed = Model::new(Gguf::parse(&model.bytes).unwrap(), None).unwrap();
    let found = gradients::gradients(&parsed, &text, LabelSource::Data(&text), PAR).unwrap();
    let mut random = Random::new(9);
    for (name, gradient) in &found {
        // Along the gradient itself, and where half of the weights move against it.
        let mixed: Vec<f32> =
            gradient.data.iter().map(|g| if random.next_u64().is_multiple_of(4) { -g } else { *g }).collect();
        for direction in [&gradient.data, &mixed] {
            let foretold = dot(&gradient.data, direction);
            let measured = |moved: f64| slope(&model.bytes, name, direction, &text, moved / foretold.abs());
            let is_close = |measured: f64| (measured / foretold - 1.0).abs() < 1e-3;
            let tried = [0.02, 0.01, 0.03].into_iter().map(measured);
            assert!(
                tried.clone().any(is_close),
                "{sample:?} {name}: foretold {foretold}, {:?}",
                tried.collect::<Vec<_>>()
            );
        }
    }
    assert_eq!(found.len(), 7 * sample.layers as usize + 1 + usize::from(sample.traits.untied));
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    samples(LAYERS).iter().for_each(check);
}
